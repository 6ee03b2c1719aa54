//! What changes of members and projects end, as the log tells it. Requests end it too,
//! as soon as they know; but a request may give up waiting, or its gateway may die, and
//! the change must take effect all the same.

use std::convert::Infallible;
use std::time::Duration;

use access::ended::End;
use access::token::LIFETIME_S;
use eventlog::{Fetched, Partition, Position, Record, Visibility};
use schemas::ids::TenantId;
use schemas::messages::MessageSet;
use schemas::outcome::EventPosition;
use schemas::tenant::TenantEvent;
use schemas::time::Timestamp;
use schemas::topic::Topic;
use tokio_util::sync::CancellationToken;

use crate::Gateway;
use crate::auth::vault::ends;
use crate::error::Error;

const TOPIC: Topic = Topic::IdentityEvents;
const FETCH_BYTES: usize = 1 << 20;
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How long a request, or the gateway that served it, may take to end it itself.
const GRACE: Duration = Duration::from_secs(2);
/// Where the new role can be seen, so that a token made afterwards has it.
const SHOWN_BY: [&str; 2] = ["members", "projects"];

/// What one event has ended.
#[derive(Debug, Clone)]
struct Change {
    end: End,
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

    async fn follow_changes_once(&self) -> Result<Infallible, Error> {
        let from = self.unread().await?;
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
        // All at once in memory: the vault may be slow.
        for change in &changes {
            if let Some(tenant) = change.erased {
                self.refused.forget(tenant);
            }
            if self.ended.note(change.end, change.at) {
                self.live.end(change.end);
            }
        }
        for change in &changes {
            ends::add(&self.db, change.end, change.at).await?;
        }
        ends::note_read(&self.db, part.partition, part.next_offset).await?;
        if !changes.is_empty() {
            tokio::spawn(self.clone().end_what_came_between(changes));
        }
        Ok(())
    }

    /// Somebody may have refreshed after the event and before it could be seen, and got
    /// a token with what held before. Where the request has ended it since, this would
    /// only end the tokens that are right.
    async fn end_what_came_between(self, changes: Vec<Change>) {
        let positions: Vec<_> = changes
            .iter()
            .map(|change| change.position.clone())
            .collect();
        self.progress.reached(&self.db, &SHOWN_BY, &positions).await;
        let shown_at = self.clock.now();
        tokio::time::sleep(GRACE).await;
        for change in changes {
            if self.ended.at(change.end) != Some(change.at) {
                continue;
            }
            self.ended.note(change.end, shown_at);
            self.live.end(change.end);
            if let Err(error) = ends::add(&self.db, change.end, shown_at).await {
                tracing::warn!(%error, "other gateways were not told what ended");
            }
        }
    }

    /// Where the next record lies that nobody has ended tokens by. A log that was
    /// restored may end before that.
    async fn unread(&self) -> Result<Vec<Position>, Error> {
        let read = ends::read_up_to(&self.db).await?;
        let mut from = Vec::new();
        for partition in 0..TOPIC.partitions() {
            let range = self
                .log
                .range(TOPIC, partition, Visibility::Durable)
                .await?;
            let known = |(of, next): &(Partition, i64)| (*of == partition).then_some(*next);
            let next = read.iter().find_map(known).unwrap_or(range.end);
            from.push(Position {
                topic: TOPIC,
                partition,
                offset: next.clamp(range.start, range.end),
            });
        }
        Ok(from)
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
        erased,
        at: record.appended_at,
        position: EventPosition {
            topic: TOPIC.name().to_owned(),
            partition: record.position.partition,
            offset: record.position.offset,
        },
    })
}
