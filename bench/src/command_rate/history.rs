//! The runner's history port as a fold of the log in memory, in place of the
//! table that crate `projections` keeps.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use commands::{History, HistoryError, HistoryRecord, Loaded, Settled};
use eventlog::{
    Fetched, Log, LogError, Offset, Partition, Position, Record, Subscription, Visibility,
};
use parking_lot::Mutex;
use schemas::ids::CommandId;
use schemas::topic::Topic;

const TOPIC: Topic = Topic::IncidentEvents;
const FETCH_BYTES: usize = 1 << 20;

/// Events of incidents by key. Other aggregates have none in this benchmark.
#[derive(Default)]
pub(super) struct FoldedHistory {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    checkpoints: HashMap<Partition, Offset>,
    events: HashMap<Bytes, Vec<Record>>,
}

impl FoldedHistory {
    /// Folds the whole topic, and goes on until the log closes.
    pub(super) async fn follow(log: &Log) -> Result<Arc<Self>, LogError> {
        let partitions = 0..TOPIC.partitions();
        let from = partitions.map(|partition| Position {
            topic: TOPIC,
            partition,
            offset: 0,
        });
        let records = log.subscribe(from.collect(), Visibility::Durable).await?;
        let history = Arc::new(Self::default());
        tokio::spawn(history.clone().fold(records));
        Ok(history)
    }

    async fn fold(self: Arc<Self>, mut records: Box<dyn Subscription>) {
        while let Ok(parts) = records.next(FETCH_BYTES).await {
            self.held.lock().take_in(parts);
        }
    }
}

impl Held {
    fn take_in(&mut self, parts: Vec<Fetched>) {
        for part in parts {
            for record in part.records {
                self.events
                    .entry(record.key.clone())
                    .or_default()
                    .push(record);
            }
            self.checkpoints.insert(part.partition, part.next_offset);
        }
    }

    fn checkpoint(&self, topic: Topic, partition: Partition) -> Offset {
        let known = self.checkpoints.get(&partition).filter(|_| topic == TOPIC);
        known.copied().unwrap_or_default()
    }
}

#[async_trait]
impl History for FoldedHistory {
    async fn checkpoint(&self, topic: Topic, partition: Partition) -> Result<Offset, HistoryError> {
        Ok(self.held.lock().checkpoint(topic, partition))
    }

    async fn load(
        &self,
        topic: Topic,
        partition: Partition,
        _aggregate: &str,
        key: &str,
    ) -> Result<Loaded, HistoryError> {
        let held = self.held.lock();
        let records = held.events.get(key.as_bytes()).filter(|_| topic == TOPIC);
        let records = records.into_iter().flatten().map(|record| HistoryRecord {
            headers: record.headers.clone(),
            body: record.body.to_vec(),
            position: record.position,
        });
        Ok(Loaded {
            records: records.collect(),
            checkpoint: held.checkpoint(topic, partition),
        })
    }

    /// No client of this benchmark sends a command twice.
    async fn find_command(
        &self,
        _aggregate: &str,
        _key: &str,
        _command: CommandId,
    ) -> Result<Option<Settled>, HistoryError> {
        Ok(None)
    }
}
