//! A history that is a real fold of the log, read on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use commands::{History, HistoryError, HistoryRecord, Loaded, Settled};
use eventlog::embedded::EmbeddedLog;
use eventlog::{Log, Offset, Partition, Record, Visibility};
use parking_lot::Mutex;
use schemas::ids::{CommandId, TenantId};
use schemas::outcome::EventPosition;
use schemas::topic::Topic;

pub(crate) struct LogHistory {
    log: Mutex<Log>,
    away: AtomicBool,
    /// It has taken over nothing yet.
    behind: AtomicBool,
    /// It has nothing of this tenant.
    erased: Mutex<Option<TenantId>>,
    pub(crate) loads: AtomicUsize,
    pub(crate) finds: AtomicUsize,
    /// Questions of any kind.
    pub(crate) asked: AtomicUsize,
}

impl LogHistory {
    pub(crate) fn over(log: Arc<EmbeddedLog>) -> Self {
        Self {
            log: Mutex::new(log),
            away: AtomicBool::new(false),
            behind: AtomicBool::new(false),
            erased: Mutex::new(None),
            loads: AtomicUsize::new(0),
            finds: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
        }
    }

    pub(crate) fn reopen(&self, log: Arc<EmbeddedLog>) {
        *self.log.lock() = log;
    }

    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    pub(crate) fn set_behind(&self, behind: bool) {
        self.behind.store(behind, Ordering::SeqCst);
    }

    pub(crate) fn erase(&self, tenant: TenantId) {
        *self.erased.lock() = Some(tenant);
    }

    /// What it holds of a partition, and its checkpoint.
    async fn held(
        &self,
        topic: Topic,
        partition: Partition,
    ) -> Result<(Vec<Record>, Offset), HistoryError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(HistoryError::Unavailable("switched off".to_owned()));
        }
        if self.behind.load(Ordering::SeqCst) {
            return Ok((Vec::new(), 0));
        }
        let log = self.log.lock().clone();
        let records = read_all(&log, topic, partition).await;
        let next = records.last().map_or(0, |last| last.position.offset + 1);
        Ok((records, next))
    }
}

#[async_trait]
impl History for LogHistory {
    async fn checkpoint(&self, topic: Topic, partition: Partition) -> Result<Offset, HistoryError> {
        Ok(self.held(topic, partition).await?.1)
    }

    async fn load(
        &self,
        topic: Topic,
        partition: Partition,
        aggregate: &str,
        key: &str,
        tenant: TenantId,
    ) -> Result<Loaded, HistoryError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let (records, checkpoint) = self.held(topic, partition).await?;
        let source = format!("/commands/{aggregate}");
        let erased = *self.erased.lock();
        let own = records.into_iter().filter(|record| {
            let envelope = record.envelope().unwrap();
            let kept = erased.is_none() || envelope.tenant != erased;
            kept && envelope.subject == key && envelope.source == source
        });
        let records = own.map(|record| HistoryRecord {
            headers: record.headers,
            body: record.body.to_vec(),
            position: record.position,
        });
        Ok(Loaded {
            records: records.collect(),
            checkpoint,
            erased: erased.filter(|erased| *erased == tenant),
        })
    }

    async fn find_command(
        &self,
        _: &str,
        key: &str,
        command: CommandId,
    ) -> Result<Option<Settled>, HistoryError> {
        self.finds.fetch_add(1, Ordering::SeqCst);
        let topic = Topic::IncidentEvents;
        let (records, _) = self.held(topic, topic.partition_of(key.as_bytes())).await?;
        let caused = records
            .iter()
            .map(|record| (record.envelope().unwrap(), record.position));
        let caused: Vec<_> = caused
            .filter(|(envelope, _)| envelope.causation == Some(command.0))
            .collect();
        Ok(caused.last().map(|(last, _)| Settled {
            version: last.sequence.unwrap(),
            positions: caused
                .iter()
                .map(|(_, p)| EventPosition::from(*p))
                .collect(),
            request_hash: last.request_hash.clone(),
        }))
    }
}

/// All durable records of one partition.
pub(crate) async fn read_all(log: &Log, topic: Topic, partition: Partition) -> Vec<Record> {
    let (mut all, mut next) = (Vec::new(), 0);
    loop {
        let fetched = log
            .read(topic, partition, next, 1 << 20, Visibility::Durable)
            .await
            .unwrap();
        if fetched.records.is_empty() {
            return all;
        }
        next = fetched.next_offset;
        all.extend(fetched.records);
    }
}
