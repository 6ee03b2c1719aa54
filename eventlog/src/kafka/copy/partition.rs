//! One partition, offset by offset.

use std::collections::VecDeque;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};
use schemas::topic::Topic;

use super::{Copied, CopyError, Target};
use crate::kafka::callbacks::Callbacks;
use crate::kafka::wire;
use crate::record::{NewRecord, Offset, OffsetRange, Partition, Position, Record};
use crate::{EventLog, Visibility};

const PAGE_BYTES: usize = 1024 * 1024;

impl Target {
    /// Copies what `range` holds; offsets before its first record are filled and
    /// deleted again, later gaps are filled with what readers do not see.
    pub(super) async fn copy_partition(
        &self,
        from: &dyn EventLog,
        (topic, partition): (Topic, Partition),
        range: OffsetRange,
        copied: &mut Copied,
    ) -> Result<(), CopyError> {
        let mut at = Position {
            topic,
            partition,
            offset: 0,
        };
        let mut next = range.start;
        // The last record of a page waits for the next one: what follows it
        // decides how it is written.
        let mut held: Option<Record> = None;
        while next < range.end {
            let page = from
                .read(topic, partition, next, PAGE_BYTES, Visibility::Durable)
                .await?;
            next = page.next_offset;
            let mut records: Vec<_> = held.take().into_iter().chain(page.records).collect();
            held = records.pop();
            let end = held
                .as_ref()
                .map_or(range.end, |record| record.position.offset);
            self.write(&mut at, records, end, copied).await?;
        }
        self.write(&mut at, held.into_iter().collect(), range.end, copied)
            .await
    }

    /// Writes records and the gaps before, between and after them, up to `end`.
    async fn write(
        &self,
        at: &mut Position,
        records: Vec<Record>,
        end: Offset,
        copied: &mut Copied,
    ) -> Result<(), CopyError> {
        let mut run: Vec<Record> = Vec::new();
        let mut records = records.into_iter().peekable();
        while let Some(record) = records.next() {
            let offset = record.position.offset;
            let following = records.peek().map_or(end, |next| next.position.offset);
            copied.records += 1;
            let first_gap = offset - run.last().map_or(at.offset, |r| r.position.offset + 1);
            if first_gap > 0 {
                self.write_run(at, &mut run).await?;
                self.skip_to(at, offset, copied).await?;
            }
            if following - offset == 2 {
                // A gap of one: the record's own commit marker fills it.
                self.write_run(at, &mut run).await?;
                self.write_committed(at, &record).await?;
                copied.holes += 1;
            } else {
                run.push(record);
            }
        }
        self.write_run(at, &mut run).await?;
        self.skip_to(at, end, copied).await
    }

    async fn skip_to(
        &self,
        at: &mut Position,
        offset: Offset,
        copied: &mut Copied,
    ) -> Result<(), CopyError> {
        copied.holes += (offset - at.offset).unsigned_abs();
        if at.offset == 0 && offset > 0 {
            self.begin_at(at, offset).await
        } else {
            self.leave_out(at, offset).await
        }
    }

    /// Writes records without gaps.
    async fn write_run(&self, at: &mut Position, run: &mut Vec<Record>) -> Result<(), CopyError> {
        let messages = std::mem::take(run);
        let messages: Vec<_> = messages.iter().map(Message::of).collect();
        self.send(&self.plain, at, &messages).await
    }

    /// Sends messages that must come to lie from `at` on, and moves `at`.
    pub(super) async fn send(
        &self,
        producer: &FutureProducer<Callbacks>,
        at: &mut Position,
        messages: &[Message],
    ) -> Result<(), CopyError> {
        let topic = self.options.topic_name(at.topic);
        let mut sent = VecDeque::new();
        for message in messages {
            let mut record = message.to(&topic, at.partition);
            loop {
                match producer.send_result(record) {
                    Ok(delivery) => break sent.push_back(delivery),
                    Err((error, _)) if sent.is_empty() || !is_full(&error) => {
                        return Err(error.into());
                    }
                    // Later ones must not overtake it: make room and try again.
                    Err((_, back)) => record = back,
                }
                place(&mut sent, at).await?;
            }
        }
        while !sent.is_empty() {
            place(&mut sent, at).await?;
        }
        Ok(())
    }
}

/// Awaits the oldest delivery, which must be at `at`.
async fn place(sent: &mut VecDeque<DeliveryFuture>, at: &mut Position) -> Result<(), CopyError> {
    let Some(oldest) = sent.pop_front() else {
        return Ok(());
    };
    let delivered = oldest.await.map_err(|_| KafkaError::Canceled)?;
    let found = delivered.map_err(|(error, _)| error)?.offset;
    if found != at.offset {
        let expected = *at;
        return Err(CopyError::Misplaced { expected, found });
    }
    at.offset += 1;
    Ok(())
}

fn is_full(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}

/// A record with its time, or a filler.
pub(super) struct Message {
    record: NewRecord,
    millis: i64,
}

impl Message {
    fn to<'a>(&'a self, topic: &'a str, partition: Partition) -> FutureRecord<'a, [u8], [u8]> {
        FutureRecord::to(topic)
            .partition(partition)
            .key(self.record.key.as_ref())
            .payload(self.record.body.as_ref())
            .headers(wire::headers(&self.record))
            .timestamp(self.millis)
    }

    pub(super) fn of(record: &Record) -> Self {
        Self {
            millis: record.appended_at.micros() / 1_000,
            record: NewRecord {
                topic: record.position.topic,
                partition: Some(record.position.partition),
                key: record.key.clone(),
                headers: record.headers.clone(),
                body: record.body.clone(),
            },
        }
    }

    /// Takes an offset and is never seen.
    pub(super) fn filler(topic: Topic, partition: Partition) -> Self {
        Self {
            millis: 1,
            record: NewRecord {
                topic,
                partition: Some(partition),
                key: bytes::Bytes::new(),
                headers: Default::default(),
                body: bytes::Bytes::new(),
            },
        }
    }
}
