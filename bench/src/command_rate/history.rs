//! The runner's history port as an index of the log, in place of the table that
//! crate `projections` keeps: the events stay on the disk, as they would in a table.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use commands::{History, HistoryError, HistoryRecord, Loaded, Settled};
use eventlog::{
    Fetched, Log, LogError, Offset, Partition, Position, Record, Subscription, Visibility,
};
use parking_lot::Mutex;
use schemas::ids::{CommandId, TenantId};
use schemas::topic::Topic;
use uuid::Uuid;

const TOPIC: Topic = Topic::IncidentEvents;
const FETCH_BYTES: usize = 1 << 20;

/// Events of incidents by key. Other aggregates have none in this benchmark.
pub(super) struct FoldedHistory {
    log: Log,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    checkpoints: HashMap<Partition, Offset>,
    events: HashMap<Uuid, Vec<Offset>>,
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
        let history = Arc::new(Self {
            log: log.clone(),
            held: Mutex::default(),
        });
        tokio::spawn(history.clone().fold(records));
        Ok(history)
    }

    async fn fold(self: Arc<Self>, mut records: Box<dyn Subscription>) {
        while let Ok(parts) = records.next(FETCH_BYTES).await {
            self.held.lock().take_in(parts);
        }
    }

    async fn read(
        &self,
        partition: Partition,
        offset: Offset,
    ) -> Result<HistoryRecord, HistoryError> {
        let fetched = self
            .log
            .read(TOPIC, partition, offset, 1, Visibility::Durable);
        let failed = |why: String| HistoryError::Unavailable(why);
        let fetched = fetched.await.map_err(|e| failed(e.to_string()))?;
        let record = fetched.records.into_iter().next();
        let record = record.ok_or_else(|| failed(format!("offset {offset} is not there")))?;
        Ok(HistoryRecord {
            headers: record.headers,
            body: record.body.to_vec(),
            position: record.position,
        })
    }
}

impl Held {
    fn take_in(&mut self, parts: Vec<Fetched>) {
        for part in parts {
            for record in part.records {
                let offsets = self.events.entry(key_of(&record)).or_default();
                offsets.push(record.position.offset);
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
        _tenant: TenantId,
    ) -> Result<Loaded, HistoryError> {
        let (offsets, checkpoint) = {
            let held = self.held.lock();
            let key = Uuid::try_parse(key).unwrap_or_default();
            let known = held.events.get(&key).filter(|_| topic == TOPIC);
            (
                known.cloned().unwrap_or_default(),
                held.checkpoint(topic, partition),
            )
        };
        let mut records = Vec::with_capacity(offsets.len());
        for offset in offsets {
            records.push(self.read(partition, offset).await?);
        }
        Ok(Loaded {
            records,
            checkpoint,
            erased: None,
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

fn key_of(record: &Record) -> Uuid {
    Uuid::try_parse_ascii(&record.key).unwrap_or_default()
}
