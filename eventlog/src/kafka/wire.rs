//! Records as Kafka messages: CloudEvents headers, the body as it is.

use bytes::Bytes;
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, OwnedHeaders};
use schemas::envelope::Headers;
use schemas::time::Timestamp;
use schemas::topic::Topic;

use crate::LogError;
use crate::record::{NewRecord, Position, Record};

/// Bytes of a record that count against the limit: key, headers and body.
pub(super) fn size(record: &NewRecord) -> usize {
    let headers: usize = record
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    record.key.len() + headers + record.body.len()
}

/// Refuses what no backend takes: records over the limit, batches over journals.
pub(super) fn check(records: &[NewRecord], limit: usize) -> Result<(), LogError> {
    if let Some(first) = records.first() {
        let journal = first.topic.journal();
        if let Some(other) = records
            .iter()
            .map(|r| r.topic.journal())
            .find(|j| *j != journal)
        {
            return Err(LogError::SpansJournals(journal.name(), other.name()));
        }
    }
    match records.iter().find(|record| size(record) > limit) {
        None => Ok(()),
        Some(record) => Err(LogError::TooLarge {
            topic: record.topic.name(),
            bytes: size(record),
            limit,
        }),
    }
}

pub(super) fn headers(record: &NewRecord) -> OwnedHeaders {
    let empty = OwnedHeaders::new_with_capacity(record.headers.len());
    record.headers.iter().fold(empty, |headers, (key, value)| {
        headers.insert(Header {
            key,
            value: Some(value),
        })
    })
}

/// The record that a message carries, once its topic is known.
pub(super) fn record(topic: Topic, message: &BorrowedMessage<'_>) -> Record {
    Record {
        position: Position {
            topic,
            partition: message.partition(),
            offset: message.offset(),
        },
        appended_at: appended_at(message),
        key: Bytes::copy_from_slice(message.key().unwrap_or_default()),
        headers: message_headers(message),
        body: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
    }
}

/// Kafka keeps milliseconds.
fn appended_at(message: &BorrowedMessage<'_>) -> Timestamp {
    Timestamp::from_micros(message.timestamp().to_millis().unwrap_or_default() * 1_000)
}

fn message_headers(message: &BorrowedMessage<'_>) -> Headers {
    let headers = message
        .headers()
        .into_iter()
        .flat_map(|headers| headers.iter());
    headers
        .map(|header| (header.key, header.value.unwrap_or_default()))
        .collect()
}
