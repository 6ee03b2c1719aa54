//! The embedded log, which fails on request when a body is appended.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use eventlog::{
    EventLog, Fetched, Group, Log, LogError, Member, NewRecord, Offset, OffsetRange, Partition,
    Position, Subscription, TopicUsage, Visibility,
};
use schemas::ids::LogId;
use schemas::topic::Topic;

pub(crate) struct FaultyLog {
    inner: Log,
    fault: Mutex<Option<Fault>>,
    refused: AtomicUsize,
}

#[derive(Clone)]
enum Fault {
    Refuse(LogError),
    Hang,
    Panic,
}

impl FaultyLog {
    pub(crate) fn new(inner: Log) -> Self {
        Self {
            inner,
            fault: Mutex::default(),
            refused: AtomicUsize::new(0),
        }
    }

    pub(crate) fn fail(&self, error: LogError) {
        self.set(Some(Fault::Refuse(error)));
    }

    /// Appends that were refused on request.
    #[allow(
        dead_code,
        reason = "only one of the test programs that share this asks"
    )]
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }

    pub(crate) fn hang(&self) {
        self.set(Some(Fault::Hang));
    }

    pub(crate) fn panic(&self) {
        self.set(Some(Fault::Panic));
    }

    pub(crate) fn mend(&self) {
        self.set(None);
    }

    fn set(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap() = fault;
    }
}

#[async_trait]
impl EventLog for FaultyLog {
    fn id(&self) -> LogId {
        self.inner.id()
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        let ours = [Topic::IdentityKeys, Topic::AuditOperations];
        let body = records.iter().any(|record| !ours.contains(&record.topic));
        let fault = self.fault.lock().unwrap().clone().filter(|_| body);
        match fault {
            None => self.inner.append(records).await,
            Some(Fault::Refuse(error)) => {
                self.refused.fetch_add(1, Ordering::SeqCst);
                Err(error)
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Panic) => panic!("the test asked for it"),
        }
    }

    async fn range(
        &self,
        topic: Topic,
        partition: Partition,
        visibility: Visibility,
    ) -> Result<OffsetRange, LogError> {
        self.inner.range(topic, partition, visibility).await
    }

    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        max_bytes: usize,
        visibility: Visibility,
    ) -> Result<Fetched, LogError> {
        self.inner
            .read(topic, partition, from, max_bytes, visibility)
            .await
    }

    async fn subscribe(
        &self,
        from: Vec<Position>,
        visibility: Visibility,
    ) -> Result<Box<dyn Subscription>, LogError> {
        self.inner.subscribe(from, visibility).await
    }

    async fn join(&self, group: Group) -> Result<Box<dyn Member>, LogError> {
        self.inner.join(group).await
    }

    async fn usage(&self) -> Result<Vec<TopicUsage>, LogError> {
        self.inner.usage().await
    }

    async fn failed(&self) -> LogError {
        self.inner.failed().await
    }

    async fn close(&self) -> Result<(), LogError> {
        self.inner.close().await
    }
}
