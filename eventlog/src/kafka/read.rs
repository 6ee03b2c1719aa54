//! Reading some records of one partition, now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use rdkafka::Message;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use schemas::topic::Topic;

use super::callbacks::Callbacks;
use super::error::{OpenError, passes, unavailable};
use super::offsets::{Ends, concrete, list, patiently};
use super::options::{Options, QUERY_TIMEOUT};
use super::wire;
use crate::LogError;
use crate::record::{Fetched, Offset, OffsetRange, Partition, Position};

type Reader = BaseConsumer<Callbacks>;

/// Clients that wait for the next read; more than this are closed after use.
const IDLE_READERS: usize = 4;
/// How long one poll waits, and so how late the end of a partition that ends in
/// transaction markers is noticed: markers wake nobody.
const POLL: Duration = Duration::from_millis(5);

/// A pool of clients for reading.
pub(super) struct Readers {
    options: Arc<Options>,
    ends: Arc<Ends>,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    pub(super) fn new(options: &Arc<Options>, ends: &Arc<Ends>) -> Self {
        Self {
            options: Arc::clone(options),
            ends: Arc::clone(ends),
            idle: Mutex::default(),
        }
    }

    /// What can be read of a partition. Blocks.
    pub(super) fn range(
        &self,
        topic: Topic,
        partition: Partition,
    ) -> Result<OffsetRange, LogError> {
        self.ends.range(topic, partition)
    }

    /// Records at or after `from` up to about `max_bytes`. Blocks.
    pub(super) fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Fetched, LogError> {
        let range = self.range(topic, partition)?;
        let position = Position {
            topic,
            partition,
            offset: from,
        };
        check(position, range)?;
        if from == range.end {
            return Ok(Fetched {
                topic,
                partition,
                records: Vec::new(),
                next_offset: from,
            });
        }
        let idle = self.idle.lock().pop();
        let consumer = match idle {
            Some(consumer) => consumer,
            None => open(&self.options).map_err(unavailable)?,
        };
        let fetched = collect(&self.options, &consumer, position, range.end, max_bytes)?;
        consumer.unassign().map_err(unavailable)?;
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_READERS {
            idle.push(consumer);
        }
        Ok(fetched)
    }
}

/// Whether reading may begin at `position`.
pub(super) fn check(position: Position, range: OffsetRange) -> Result<(), LogError> {
    if position.offset < range.start {
        return Err(LogError::BeforeStart {
            position,
            start: range.start,
        });
    }
    if position.offset > range.end {
        return Err(LogError::PastEnd(position, range.end));
    }
    Ok(())
}

fn open(options: &Options) -> Result<Reader, KafkaError> {
    let mut config = options.reader();
    // A reader is assigned again and again: no long poll may be in the way.
    config.set("fetch.wait.max.ms", "10");
    config.create_with_context(Callbacks::default())
}

/// Reads until `max_bytes` are there or everything before `end` was seen.
fn collect(
    options: &Options,
    consumer: &Reader,
    from: Position,
    end: Offset,
    max_bytes: usize,
) -> Result<Fetched, LogError> {
    let Position {
        topic,
        partition,
        offset,
    } = from;
    let mut fetched = Fetched {
        topic,
        partition,
        records: Vec::new(),
        next_offset: offset,
    };
    let at = [((topic, partition), rdkafka::Offset::Offset(offset))];
    let assignment = list(options, at).map_err(unavailable)?;
    consumer.assign(&assignment).map_err(unavailable)?;
    let deadline = Instant::now() + QUERY_TIMEOUT;
    let mut bytes = 0;
    while bytes < max_bytes.max(1) && fetched.next_offset < end {
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                bytes += message.key_len() + message.payload_len();
                fetched.next_offset = message.offset() + 1;
                fetched.records.push(wire::record(topic, &message));
            }
            Some(Err(error)) if !passes(&error) => return Err(unavailable(error)),
            _ if Instant::now() > deadline => {
                return Err(LogError::Unavailable(format!(
                    "reading {from} takes too long"
                )));
            }
            _ => pass_markers(options, consumer, &mut fetched)?,
        }
    }
    Ok(fetched)
}

/// Transaction markers take offsets but are no records: the client's position
/// has moved past them.
fn pass_markers(
    options: &Options,
    consumer: &Reader,
    fetched: &mut Fetched,
) -> Result<(), LogError> {
    let positions = concrete(options, &consumer.position().map_err(unavailable)?)?;
    if let Some(position) = positions.get(&(fetched.topic, fetched.partition)) {
        fetched.next_offset = fetched.next_offset.max(*position);
    }
    Ok(())
}

/// The body of the first message of a topic with one partition. Blocks.
pub(super) fn first_message(
    options: &Options,
    ends: &Ends,
    topic: &str,
) -> Result<Option<Bytes>, OpenError> {
    let client = ends.client();
    let marks = || {
        client
            .fetch_watermarks(topic, 0, QUERY_TIMEOUT)
            .map_err(unavailable)
    };
    let (start, end) = patiently(marks)?;
    if start == end {
        return Ok(None);
    }
    let consumer = open(options).map_err(OpenError::Settings)?;
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset(topic, 0, rdkafka::Offset::Beginning)
        .map_err(unavailable)?;
    consumer.assign(&assignment).map_err(unavailable)?;
    let deadline = Instant::now() + QUERY_TIMEOUT;
    while Instant::now() < deadline {
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                return Ok(Some(Bytes::copy_from_slice(
                    message.payload().unwrap_or_default(),
                )));
            }
            Some(Err(error)) if !passes(&error) => return Err(unavailable(error).into()),
            _ => {}
        }
    }
    Err(LogError::Unavailable(format!("reading {topic} takes too long")).into())
}
