//! What a read model is to the runtime.

use std::time::Duration;

use async_trait::async_trait;
use eventlog::{Partition, Record};
use schemas::change::{Change, ChangeKind};
use schemas::envelope::Envelope;
use schemas::ids::{ProjectId, TenantId};
use schemas::topic::Topic;
use sqlx::PgConnection;

use super::ApplyError;
use crate::vault::SubjectKeys;

/// Where a projection's tables live and how they come to be.
#[derive(Debug, Clone, Copy)]
pub enum Home {
    /// In `read`, made from this SQL (unqualified names) and rebuilt when it changes.
    Read { ddl: &'static str },
    /// In `history`, made by a versioned migration.
    History,
    /// In `telemetry`, made by versioned migrations. Its rows outlive the log's
    /// records, so neither a start nor a replay drops them.
    Telemetry,
}

impl Home {
    pub fn schema(self) -> &'static str {
        match self {
            Self::Read { .. } => "read",
            Self::History => "history",
            Self::Telemetry => "telemetry",
        }
    }

    /// Whether the log still holds everything that the rows were made of.
    pub fn replays(self) -> bool {
        !matches!(self, Self::Telemetry)
    }
}

/// A fold of some topics into rows.
///
/// Deterministic: no clock, no identity column, no map order; each column is
/// written from one topic, and facts from different keys commute. Partitions
/// arrive interleaved in any way; within a partition records come in order, each
/// committed once.
#[async_trait]
pub trait Projection: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn topics(&self) -> &'static [Topic];
    /// Every table it writes; `apply` touches no others.
    fn tables(&self) -> &'static [&'static str];
    fn home(&self) -> Home;
    /// Indexes of its tables in `read` that came after them (`CREATE INDEX IF NOT EXISTS`,
    /// unqualified names): made where they are missing, and nothing is rebuilt for them.
    fn indexes(&self) -> &'static str {
        ""
    }
    /// About how much of the log one transaction takes.
    fn batch_bytes(&self) -> usize {
        1 << 20
    }
    /// The least time from one transaction to the next while little arrives, so
    /// that what costs by the transaction is shared by more records.
    fn linger(&self) -> Duration {
        Duration::ZERO
    }
    /// What it keeps in memory may tell of rows that were never committed: read it
    /// anew. Called before a session and after a failed attempt.
    fn forget(&self) {}
    /// Writes what follows from `batch` and says what readers will see change.
    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError>;
}

/// The open transaction, with the projection's schema as search path, and the
/// keys that open personal values.
pub struct Writing<'a> {
    pub rows: &'a mut PgConnection,
    pub people: &'a SubjectKeys,
}

/// A change, and the partition whose announcement carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub topic: Topic,
    pub partition: Partition,
    pub change: Change,
}

impl Changed {
    /// A change that `record` made to the thing `key`, visible in its project.
    pub fn in_project(
        record: &Record,
        envelope: &Envelope,
        kind: ChangeKind,
        key: impl ToString,
    ) -> Option<Self> {
        Some(Self::new(
            record,
            kind,
            envelope.tenant?,
            envelope.project,
            key,
        ))
    }

    /// The same, visible in all projects of the tenant.
    pub fn in_tenant(
        record: &Record,
        envelope: &Envelope,
        kind: ChangeKind,
        key: impl ToString,
    ) -> Option<Self> {
        Some(Self::new(record, kind, envelope.tenant?, None, key))
    }

    fn new(
        record: &Record,
        kind: ChangeKind,
        tenant: TenantId,
        project: Option<ProjectId>,
        key: impl ToString,
    ) -> Self {
        Self {
            topic: record.position.topic,
            partition: record.position.partition,
            change: Change {
                kind,
                tenant,
                project,
                key: key.to_string(),
            },
        }
    }
}
