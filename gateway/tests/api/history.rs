//! The command runner's history, as the server wires it; a test can withhold some of it.

use std::sync::Mutex;

use async_trait::async_trait;
use commands::{History, HistoryError, HistoryRecord, Loaded, Settled};
use eventlog::{Offset, Partition};
use projections::{Db, QueryError, history};
use schemas::ids::{CommandId, TenantId};
use schemas::topic::Topic;

/// Answers from `history.events`.
pub(crate) struct ProjectedHistory {
    db: Db,
    withheld: Mutex<Option<&'static str>>,
}

impl ProjectedHistory {
    pub(crate) fn new(db: Db) -> Self {
        Self {
            db,
            withheld: Mutex::default(),
        }
    }

    /// Aggregates of this kind wait from now on, as long as nothing was decided of them.
    pub(crate) fn withhold(&self, aggregate: &'static str) {
        *self.withheld.lock().unwrap() = Some(aggregate);
    }
}

#[async_trait]
impl History for ProjectedHistory {
    async fn checkpoint(&self, topic: Topic, partition: Partition) -> Result<Offset, HistoryError> {
        history::checkpoint(&self.db, topic, partition)
            .await
            .map_err(away)
    }

    async fn load(
        &self,
        topic: Topic,
        partition: Partition,
        aggregate: &str,
        key: &str,
        tenant: TenantId,
    ) -> Result<Loaded, HistoryError> {
        if *self.withheld.lock().unwrap() == Some(aggregate) {
            return Err(HistoryError::Unavailable(
                "the test withholds it".to_owned(),
            ));
        }
        let found = history::load(&self.db, topic, partition, aggregate, key, tenant)
            .await
            .map_err(away)?;
        let records = found.events.into_iter().map(|event| HistoryRecord {
            headers: event.headers,
            body: event.body,
            position: event.position,
        });
        Ok(Loaded {
            records: records.collect(),
            checkpoint: found.checkpoint,
            erased: found.erased,
        })
    }

    async fn find_command(
        &self,
        aggregate: &str,
        key: &str,
        command: CommandId,
    ) -> Result<Option<Settled>, HistoryError> {
        let found = history::find_command(&self.db, aggregate, key, command)
            .await
            .map_err(away)?;
        Ok(found.map(|settled| Settled {
            version: settled.version,
            positions: settled.positions,
            request_hash: settled.request_hash,
        }))
    }
}

/// Whatever the reason, the runner must not guess: it waits.
fn away(error: QueryError) -> HistoryError {
    HistoryError::Unavailable(error.to_string())
}
