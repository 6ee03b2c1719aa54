//! The tenants that the log says are erased. A load asks the history for the mark of an
//! erasure; an aggregate that is held already, or whose whole life lies in the tail, is not
//! loaded any more, so that the runner follows the fact itself.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use eventlog::{Fetched, Log, LogError, Position, Subscription, Visibility};
use parking_lot::RwLock;
use schemas::codec::Message;
use schemas::ids::TenantId;
use schemas::tenant::TenantErased;
use schemas::topic::Topic;
use tokio_util::sync::CancellationToken;

use super::command::Command;

/// What happens to tenants, whichever context the commands are of.
const TOPIC: Topic = Topic::IdentityEvents;
const FETCH_BYTES: usize = 1 << 20;

/// Shared by the owners of a process.
#[derive(Debug, Clone, Default)]
pub(super) struct Erased(Arc<RwLock<HashSet<TenantId>>>);

impl Erased {
    /// Whether the aggregate of `command` went with its tenant. Whoever asks in another
    /// tenant's name is refused anyway, so that it is enough to look at who asks.
    pub(super) fn covers(&self, command: &Command) -> bool {
        !command.key.kind.outlives_tenant() && self.0.read().contains(&command.tenant)
    }

    /// Follows the topic until `shutdown`, from its beginning: what was erased and is not
    /// carried out yet has no mark that a load would find, however long ago it was.
    pub(super) async fn follow(
        self,
        log: Log,
        pause: Duration,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let following = async {
            loop {
                let Err(error) = self.follow_once(&log).await;
                if !error.is_passing() {
                    return Err(error).context("reading which tenants were erased");
                }
                tracing::warn!(%error, "erasures of tenants are read later");
                tokio::time::sleep(pause).await;
            }
        };
        shutdown
            .run_until_cancelled(following)
            .await
            .unwrap_or(Ok(()))
    }

    async fn follow_once(&self, log: &Log) -> Result<std::convert::Infallible, LogError> {
        let mut records = beginning(log).await?;
        loop {
            for fetched in records.next(FETCH_BYTES).await? {
                self.take(&fetched);
            }
        }
    }

    fn take(&self, fetched: &Fetched) {
        for record in &fetched.records {
            // What cannot be read stops the projections, which say so.
            if record.kind() == TenantErased::KIND
                && let Some(tenant) = record.envelope().ok().and_then(|envelope| envelope.tenant)
            {
                self.0.write().insert(tenant);
            }
        }
    }
}

/// Appended records count: what follows from an erasure lies behind it in the log.
async fn beginning(log: &Log) -> Result<Box<dyn Subscription>, LogError> {
    let mut from = Vec::new();
    for partition in 0..TOPIC.partitions() {
        let range = log.range(TOPIC, partition, Visibility::Appended).await?;
        from.push(Position {
            topic: TOPIC,
            partition,
            offset: range.start,
        });
    }
    log.subscribe(from, Visibility::Appended).await
}
