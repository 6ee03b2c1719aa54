//! Questions to the history, asked beside the runner's loop and repeated until
//! they are answered.

use std::sync::Arc;
use std::time::Duration;

use eventlog::Offset;
use schemas::ids::{CommandId, TenantId};
use tokio::sync::Semaphore;

use super::Limits;
use super::kind::AggregateKey;
use crate::history::{History, HistoryError, Loaded, Settled};

/// What is asked.
#[derive(Clone, Copy)]
pub(super) enum Errand {
    /// All events of the aggregate, from a history that has come to `not_before`, and
    /// whether `tenant`, whose it seems to be, was erased.
    Load {
        not_before: Offset,
        tenant: TenantId,
    },
    /// What became of an old command, of a history that has come to `not_before`.
    Find {
        command: CommandId,
        not_before: Offset,
    },
}

/// An answered question.
pub(super) struct Arrival {
    pub(super) key: AggregateKey,
    pub(super) answer: Found,
}

pub(super) enum Found {
    Loaded(Loaded),
    Settled {
        command: CommandId,
        settled: Option<Settled>,
    },
}

/// Who is asked, and how patiently.
#[derive(Clone)]
pub(super) struct Messenger {
    pub(super) history: Arc<dyn History>,
    pub(super) limits: Limits,
    pub(super) slots: Arc<Semaphore>,
}

impl Messenger {
    pub(super) fn new(history: Arc<dyn History>, limits: Limits) -> Self {
        let slots = Arc::new(Semaphore::new(limits.errands));
        Self {
            history,
            limits,
            slots,
        }
    }

    /// Asks until there is an answer, with growing pauses.
    pub(super) async fn run(self, key: AggregateKey, errand: Errand) -> Arrival {
        let mut pause = self.limits.retry_first;
        loop {
            match self.attempt(key, errand).await {
                Ok(answer) => return Arrival { key, answer },
                Err(reason) => {
                    metrics::counter!("commands_history_retries_total").increment(1);
                    tracing::debug!(aggregate = key.kind.name(), id = %key.id, %reason, "waiting for the history");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(self.limits.retry_longest);
        }
    }

    async fn attempt(&self, key: AggregateKey, errand: Errand) -> Result<Found, HistoryError> {
        let _slot = self.slots.acquire().await;
        let (name, id) = (key.kind.name(), key.id.to_string());
        let (topic, partition) = (key.kind.events(), key.partition());
        match errand {
            Errand::Load { not_before, tenant } => {
                let load = self.history.load(topic, partition, name, &id, tenant);
                let loaded = within(self.limits.history_timeout, load).await?;
                if loaded.checkpoint < not_before {
                    return Err(behind(loaded.checkpoint, not_before));
                }
                Ok(Found::Loaded(loaded))
            }
            Errand::Find {
                command,
                not_before,
            } => {
                let limit = self.limits.history_timeout;
                // Before the search: one that is behind would say that there was none.
                let come_to = self.history.checkpoint(topic, partition);
                let checkpoint = within(limit, come_to).await?;
                if checkpoint < not_before {
                    return Err(behind(checkpoint, not_before));
                }
                let find = self.history.find_command(name, &id, command);
                let settled = within(limit, find).await?;
                Ok(Found::Settled { command, settled })
            }
        }
    }
}

/// A history that does not answer in time counts as away.
pub(super) async fn within<T>(
    limit: Duration,
    asked: impl Future<Output = Result<T, HistoryError>>,
) -> Result<T, HistoryError> {
    let timed_out = |_| HistoryError::Unavailable(format!("no answer in {limit:?}"));
    tokio::time::timeout(limit, asked)
        .await
        .map_err(timed_out)?
}

fn behind(checkpoint: Offset, wanted: Offset) -> HistoryError {
    HistoryError::Unavailable(format!("it has come to {checkpoint}, not yet to {wanted}"))
}
