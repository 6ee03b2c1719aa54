//! The event log: append, read, subscribe, and consume-and-produce in one atomic
//! step. Two backends with one behaviour, held by one contract suite.
//!
//! - [`embedded`]: segment files on this machine, for one process; the default.
//! - `kafka`: for teams that outgrew one machine.
//!
//! No code above this crate knows which one it has. Offsets increase within a
//! partition but are not dense; nobody subtracts them.

pub mod embedded;
pub mod inspect;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod lag;
/// Moving a log to the other backend.
#[cfg(feature = "kafka")]
pub mod copy {
    pub use crate::kafka::copy::{Copied, CopyError, to_kafka};
}
mod record;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use schemas::ids::LogId;
use schemas::topic::Topic;

pub use record::{Fetched, NewRecord, Offset, OffsetRange, Partition, Position, Record};

/// A shared handle to whichever backend the server was configured with.
pub type Log = Arc<dyn EventLog>;

/// Which records a reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Synced (embedded) or committed (Kafka): what everybody may act on.
    Durable,
    /// Also records that are ordered in the log but not yet synced. Only for
    /// readers whose sole output goes to the same journal, behind its cause.
    /// Kafka has no such state and answers as for `Durable`.
    Appended,
}

/// Why the log could not do what was asked.
#[derive(Debug, thiserror::Error, Clone)]
pub enum LogError {
    /// A passing condition: answer 503 and let the caller retry.
    #[error("the log is not available: {0}")]
    Unavailable(String),
    /// The disk budget, or the file system, is spent, or from nine tenths on, and then for the tenants
    /// that have appended more than the others.
    #[error(
        "the log's {} is {} ({used} of {budget} bytes)",
        if *disk { "share of its disk" } else { "disk budget" },
        if *heavy { "nearly spent, and this tenant has appended more than others" } else { "spent" }
    )]
    Full {
        used: u64,
        budget: u64,
        heavy: bool,
        /// The file system is the bound.
        disk: bool,
    },
    /// A sync failed, or a write for another reason than a full disk. The log accepts nothing more; the process must end,
    /// because what the kernel still holds of the failed write is unknowable.
    #[error("the log failed and is closed: {0}")]
    Failed(String),
    #[error("record of {bytes} bytes on {topic} is over the limit of {limit}")]
    TooLarge {
        topic: &'static str,
        bytes: usize,
        limit: usize,
    },
    #[error("{topic} has no partition {partition}")]
    NoPartition {
        topic: &'static str,
        partition: Partition,
    },
    #[error("a batch may not span journals ({0} and {1})")]
    SpansJournals(&'static str, &'static str),
    /// Bytes that were once acknowledged no longer read back.
    #[error("journal {journal}, segment {segment}, byte {byte}: {detail}")]
    Corrupt {
        journal: String,
        segment: String,
        byte: u64,
        detail: String,
    },
    /// The reader asked for records that retention has removed.
    #[error("{position} was removed by retention; the log begins at {start}")]
    BeforeStart { position: Position, start: Offset },
    #[error("{0} is past the end of the log ({1}): another log, or one that was cut")]
    PastEnd(Position, Offset),
}

impl LogError {
    /// Whether waiting may mend it.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full { .. })
    }
}

/// Why a [`Member`] could not commit.
#[derive(Debug, thiserror::Error, Clone)]
pub enum CommitError {
    /// Another member owns the partitions now: drop all state and ask [`Member::next`].
    #[error("the partitions belong to another member now")]
    Fenced,
    #[error(transparent)]
    Log(#[from] LogError),
}

/// An ordered, durable, partitioned log.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// The identity that checkpoints are stamped with.
    fn id(&self) -> LogId;

    /// Appends atomically, all records in one journal, and returns their
    /// positions in order once they are durable.
    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError>;

    /// Appends atomically and returns once the records have their place in the
    /// order, before they are durable. For who then waits for what follows from
    /// them in the same journal, which is durable no earlier than they are.
    async fn order(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        self.append(records).await
    }

    /// First offset and the offset after the last, as `visibility` sees it.
    async fn range(
        &self,
        topic: Topic,
        partition: Partition,
        visibility: Visibility,
    ) -> Result<OffsetRange, LogError>;

    /// The offset after the last durable record of each partition, asked at once.
    async fn ends(
        &self,
        of: &[(Topic, Partition)],
    ) -> Result<BTreeMap<(Topic, Partition), Offset>, LogError> {
        let mut ends = BTreeMap::new();
        for (topic, partition) in of {
            let range = self.range(*topic, *partition, Visibility::Durable).await?;
            ends.insert((*topic, *partition), range.end);
        }
        Ok(ends)
    }

    /// Records of one partition at or after `from`, at least one if there is any,
    /// about `max_bytes` in all. Returns at once, also with nothing.
    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        max_bytes: usize,
        visibility: Visibility,
    ) -> Result<Fetched, LogError>;

    /// Follows the given partitions, each from its offset.
    async fn subscribe(
        &self,
        from: Vec<Position>,
        visibility: Visibility,
    ) -> Result<Box<dyn Subscription>, LogError>;

    /// Joins a group that consumes topics and appends what follows from them.
    async fn join(&self, group: Group) -> Result<Box<dyn Member>, LogError>;

    /// Tells how far a consumer that keeps its own checkpoints has come: embedded
    /// retention never passes the slowest. A broker has its own retention, for
    /// which this does nothing.
    async fn pin(&self, _consumer: &str, _next: &[Position]) -> Result<(), LogError> {
        Ok(())
    }

    /// What an operator wants to know of each topic: `log stat`.
    async fn usage(&self) -> Result<Vec<TopicUsage>, LogError>;

    /// Fails once the log cannot accept records any more; pends until then.
    async fn failed(&self) -> LogError;

    /// Stops accepting, syncs what was accepted, releases the backend.
    async fn close(&self) -> Result<(), LogError>;
}

/// A cursor over some partitions.
#[async_trait]
pub trait Subscription: Send {
    /// Waits for records and returns about `max_bytes` of them, in offset order
    /// within each partition. Cancel-safe: a dropped call loses nothing.
    async fn next(&mut self, max_bytes: usize) -> Result<Vec<Fetched>, LogError>;
}

/// A consumer group and what it reads.
#[derive(Debug, Clone)]
pub struct Group {
    pub name: String,
    pub topics: Vec<Topic>,
    /// Where partitions begin that the group has never committed.
    pub start: Start,
    /// `Appended` only if all that follows from a record goes to the log. Topics
    /// outside the main journal are always read durable.
    pub visibility: Visibility,
}

/// Where a new group begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    Beginning,
    Now,
}

/// One member of a group: the sole reader of its partitions while it owns them.
/// The embedded log gives everything to its only member.
#[async_trait]
pub trait Member: Send {
    /// Waits for the next thing to do. Cancel-safe.
    async fn next(&mut self, max_bytes: usize) -> Result<Delivery, LogError>;

    /// Appends records and moves the group's offsets, all or nothing. On return
    /// the effects are ordered behind their cause; they are durable no later than
    /// anything that follows them. Returns positions of `records`, in order.
    async fn commit(&mut self, transaction: Transaction) -> Result<Vec<Position>, CommitError>;

    /// How many records one transaction should follow from. Where a commit only takes
    /// its place in the order, a few: they are synced while the next are worked on.
    /// Where it waits for a broker, as many as there are.
    fn portion(&self) -> usize {
        usize::MAX
    }
}

/// What a member is told.
#[derive(Debug)]
pub enum Delivery {
    /// The member owns these partitions from now on.
    Assigned(Vec<(Topic, Partition)>),
    /// The member has lost these partitions; an open transaction is aborted.
    Revoked(Vec<(Topic, Partition)>),
    Records(Vec<Fetched>),
}

/// The last part of a transaction, made from the positions of the first.
pub type Finish = Box<dyn FnOnce(&[Position]) -> Vec<NewRecord> + Send>;

/// What follows from some records, and how far that takes the group.
#[derive(Default)]
pub struct Transaction {
    /// The next offset to read, for each partition that moves.
    pub consumed: Vec<Position>,
    pub records: Vec<NewRecord>,
    /// Records that must name the positions of `records`.
    pub finish: Option<Finish>,
}

/// Size and reach of one topic.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TopicUsage {
    pub topic: &'static str,
    pub partitions: i32,
    pub records: u64,
    /// None on Kafka, whose client cannot ask for it.
    pub bytes: Option<u64>,
    /// Offset range of each partition.
    pub ranges: Vec<OffsetRange>,
}
