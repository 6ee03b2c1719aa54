//! The port through which the runner reads old events. Crate `projections`
//! implements it over table `history.events`; `server` wires the two.

use async_trait::async_trait;
use eventlog::{Offset, Partition, Position};
use schemas::envelope::Headers;
use schemas::ids::{CommandId, TenantId};
use schemas::outcome::EventPosition;
use schemas::topic::Topic;

/// Copies of domain events, readable by aggregate.
#[async_trait]
pub trait History: Send + Sync + 'static {
    /// The offset of the next event that the history will take over.
    async fn checkpoint(&self, topic: Topic, partition: Partition) -> Result<Offset, HistoryError>;

    /// All events of one aggregate in order, and the checkpoint of their
    /// partition, read in one statement; and whether `tenant` was erased.
    async fn load(
        &self,
        topic: Topic,
        partition: Partition,
        aggregate: &str,
        key: &str,
        tenant: TenantId,
    ) -> Result<Loaded, HistoryError>;

    /// What became of an accepted command that left events.
    async fn find_command(
        &self,
        aggregate: &str,
        key: &str,
        command: CommandId,
    ) -> Result<Option<Settled>, HistoryError>;
}

/// The history could not be asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HistoryError {
    /// A passing condition: the database is away.
    #[error("the history is not available: {0}")]
    Unavailable(String),
}

/// What the history holds of an aggregate.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    pub records: Vec<HistoryRecord>,
    /// Events of the partition before this offset are all in the history, but for
    /// those of erased tenants.
    pub checkpoint: Offset,
    /// The tenant that was asked about, where it was erased.
    pub erased: Option<TenantId>,
}

/// One event as it was appended.
#[derive(Debug, Clone)]
pub struct HistoryRecord {
    pub headers: Headers,
    pub body: Vec<u8>,
    pub position: Position,
}

/// The outcome of a command that was accepted some time ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The aggregate's version after the command.
    pub version: i64,
    pub positions: Vec<EventPosition>,
    pub request_hash: Option<String>,
}
