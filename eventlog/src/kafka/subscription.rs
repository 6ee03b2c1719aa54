//! A cursor over given partitions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use schemas::topic::Topic;
use tokio::sync::Notify;

use super::callbacks::{Callbacks, next_message};
use super::error::{out_of_range, passes, unavailable};
use super::offsets::{Ends, Offsets, concrete, list};
use super::options::Options;
use super::read::check;
use super::wire;
use super::{Ended, ended};
use crate::record::{Fetched, OffsetRange, Partition, Position};
use crate::{LogError, Subscription};

/// librdkafka wakes us; this is how long a lost wake-up could go unnoticed.
const LOST_WAKE: Duration = Duration::from_secs(1);

pub(super) struct KafkaSubscription {
    options: Arc<Options>,
    ends: Arc<Ends>,
    /// None once dropped; closing a client blocks, so a thread does it.
    consumer: Option<BaseConsumer<Callbacks>>,
    arrived: Arc<Notify>,
    log: Ended,
    /// Where reading goes on.
    next: Offsets,
    /// Found behind records that had to be handed out first.
    failure: Option<KafkaError>,
}

impl KafkaSubscription {
    /// Begins at `from`, which must exist. Blocks.
    pub(super) fn open(
        options: &Arc<Options>,
        ends: &Arc<Ends>,
        log: Ended,
        from: &[Position],
    ) -> Result<Self, LogError> {
        let next: Offsets = from
            .iter()
            .map(|p| ((p.topic, p.partition), p.offset))
            .collect();
        check_all(ends, &next)?;
        let arrived = Arc::new(Notify::new());
        let consumer = follow(options, &next, &arrived).map_err(unavailable)?;
        Ok(Self {
            options: Arc::clone(options),
            ends: Arc::clone(ends),
            consumer: Some(consumer),
            arrived,
            log,
            next,
            failure: None,
        })
    }

    /// What has arrived, without waiting; also the passing of markers, which
    /// shows as a later `next_offset`, perhaps with no record.
    fn arrived(&mut self, max_bytes: usize) -> Result<Vec<Fetched>, LogError> {
        let consumer = self
            .consumer
            .as_ref()
            .expect("the consumer is there until drop");
        let mut batch = Batch::default();
        while batch.bytes < max_bytes.max(1) {
            match next_message(consumer) {
                Some(Ok(message)) => batch.push(&self.options, &message),
                Some(Err(error)) if passes(&error) => {}
                Some(Err(error)) => {
                    self.failure = Some(error);
                    break;
                }
                None => {
                    let positions = consumer.position().map_err(unavailable)?;
                    batch.pass_markers(&self.next, concrete(&self.options, &positions)?);
                    break;
                }
            }
        }
        for (key, fetched) in &batch.partitions {
            self.next.insert(*key, fetched.next_offset);
        }
        Ok(batch.partitions.into_values().collect())
    }

    /// Says which partition has lost its place, which the brokers have to be asked.
    async fn explain(&self, error: KafkaError) -> LogError {
        if out_of_range(&error) {
            let next = self.next.clone();
            let checked = self.ends.ask(move |ends| check_all(ends, &next)).await;
            if let Err(precise) = checked {
                return precise;
            }
        }
        unavailable(error)
    }
}

#[async_trait]
impl Subscription for KafkaSubscription {
    async fn next(&mut self, max_bytes: usize) -> Result<Vec<Fetched>, LogError> {
        loop {
            if let Some(error) = self.failure.clone() {
                let failure = self.explain(error).await;
                // Not before: a call that was dropped has told nobody.
                self.failure = None;
                return Err(failure);
            }
            let batch = self.arrived(max_bytes)?;
            if !batch.is_empty() {
                return Ok(batch);
            }
            if self.failure.is_none() {
                tokio::select! {
                    () = self.arrived.notified() => {}
                    () = tokio::time::sleep(LOST_WAKE) => {}
                    failure = ended(&mut self.log) => return Err(failure),
                }
            }
        }
    }
}

impl Drop for KafkaSubscription {
    fn drop(&mut self) {
        let consumer = self.consumer.take();
        std::thread::spawn(move || drop(consumer));
    }
}

/// Messages by partition.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) partitions: BTreeMap<(Topic, Partition), Fetched>,
    pub(super) bytes: usize,
}

impl Batch {
    pub(super) fn push(
        &mut self,
        options: &Options,
        message: &rdkafka::message::BorrowedMessage<'_>,
    ) {
        let Some(topic) = options.topic_named(message.topic()) else {
            return;
        };
        self.bytes += message.key_len() + message.payload_len();
        let fetched = self.entry(topic, message.partition());
        fetched.next_offset = message.offset() + 1;
        fetched.records.push(wire::record(topic, message));
    }

    fn pass_markers(&mut self, next: &Offsets, positions: Offsets) {
        for ((topic, partition), position) in positions {
            let known = self
                .partitions
                .get(&(topic, partition))
                .map(|f| f.next_offset);
            if Some(position) > known.or_else(|| next.get(&(topic, partition)).copied()) {
                self.entry(topic, partition).next_offset = position;
            }
        }
    }

    fn entry(&mut self, topic: Topic, partition: Partition) -> &mut Fetched {
        let empty = || Fetched {
            topic,
            partition,
            records: Vec::new(),
            next_offset: 0,
        };
        self.partitions
            .entry((topic, partition))
            .or_insert_with(empty)
    }
}

fn check_all(ends: &Ends, next: &Offsets) -> Result<(), LogError> {
    let keys: Vec<_> = next.keys().copied().collect();
    let (starts, stable) = (ends.starts(&keys)?, ends.stable(&keys)?);
    next.iter().try_for_each(|(key, offset)| {
        let position = Position {
            topic: key.0,
            partition: key.1,
            offset: *offset,
        };
        check(
            position,
            OffsetRange {
                start: starts[key],
                end: stable[key],
            },
        )
    })
}

fn follow(
    options: &Options,
    next: &Offsets,
    arrived: &Arc<Notify>,
) -> Result<BaseConsumer<Callbacks>, KafkaError> {
    let mut consumer: BaseConsumer<Callbacks> =
        options.reader().create_with_context(Callbacks::default())?;
    let arrived = Arc::clone(arrived);
    consumer.set_nonempty_callback(move || arrived.notify_one());
    let at = next
        .iter()
        .map(|(key, offset)| (*key, rdkafka::Offset::Offset(*offset)));
    consumer.assign(&list(options, at)?)?;
    Ok(consumer)
}
