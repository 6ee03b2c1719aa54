//! The log on Kafka, for teams that outgrew one machine.
//!
//! Durable means committed: every reader is `read_committed`, and every append is
//! `acks=all` from an idempotent producer. A single record is durable when its
//! append returns, and readable once the transactions before it in its partition
//! are decided, which takes as long as those transactions.
//!
//! Transaction markers take offsets, so offsets have gaps and
//! `Fetched::next_offset` passes them, sometimes with no record. Whatever a
//! [`Member`] fails to commit, for whatever reason, is delivered again: `Revoked`,
//! `Assigned`, then the records after the offsets that are committed.

mod append;
mod callbacks;
pub(crate) mod copy;
mod error;
mod identity;
mod member;
mod offsets;
mod options;
mod read;
mod subscription;
mod told;
mod topics;
mod transaction;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use schemas::ids::LogId;
use schemas::topic::Topic;
use tokio::sync::watch;

pub use error::OpenError;
pub use identity::Identity;
pub use options::{DELIVERY_TIMEOUT, Options, QUERY_TIMEOUT, SESSION_TIMEOUT, TRANSACTION_TIMEOUT};

use crate::record::{Fetched, NewRecord, Offset, OffsetRange, Partition, Position};
use crate::{EventLog, Group, LogError, Member, Subscription, TopicUsage, Visibility};
use append::Appender;
use callbacks::Callbacks;
use member::KafkaMember;
use offsets::{Ends, Offsets, partitions};
use read::Readers;
use subscription::KafkaSubscription;

/// An open log.
pub struct KafkaLog {
    options: Arc<Options>,
    id: LogId,
    ends: Arc<Ends>,
    readers: Arc<Readers>,
    appender: Appender,
    failure: watch::Sender<Option<LogError>>,
}

impl KafkaLog {
    /// Opens the log, creating its topics and its id where they are missing.
    pub async fn open(options: Options) -> Result<Arc<Self>, OpenError> {
        Self::open_as(options, Identity::Any).await
    }

    /// Opens the log and insists on which one it is.
    pub async fn open_as(options: Options, identity: Identity) -> Result<Arc<Self>, OpenError> {
        let options = Arc::new(options);
        let ends = Arc::new(Ends::open(&options).map_err(OpenError::Settings)?);
        topics::prepare(&options, &ends).await?;
        let single = options
            .appender()
            .create_with_context(Callbacks::default())
            .map_err(OpenError::Settings)?;
        let id = identity::establish(&options, &ends, &single, identity).await?;
        let appender = Appender::start(&options, &ends, single)
            .map_err(|error| LogError::Unavailable(error.to_string()))?;
        Ok(Arc::new(Self {
            id,
            readers: Arc::new(Readers::new(&options, &ends)),
            ends,
            appender,
            options,
            failure: watch::Sender::new(None),
        }))
    }

    /// Once the log has failed or was closed it accepts nothing more.
    fn check_open(&self) -> Result<(), LogError> {
        self.failure.borrow().clone().map_or(Ok(()), Err)
    }

    fn fail(&self, error: &LogError) {
        if matches!(error, LogError::Failed(_)) {
            self.failure.send_if_modified(|failure| {
                let first = failure.is_none();
                failure.get_or_insert_with(|| error.clone());
                first
            });
        }
    }
}

/// Where followers learn that the log is closed or has failed.
type Ended = watch::Receiver<Option<LogError>>;

/// Pends until then.
async fn ended(log: &mut Ended) -> LogError {
    let end = log.wait_for(Option::is_some).await;
    let error = end.ok().and_then(|error| error.clone());
    error.unwrap_or_else(|| LogError::Failed("the log is gone".to_owned()))
}

#[async_trait]
impl EventLog for KafkaLog {
    fn id(&self) -> LogId {
        self.id
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        self.check_open()?;
        let appended = self.appender.append(records).await;
        appended.inspect_err(|error| self.fail(error))
    }

    async fn range(
        &self,
        topic: Topic,
        partition: Partition,
        _: Visibility,
    ) -> Result<OffsetRange, LogError> {
        self.ends
            .ask(move |ends| ends.range(topic, partition))
            .await
    }

    async fn ends(&self, of: &[(Topic, Partition)]) -> Result<Offsets, LogError> {
        let of = of.to_vec();
        self.ends.ask(move |ends| ends.stable(&of)).await
    }

    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        max_bytes: usize,
        _: Visibility,
    ) -> Result<Fetched, LogError> {
        let readers = Arc::clone(&self.readers);
        self.ends
            .ask(move |_| readers.read(topic, partition, from, max_bytes))
            .await
    }

    async fn subscribe(
        &self,
        from: Vec<Position>,
        _: Visibility,
    ) -> Result<Box<dyn Subscription>, LogError> {
        let (options, ends) = (Arc::clone(&self.options), Arc::clone(&self.ends));
        let log = self.failure.subscribe();
        let open = move |_: &Ends| KafkaSubscription::open(&options, &ends, log, &from);
        let subscription = self.ends.ask(open).await?;
        Ok(Box::new(subscription))
    }

    async fn join(&self, group: Group) -> Result<Box<dyn Member>, LogError> {
        self.check_open()?;
        let options = Arc::clone(&self.options);
        let (ends, readers) = (Arc::clone(&self.ends), Arc::clone(&self.readers));
        let log = self.failure.subscribe();
        let join = move |_: &Ends| KafkaMember::join(options, ends, readers, log, group);
        let member = self.ends.ask(join).await?;
        Ok(Box::new(member))
    }

    async fn usage(&self) -> Result<Vec<TopicUsage>, LogError> {
        self.ends
            .ask(|ends| Topic::all().map(|topic| usage(ends, topic)).collect())
            .await
    }

    async fn failed(&self) -> LogError {
        ended(&mut self.failure.subscribe()).await
    }

    async fn close(&self) -> Result<(), LogError> {
        self.fail(&LogError::Failed("the log is closed".to_owned()));
        self.appender.flush().await
    }
}

/// Counts offsets, transaction markers among them.
fn usage(ends: &Ends, topic: Topic) -> Result<TopicUsage, LogError> {
    let all: Vec<_> = partitions(topic).collect();
    let (starts, stable) = (ends.starts(&all)?, ends.stable(&all)?);
    let ranges: Vec<_> = all
        .iter()
        .map(|key| OffsetRange {
            start: starts[key],
            end: stable[key].max(starts[key]),
        })
        .collect();
    Ok(TopicUsage {
        topic: topic.name(),
        partitions: topic.partitions(),
        records: ranges
            .iter()
            .map(|range| range.end.abs_diff(range.start))
            .sum(),
        bytes: None,
        ranges,
    })
}
