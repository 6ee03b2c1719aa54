//! A projection's tables once more, in a schema of their own, folded from the
//! log's start until they have caught up with the live ones.

use std::collections::BTreeMap;

use eventlog::{Fetched, Offset, Partition, Visibility};
use schemas::topic::Topic;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use super::swap::{self, Swapped};
use super::telemetry::Range;
use super::{Replay, ReplayError, Replayed, ensure_shape};
use crate::migrate::{create_tables, runtime_tables};
use crate::runtime::{Checkpoints, Projection, apply_batch};

/// About how much of the log one transaction takes.
const BATCH_BYTES: usize = 4 << 20;
/// Batches between two compactions.
const BATCHES_COMPACTED: u32 = 16;
const READ_BYTES: usize = 1 << 20;

/// Offsets that a fold has reached.
pub(super) type Reached = BTreeMap<(Topic, Partition), Offset>;

/// The shadow of one projection.
pub(super) struct Shadow<'a> {
    pub(super) replay: &'a Replay,
    pub(super) projection: &'a dyn Projection,
    pub(super) schema: String,
    pub(super) rows: PgConnection,
    /// Of a signal of telemetry.
    pub(super) range: Option<Range<'a>>,
    checkpoints: Checkpoints,
    records: u64,
    batches: u32,
}

/// Folds anew, catches up, swaps. Readers never wait longer than a lock timeout.
pub(super) async fn replay(
    replay: &Replay,
    projection: &dyn Projection,
) -> Result<Replayed, ReplayError> {
    let shadow = Shadow::create(replay, projection).await?;
    fold(shadow).await
}

pub(super) async fn fold(mut shadow: Shadow<'_>) -> Result<Replayed, ReplayError> {
    let projection = shadow.projection;
    loop {
        let live = swap::live(&mut shadow.rows, projection).await?;
        shadow.catch_up(&live).await?;
        shadow.analyze().await?;
        if let Swapped::Generation(generation) = swap::swap(&mut shadow).await? {
            return Ok(Replayed {
                projection: projection.name().to_owned(),
                records: shadow.records,
                generation,
            });
        }
    }
}

impl<'a> Shadow<'a> {
    pub(super) async fn create(
        replay: &'a Replay,
        projection: &'a dyn Projection,
    ) -> Result<Self, ReplayError> {
        let schema = format!("replay_{}", projection.name());
        let mut rows = replay.db.fold_session(&schema).await?;
        take_turn(&mut rows, projection.name()).await?;
        ensure_shape(&mut rows, projection).await?;
        let sql = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
        rows.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
        runtime_tables(&mut rows).await?;
        create_tables(&mut rows, projection).await?;
        let checkpoints = Checkpoints::load(&mut rows, projection, replay.log.id()).await?;
        Ok(Self {
            replay,
            projection,
            schema,
            rows,
            range: None,
            checkpoints,
            records: 0,
            batches: 0,
        })
    }

    /// Applies everything before `target`, and nothing after it.
    pub(super) async fn catch_up(&mut self, target: &Reached) -> Result<(), ReplayError> {
        loop {
            let fetched = self.fetch(target).await?;
            if fetched.is_empty() {
                return Ok(());
            }
            self.records += fetched.iter().map(|f| f.records.len() as u64).sum::<u64>();
            let progress = apply_batch(
                self.projection,
                &mut self.rows,
                &self.replay.people,
                &mut self.checkpoints,
                fetched,
            )
            .await
            .map_err(|e| ReplayError::Interrupted(e.to_string()))?;
            if let Some(((topic, partition), (offset, why))) = progress.stopped.into_iter().next() {
                return Err(ReplayError::Stopped {
                    topic: topic.name(),
                    partition,
                    live: target.get(&(topic, partition)).copied().unwrap_or(0),
                    replayed: offset,
                    why,
                });
            }
            self.batches += 1;
            if self.batches.is_multiple_of(BATCHES_COMPACTED) {
                self.compact().await?;
            }
        }
    }

    /// Telemetry: level 0 does not grow without bounds.
    pub(super) async fn compact(&mut self) -> Result<(), ReplayError> {
        match &self.range {
            Some(range) => range.compact(&mut self.rows).await,
            None => Ok(()),
        }
    }

    pub(super) fn reached(&self) -> &Reached {
        &self.checkpoints.next
    }

    async fn fetch(&self, target: &Reached) -> Result<Vec<Fetched>, ReplayError> {
        let (mut fetched, mut bytes) = (Vec::new(), 0);
        for (&(topic, partition), &next) in &self.checkpoints.next {
            let end = target.get(&(topic, partition)).copied().unwrap_or(0);
            if next < end && bytes < BATCH_BYTES {
                let part = self.read(topic, partition, next, end).await?;
                bytes += part.records.iter().map(|r| r.body.len()).sum::<usize>();
                fetched.push(part);
            }
        }
        Ok(fetched)
    }

    /// Some records in `[next, end)`. Where none are left before `end`, the
    /// rest of the way is a gap.
    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        next: Offset,
        end: Offset,
    ) -> Result<Fetched, ReplayError> {
        let log = &self.replay.log;
        let start = log
            .range(topic, partition, Visibility::Durable)
            .await?
            .start;
        let from = next.max(start);
        let mut fetched = log
            .read(topic, partition, from, READ_BYTES, Visibility::Durable)
            .await?;
        fetched
            .records
            .retain(|record| record.position.offset < end);
        if fetched.records.is_empty() || fetched.next_offset > end {
            fetched.next_offset = end;
        }
        Ok(fetched)
    }

    /// New tables have no statistics yet.
    async fn analyze(&mut self) -> Result<(), ReplayError> {
        for table in self.projection.tables() {
            let sql = format!("ANALYZE {table}");
            self.rows.execute(AssertSqlSafe(sql)).await?;
        }
        Ok(())
    }
}

async fn take_turn(rows: &mut PgConnection, name: &str) -> Result<(), ReplayError> {
    let key = xxhash_rust::xxh3::xxh3_64(format!("replay {name}").as_bytes()).cast_signed();
    let taken: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(key)
        .fetch_one(rows)
        .await?;
    match taken {
        true => Ok(()),
        false => Err(ReplayError::UnderWay(name.to_owned())),
    }
}
