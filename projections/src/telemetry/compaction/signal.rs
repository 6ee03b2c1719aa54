//! What compaction asks of a signal, and gives it: rows of both levels, and where their
//! new segments belong.

use std::sync::Arc;

use async_trait::async_trait;
use schemas::ids::{ProjectId, TenantId};
use sqlx::PgConnection;

use crate::db::Db;
use crate::telemetry::aside::NotDone;
use crate::telemetry::bytes::Damaged;
use crate::telemetry::classes::Classes;

/// Why a step did nothing. The next pass tries again.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("{0}")]
    Damaged(String),
}

impl From<NotDone> for CompactError {
    fn from(error: NotDone) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<Damaged> for CompactError {
    fn from(error: Damaged) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// One project in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) tenant: TenantId,
    pub(crate) project: ProjectId,
    pub(crate) partition: i32,
}

/// What a new segment says besides its data.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) place: Place,
    pub(crate) classes: Arc<Classes>,
    pub(crate) tier: i16,
    pub(crate) from_offset: i64,
    pub(crate) to_offset: i64,
}

/// A row of level 0, as compaction reads it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Level0 {
    pub(crate) day: i32,
    pub(crate) from_offset: i64,
    pub(crate) to_offset: i64,
    /// The `from_offset` of the newest row there is.
    pub(super) newest: i64,
    pub(crate) data: Vec<u8>,
}

/// A row of level 1, as merging reads it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Level1 {
    pub(crate) day: i32,
    pub(crate) window_start: i64,
    pub(crate) class: i16,
    pub(crate) from_offset: i64,
    pub(crate) to_offset: i64,
    pub(crate) data: Vec<u8>,
}

/// What is a signal's own about compaction.
#[async_trait]
pub(crate) trait Compact: Send + Sync {
    /// As in table names.
    fn signal(&self) -> &'static str;

    /// Segments of level 1 with so many items are as they will stay: merging a window
    /// does not write them again.
    fn finished_items(&self) -> Option<i32> {
        None
    }

    /// Writes what `rows`, in the order of the log, hold into level 1.
    async fn compact(
        &self,
        tx: &mut PgConnection,
        target: Target,
        rows: Vec<Level0>,
    ) -> Result<(), CompactError>;

    /// Writes what `rows` of one window hold into level 1. They are in the order of
    /// the log, and of one run in the order of their parts; they are gone already.
    async fn merge(
        &self,
        tx: &mut PgConnection,
        target: Target,
        rows: Vec<Level1>,
    ) -> Result<(), CompactError>;

    /// After a transaction with some of these: what queries are about to ask for can
    /// be kept.
    fn written(&self, _db: &Db) {}
}
