//! A log in front of another that fails where a test says so. Tests of several crates
//! have it as a module of theirs.

use async_trait::async_trait;
use eventlog::{
    EventLog, Fetched, Group, Log, LogError, Member, NewRecord, Offset, OffsetRange, Partition,
    Position, Subscription, TopicUsage, Visibility,
};
use schemas::ids::LogId;
use schemas::topic::Topic;

/// What goes wrong; what a test says nothing of goes well.
#[async_trait]
pub(crate) trait Fault: Send + Sync + 'static {
    async fn append(&self, log: &Log, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        log.append(records).await
    }

    /// Whether the range of one of its partitions can be told.
    fn range(&self, _of: Topic) -> Result<(), LogError> {
        Ok(())
    }

    /// What is told of what was read at `_from`.
    fn read(&self, _from: Offset, fetched: Fetched) -> Fetched {
        fetched
    }
}

pub(crate) struct Faulty<F> {
    pub(crate) log: Log,
    pub(crate) fault: F,
}

#[async_trait]
impl<F: Fault> EventLog for Faulty<F> {
    fn id(&self) -> LogId {
        self.log.id()
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        self.fault.append(&self.log, records).await
    }

    async fn range(
        &self,
        topic: Topic,
        partition: Partition,
        visibility: Visibility,
    ) -> Result<OffsetRange, LogError> {
        self.fault.range(topic)?;
        self.log.range(topic, partition, visibility).await
    }

    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        max_bytes: usize,
        visibility: Visibility,
    ) -> Result<Fetched, LogError> {
        let read = self.log.read(topic, partition, from, max_bytes, visibility);
        Ok(self.fault.read(from, read.await?))
    }

    async fn subscribe(
        &self,
        from: Vec<Position>,
        visibility: Visibility,
    ) -> Result<Box<dyn Subscription>, LogError> {
        self.log.subscribe(from, visibility).await
    }

    async fn join(&self, group: Group) -> Result<Box<dyn Member>, LogError> {
        self.log.join(group).await
    }

    async fn usage(&self) -> Result<Vec<TopicUsage>, LogError> {
        self.log.usage().await
    }

    async fn failed(&self) -> LogError {
        self.log.failed().await
    }

    async fn close(&self) -> Result<(), LogError> {
        self.log.close().await
    }
}
