//! A log that has lost some of its records, as retention loses them.

use std::sync::Arc;

use async_trait::async_trait;
use eventlog::embedded::EmbeddedLog;
use eventlog::{
    EventLog, Fetched, Group, LogError, Member, NewRecord, Offset, OffsetRange, Partition,
    Position, Subscription, TopicUsage, Visibility,
};
use schemas::ids::LogId;
use schemas::topic::Topic;

/// `holes` tells which offsets have no record.
pub(crate) struct Holed<F> {
    pub(crate) log: Arc<EmbeddedLog>,
    pub(crate) holes: F,
}

#[async_trait]
impl<F: Fn(Topic, Partition, Offset) -> bool + Send + Sync + 'static> EventLog for Holed<F> {
    fn id(&self) -> LogId {
        self.log.id()
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        self.log.append(records).await
    }

    async fn range(
        &self,
        topic: Topic,
        partition: Partition,
        visibility: Visibility,
    ) -> Result<OffsetRange, LogError> {
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
        let mut fetched = self
            .log
            .read(topic, partition, from, max_bytes, visibility)
            .await?;
        fetched
            .records
            .retain(|record| !(self.holes)(topic, partition, record.position.offset));
        Ok(fetched)
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
