//! Carrying out that a tenant was erased, as the log tells it: first the list beside the
//! backups, then accounts and keys, then every row. Each step can be done again, and the
//! log counts as read once all are done. Several gateways may do it at once.

use std::convert::Infallible;
use std::time::Duration;

use access::ended::End;
use eventlog::{Fetched, NewRecord, Position, Record, Visibility};
use projections::erasure;
use projections::members;
use projections::vault::erased_tenants;
use schemas::envelope::Envelope;
use schemas::ids::{CommandId, TenantId};
use schemas::messages::MessageSet;
use schemas::outcome::EventPosition;
use schemas::scope::Actor;
use schemas::tenant::TenantEvent;
use schemas::tenant_keys::{EndTenantKeys, TenantKeysCommand};
use schemas::topic::Topic;
use tokio_util::sync::CancellationToken;

use crate::Gateway;
use crate::auth::leave;
use crate::auth::session::nobody_yet;
use crate::erased::Line;
use crate::error::Error;

const TOPIC: Topic = Topic::IdentityEvents;
const FETCH_BYTES: usize = 1 << 20;
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// Where it can be seen who belonged to the tenant.
const KNOWN_BY: [&str; 3] = ["members", "invitations", "projects"];
/// Names commands and their ids; never changes.
const NAME: &str = "tenant_erasure";

impl Gateway {
    /// Carries out what the log says until `stop`.
    pub(crate) async fn follow_erasures(&self, stop: CancellationToken) {
        let following = async {
            loop {
                let Err(error) = self.follow_erasures_once().await;
                tracing::debug!(%error, "erased tenants are removed later");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        };
        stop.run_until_cancelled(following).await;
    }

    async fn follow_erasures_once(&self) -> Result<Infallible, Error> {
        self.end_what_was_restored().await?;
        let from = self.unread_erasures().await?;
        let mut records = self.log.subscribe(from, Visibility::Durable).await?;
        loop {
            for part in records.next(FETCH_BYTES).await? {
                self.take_erasures(&part).await?;
            }
        }
    }

    async fn take_erasures(&self, part: &Fetched) -> Result<(), Error> {
        for record in &part.records {
            if let Some(tenant) = erased(record) {
                self.erase_tenant(tenant, record).await?;
                tracing::info!(%tenant, "a tenant was erased");
            }
        }
        erased_tenants::note_read(&self.db, part.partition, part.next_offset).await?;
        Ok(())
    }

    async fn erase_tenant(&self, tenant: TenantId, fact: &Record) -> Result<(), Error> {
        let at = [EventPosition::from(fact.position)];
        self.progress.reached(&self.db, &KNOWN_BY, &at).await;
        let known = erasure::known(&self.db, tenant).await?;
        let mut lines = vec![Line::Tenant(tenant, fact.appended_at)];
        lines.extend(known.subjects.iter().copied().map(Line::Subject));
        for user in &known.users {
            let scope = nobody_yet(tenant, *user).scope();
            let left = members::of_person(&self.db, &scope).await?;
            let other = left.into_iter().find(|other| other.id != tenant.0);
            let to = other.map(|other| TenantId(other.id));
            lines.push(Line::Account {
                user: *user,
                from: tenant,
                to,
            });
        }
        self.note_erased(&lines).await?;
        for user in known.users {
            leave::after(self, tenant, user).await?;
        }
        erasure::forget_subjects(&self.db, &known.subjects).await?;
        let forgotten = erasure::forget(&self.db, tenant, fact.appended_at).await;
        forgotten.map_err(|error| Error::Unavailable(error.to_string()))?;
        // What was made of the rows while they went.
        self.end(End::tenant(tenant)).await
    }

    /// A log that was restored from before an erasure knows nothing of it: its keys are
    /// ended anew, and no token of it is good.
    async fn end_what_was_restored(&self) -> Result<(), Error> {
        let now = self.clock.now();
        for (tenant, _) in erased_tenants::all(&self.db).await? {
            self.ended.note(End::tenant(tenant), now);
            if !self.keyring.ready() {
                return Err(Error::Unavailable("the keys are not read yet".to_owned()));
            }
            if !self.keyring.has_ended(tenant) {
                self.log.append(vec![self.end_keys(tenant)?]).await?;
            }
        }
        Ok(())
    }

    fn end_keys(&self, tenant: TenantId) -> Result<NewRecord, Error> {
        let message = TenantKeysCommand::from(EndTenantKeys {
            reason: Some("the tenant was erased".to_owned()),
        });
        let id = CommandId::of_worker(tenant.0, NAME, "end keys").0;
        let envelope = Envelope {
            id,
            kind: message.kind().to_owned(),
            source: "/gateway".to_owned(),
            subject: tenant.to_string(),
            time: self.clock.now(),
            tenant: Some(tenant),
            project: None,
            actor: Actor::system(NAME),
            correlation: id,
            causation: None,
            traceparent: None,
            sequence: None,
            expected_version: None,
            request_hash: None,
        };
        Ok(NewRecord::of(Topic::IdentityCommands, &envelope, &message)?)
    }

    /// Where the next record lies that may tell of an erasure that is not carried out. A
    /// log that was restored may end before that.
    async fn unread_erasures(&self) -> Result<Vec<Position>, Error> {
        let read = erased_tenants::read_up_to(&self.db).await?;
        let mut from = Vec::new();
        for partition in 0..TOPIC.partitions() {
            let range = self.log.range(TOPIC, partition, Visibility::Durable);
            let range = range.await?;
            let known = read.iter().find(|(of, _)| *of == partition);
            let next = known.map_or(range.start, |(_, next)| *next);
            from.push(Position {
                topic: TOPIC,
                partition,
                offset: next.clamp(range.start, range.end),
            });
        }
        Ok(from)
    }
}

/// The tenant that a record says is erased. What cannot be read stops the projections,
/// which say so.
fn erased(record: &Record) -> Option<TenantId> {
    if !TenantEvent::has(record.kind()) {
        return None;
    }
    match record.decode().ok()? {
        TenantEvent::TenantErased(_) => record.envelope().ok()?.tenant,
        _ => None,
    }
}
