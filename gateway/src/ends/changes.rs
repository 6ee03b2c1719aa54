//! What changes of members and projects end, as the log tells it, whoever made them: a
//! request may give up waiting, or its gateway may die, and the change must take effect
//! all the same.
//!
//! A change ends the tokens that were made until it was heard of. From then on its roles
//! are looked up no more until the read models show it ([`super::unshown`]), so that no
//! later token has what held before.

use std::convert::Infallible;
use std::time::Duration;

use access::ended::End;
use access::token::LIFETIME_S;
use eventlog::{Fetched, Partition, Position, Record, Visibility};
use schemas::ids::{InvitationId, TenantId};
use schemas::messages::MessageSet;
use schemas::outcome::EventPosition;
use schemas::tenant::TenantEvent;
use schemas::time::Timestamp;
use schemas::topic::Topic;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::unshown::Place;
use crate::Gateway;
use crate::auth::invitation;
use crate::auth::vault::ends;
use crate::error::Error;
use crate::outcomes::Settled;

const TOPIC: Topic = Topic::IdentityEvents;
const FETCH_BYTES: usize = 1 << 20;
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How long a request waits for this gateway to hear of what it did.
const HEARD_WITHIN: Duration = Duration::from_secs(1);
/// Where the new role can be seen, so that a token made afterwards has it.
const SHOWN_BY: [&str; 2] = ["members", "projects"];

/// What one event has ended.
#[derive(Debug, Clone)]
struct Change {
    end: End,
    /// Whose roles it may have changed.
    roles_of: End,
    /// The tenant that is no more.
    erased: Option<TenantId>,
    at: Timestamp,
    position: EventPosition,
}

impl Gateway {
    /// Ends what the log says until `stop`.
    pub(crate) async fn follow_changes(&self, stop: CancellationToken) {
        while let Some(Err(error)) = stop.run_until_cancelled(self.follow_changes_once()).await {
            tracing::debug!(%error, "what changes of members end is not known");
            stop.run_until_cancelled(tokio::time::sleep(RETRY_AFTER))
                .await;
        }
    }

    /// What a command has ended is over when this returns, wherever its own events were
    /// heard of; `what` is ended here should that take too long.
    pub(crate) async fn end_by(&self, what: End, settled: &Settled) -> Result<(), Error> {
        let heard = self.unshown.heard(&settled.positions);
        match timeout(HEARD_WITHIN, heard).await {
            Ok(()) => Ok(()),
            Err(_) => self.end(what).await,
        }
    }

    async fn follow_changes_once(&self) -> Result<Infallible, Error> {
        let from = self.unread().await?;
        for position in &from {
            self.unshown.note_heard(position.partition, position.offset);
        }
        let mut records = self.log.subscribe(from, Visibility::Durable).await?;
        loop {
            for part in records.next(FETCH_BYTES).await? {
                self.take_changes(&part).await?;
            }
        }
    }

    async fn take_changes(&self, part: &Fetched) -> Result<(), Error> {
        let oldest = self.clock.now().plus_millis(-LIFETIME_S * 1_000);
        let changes: Vec<Change> = part
            .records
            .iter()
            .filter_map(change)
            .filter(|change| change.at > oldest)
            .collect();
        // All at once in memory: the vault may be slow. First nobody looks up roles any
        // more, then what was made until now is over.
        let news: Vec<bool> = changes
            .iter()
            .map(|change| self.unshown.hold(change.place(), change.roles_of))
            .collect();
        let now = self.clock.now();
        for (change, is_news) in changes.iter().zip(&news) {
            if let Some(tenant) = change.erased {
                self.refused.forget(tenant);
            }
            let at = if *is_news { now } else { change.at };
            if self.ended.note(change.end, at) {
                self.live.end(change.end);
            }
        }
        if news.contains(&true) {
            let next = part.next_offset;
            tokio::spawn(
                self.clone()
                    .release(changes.clone(), (part.partition, next)),
            );
        }
        for change in &changes {
            let at = self.ended.at(change.end).unwrap_or(change.at);
            ends::add(&self.db, &[change.end], at).await?;
        }
        for id in part.records.iter().filter_map(revoked) {
            invitation::forget(self, id).await?;
        }
        self.unshown.note_heard(part.partition, part.next_offset);
        // A gateway that begins here must hear of what is not shown.
        if self.unshown.is_empty() {
            ends::note_read(&self.db, part.partition, part.next_offset).await?;
        }
        Ok(())
    }

    /// Roles can be looked up again when the read models show the changes.
    async fn release(self, changes: Vec<Change>, (partition, next): Place) {
        let positions: Vec<_> = changes
            .iter()
            .map(|change| change.position.clone())
            .collect();
        self.progress.reached(&self.db, &SHOWN_BY, &positions).await;
        let places: Vec<_> = changes.iter().map(Change::place).collect();
        self.unshown.release(&places);
        if let Err(error) = ends::note_read(&self.db, partition, next).await {
            tracing::debug!(%error, "changes will be heard of once more");
        }
    }

    /// Where the next record lies that this gateway has not heard of; at first, that none
    /// has. A log that was restored may end before that.
    async fn unread(&self) -> Result<Vec<Position>, Error> {
        let read = ends::read_up_to(&self.db).await?;
        let mut from = Vec::new();
        for partition in 0..TOPIC.partitions() {
            let range = self
                .log
                .range(TOPIC, partition, Visibility::Durable)
                .await?;
            let known = |(of, next): &(Partition, i64)| (*of == partition).then_some(*next);
            let own = self.unshown.heard_up_to(partition);
            let next = own.or_else(|| read.iter().find_map(known));
            let next = next.unwrap_or(range.end);
            from.push(Position {
                topic: TOPIC,
                partition,
                offset: next.clamp(range.start, range.end),
            });
        }
        Ok(from)
    }
}

impl Change {
    fn place(&self) -> Place {
        (self.position.partition, self.position.offset)
    }
}

/// The invitation that an event revokes, together with whatever it does besides: nobody
/// need read its address or send its link any more.
fn revoked(record: &Record) -> Option<InvitationId> {
    if !TenantEvent::has(record.kind()) {
        return None;
    }
    match record.decode::<TenantEvent>().ok()? {
        TenantEvent::InvitationRevoked(event) => Some(event.invitation),
        _ => None,
    }
}

fn change(record: &Record) -> Option<Change> {
    if !TenantEvent::has(record.kind()) {
        return None;
    }
    // What cannot be read stops the projections, which say so.
    let (envelope, event) = (record.envelope().ok()?, record.decode().ok()?);
    let tenant = envelope.tenant?;
    let erased = matches!(event, TenantEvent::TenantErased(_)).then_some(tenant);
    let archived = matches!(event, TenantEvent::ProjectArchived(_));
    let end = match event {
        TenantEvent::MemberRoleChanged(event) => End::member(tenant, event.user),
        TenantEvent::MemberRemoved(event) => End::member(tenant, event.user),
        TenantEvent::ProjectRoleSet(event) => End::member(tenant, event.user),
        TenantEvent::SubjectErased(event) => End::member(tenant, event.user),
        TenantEvent::ProjectArchived(event) => End::project(event.project),
        TenantEvent::TenantErased(_) => End::tenant(tenant),
        _ => return None,
    };
    Some(Change {
        end,
        // Whoever looks for any project may find the archived one.
        roles_of: if archived { End::tenant(tenant) } else { end },
        erased,
        at: record.appended_at,
        position: EventPosition {
            topic: TOPIC.name().to_owned(),
            partition: record.position.partition,
            offset: record.position.offset,
        },
    })
}
