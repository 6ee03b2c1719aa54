//! Where partitions begin and end, asked of all partitions in one request a broker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};
use schemas::topic::Topic;

use super::callbacks::Callbacks;
use super::error::unavailable;
use super::options::{Options, QUERY_TIMEOUT, TRY_TIMEOUT};
use crate::LogError;
use crate::record::{Offset, OffsetRange, Partition};

/// One number for each partition.
pub(super) type Offsets = BTreeMap<(Topic, Partition), Offset>;

/// Asks for ends in both senses: of what is committed (`stable`, Kafka's last
/// stable offset) and of what is written (`written`, the high watermark).
pub(super) struct Ends {
    options: Arc<Options>,
    committed: BaseConsumer<Callbacks>,
    uncommitted: BaseConsumer<Callbacks>,
}

impl Ends {
    pub(super) fn open(options: &Arc<Options>) -> Result<Self, KafkaError> {
        let client = |isolation: &str| {
            let mut config = options.client();
            config.set("isolation.level", isolation);
            config.create_with_context(Callbacks::default())
        };
        Ok(Self {
            options: Arc::clone(options),
            committed: client("read_committed")?,
            uncommitted: client("read_uncommitted")?,
        })
    }

    /// The client that questions about topics go to.
    pub(super) fn client(&self) -> &BaseConsumer<Callbacks> {
        &self.committed
    }

    /// Runs something that blocks where it may.
    pub(super) async fn ask<T, E>(
        self: &Arc<Self>,
        question: impl FnOnce(&Self) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<LogError> + Send + 'static,
    {
        let ends = Arc::clone(self);
        let answer = tokio::task::spawn_blocking(move || question(&ends)).await;
        answer.unwrap_or_else(|error| Err(LogError::Unavailable(error.to_string()).into()))
    }

    /// The first offset of each partition. Blocks.
    pub(super) fn starts(&self, of: &[(Topic, Partition)]) -> Result<Offsets, LogError> {
        self.query(&self.committed, of, KafkaOffset::Beginning)
    }

    /// The offset up to which each partition can be read. Blocks.
    pub(super) fn stable(&self, of: &[(Topic, Partition)]) -> Result<Offsets, LogError> {
        self.query(&self.committed, of, KafkaOffset::End)
    }

    /// The offset after the last record, decided or not. Blocks.
    pub(super) fn written(&self, of: &[(Topic, Partition)]) -> Result<Offsets, LogError> {
        self.query(&self.uncommitted, of, KafkaOffset::End)
    }

    /// Waits until everything that is written now is committed or aborted. Blocks.
    pub(super) fn await_decided(
        &self,
        of: &[(Topic, Partition)],
        patience: Duration,
    ) -> Result<(), LogError> {
        let written = self.written(of)?;
        let deadline = Instant::now() + patience;
        loop {
            let stable = self.stable(of)?;
            let open = written
                .iter()
                .find(|(key, end)| stable.get(key) < Some(end));
            match open {
                None => return Ok(()),
                Some(((topic, partition), _)) if Instant::now() > deadline => {
                    let name = topic.name();
                    return Err(LogError::Unavailable(format!(
                        "a transaction on {name}/{partition} stays open"
                    )));
                }
                Some(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// What can be read of one partition. Blocks.
    pub(super) fn range(
        &self,
        topic: Topic,
        partition: Partition,
    ) -> Result<OffsetRange, LogError> {
        let key = (topic, partition);
        let start = self.starts(&[key])?[&key];
        let end = self.stable(&[key])?[&key];
        Ok(OffsetRange {
            start,
            end: end.max(start),
        })
    }

    fn query(
        &self,
        client: &BaseConsumer<Callbacks>,
        of: &[(Topic, Partition)],
        which: KafkaOffset,
    ) -> Result<Offsets, LogError> {
        if of.is_empty() {
            return Ok(Offsets::new());
        }
        patiently(|| {
            let answer = self.query_once(client, of, which);
            if answer.is_err() {
                // The broker that was asked may be gone, and its partitions led by others.
                client.fetch_metadata(None, TRY_TIMEOUT).ok();
            }
            answer
        })
    }

    fn query_once(
        &self,
        client: &BaseConsumer<Callbacks>,
        of: &[(Topic, Partition)],
        which: KafkaOffset,
    ) -> Result<Offsets, LogError> {
        let query = list(&self.options, of.iter().map(|key| (*key, which))).map_err(unavailable)?;
        // In this question the logical offsets stand in for timestamps.
        let answer = client
            .offsets_for_times(query, TRY_TIMEOUT)
            .map_err(unavailable)?;
        // Serves log lines and errors; such a client has nothing else to poll.
        client.poll(Duration::ZERO);
        let found = concrete(&self.options, &answer)?;
        match of.iter().find(|key| !found.contains_key(key)) {
            None => Ok(found),
            Some((topic, partition)) => {
                let name = topic.name();
                Err(LogError::Unavailable(format!(
                    "no answer for {name}/{partition}"
                )))
            }
        }
    }
}

/// Asks until there is an answer: a partition that has just been created, or is
/// moving, has no leader to ask for a moment. Blocks.
pub(super) fn patiently<T>(ask: impl Fn() -> Result<T, LogError>) -> Result<T, LogError> {
    let deadline = Instant::now() + QUERY_TIMEOUT;
    loop {
        let answer = ask();
        if answer.is_ok() || Instant::now() > deadline {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A list for librdkafka.
pub(super) fn list(
    options: &Options,
    of: impl IntoIterator<Item = ((Topic, Partition), KafkaOffset)>,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), offset) in of {
        list.add_partition_offset(&options.topic_name(topic), partition, offset)?;
    }
    Ok(list)
}

/// The partitions of a list that have a number, by topic.
pub(super) fn concrete(options: &Options, list: &TopicPartitionList) -> Result<Offsets, LogError> {
    let mut offsets = Offsets::new();
    for element in list.elements() {
        element.error().map_err(unavailable)?;
        let topic = options.topic_named(element.topic());
        if let (Some(topic), KafkaOffset::Offset(offset)) = (topic, element.offset()) {
            offsets.insert((topic, element.partition()), offset);
        }
    }
    Ok(offsets)
}

/// Every partition of a topic.
pub(super) fn partitions(topic: Topic) -> impl Iterator<Item = (Topic, Partition)> {
    (0..topic.partitions()).map(move |partition| (topic, partition))
}
