//! Records and where they lie.

use std::fmt;

use bytes::Bytes;
use schemas::codec::CodecError;
use schemas::envelope::{self, BadHeader, Envelope, Headers};
use schemas::messages::MessageSet;
use schemas::outcome::EventPosition;
use schemas::time::Timestamp;
use schemas::topic::Topic;

/// A place within one partition. Increasing, not dense.
pub type Offset = i64;

/// A partition's number within its topic, from 0.
pub type Partition = i32;

/// Where a record lies, or the next one will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    pub topic: Topic,
    pub partition: Partition,
    pub offset: Offset,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}@{}",
            self.topic.name(),
            self.partition,
            self.offset
        )
    }
}

impl From<Position> for EventPosition {
    fn from(position: Position) -> Self {
        Self {
            topic: position.topic.name().to_owned(),
            partition: position.partition,
            offset: position.offset,
        }
    }
}

/// The records of a partition that exist: `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct OffsetRange {
    pub start: Offset,
    pub end: Offset,
}

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    pub topic: Topic,
    /// None = the partition of the key.
    pub partition: Option<Partition>,
    pub key: Bytes,
    pub headers: Headers,
    pub body: Bytes,
}

impl NewRecord {
    /// A message with its envelope, keyed by the envelope's subject.
    pub fn of<M: MessageSet>(
        topic: Topic,
        envelope: &Envelope,
        message: &M,
    ) -> Result<Self, CodecError> {
        Ok(Self {
            topic,
            partition: None,
            key: Bytes::from(envelope.subject.clone()),
            headers: envelope.to_headers(),
            body: message.encode()?.into(),
        })
    }

    /// The partition that the record goes to.
    pub fn partition(&self) -> Partition {
        self.partition
            .unwrap_or_else(|| self.topic.partition_of(&self.key))
    }
}

/// A record as it was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub position: Position,
    pub appended_at: Timestamp,
    pub key: Bytes,
    pub headers: Headers,
    pub body: Bytes,
}

impl Record {
    pub fn envelope(&self) -> Result<Envelope, BadHeader> {
        Envelope::from_headers(&self.headers)
    }

    /// The message type (`ce_type`); empty where the header is missing.
    pub fn kind(&self) -> &str {
        envelope::kind_of(&self.headers).unwrap_or_default()
    }

    /// Decodes the body as one of the set `M`.
    pub fn decode<M: MessageSet>(&self) -> Result<M, CodecError> {
        M::decode(self.kind(), &self.body)
    }
}

/// Some records of one partition, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    pub topic: Topic,
    pub partition: Partition,
    pub records: Vec<Record>,
    /// Where reading goes on: past every record here, and past gaps.
    pub next_offset: Offset,
}
