//! From level 0 to level 1, and from many small segments to few: a task beside the
//! folds. Each step is one transaction that holds the project's row of `compacted`,
//! so that several processes share the work and readers see either the old rows or
//! the new ones.
//!
//! Tiers: a flush's rows become segments of tier 1; eight runs of them one of tier
//! 2; once the window's hour is over, everything becomes tier 3. What is late makes
//! small segments again, merged when there are eight.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use schemas::context::Clock;
use schemas::ids::{ProjectId, TenantId};
use schemas::time::Timestamp;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::bytes::Damaged;
use super::retention;
use crate::db::Db;

/// Compacted when a project has so many level-0 rows in a partition, or when their
/// ten minutes are over.
const ROWS_READY: i64 = 64;
/// What one transaction takes of level 0.
const MOST_BYTES: i64 = 32 << 20;
const RUNS_READY: i64 = 8;
const FINAL_TIER: i16 = 3;
/// Samples come late by so much without being called late.
const SETTLED: Duration = Duration::from_secs(15 * 60);
/// After so long every hour that has begun is over and settled.
const HOUR_OVER_MS: i64 = 2 * 3_600_000;
const PAUSE: Duration = Duration::from_secs(5);
const RETENTION_EVERY: u32 = 120;
/// Readers queue behind a drop that waits for a reader: wait but shortly.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '100ms'";

/// Why a step did nothing. The next pass tries again.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("{0}")]
    Damaged(String),
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
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) place: Place,
    pub(crate) class: i16,
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
    newest: i64,
    pub(crate) data: Vec<u8>,
}

/// A row of level 1, as merging reads it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Level1 {
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
}

/// What a pass did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    pub compacted: u64,
    pub merged: u64,
    pub dropped: u64,
}

impl Done {
    fn nothing(self) -> bool {
        self == Self::default()
    }
}

/// Every signal's compaction, with what each keeps in memory.
#[derive(Clone)]
pub struct Compaction {
    signals: Vec<Arc<dyn Compact>>,
}

impl Default for Compaction {
    fn default() -> Self {
        Self {
            signals: super::compacting(),
        }
    }
}

impl Compaction {
    /// Compacts and removes what is past its time, until shutdown.
    pub async fn run(
        self,
        db: Db,
        clock: Clock,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut passes = 0_u32;
        loop {
            let passed = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                passed = self.pass(&db, clock.now()) => passed,
            };
            let busy = passed.as_ref().is_ok_and(|done| !done.nothing());
            if let Err(why) = passed {
                metrics::counter!("telemetry_compaction_failures_total").increment(1);
                tracing::warn!(%why, "compaction interrupted");
            }
            if passes.is_multiple_of(RETENTION_EVERY)
                && let Err(why) = retention::pass(&db, clock.now()).await
            {
                tracing::warn!(%why, "retention interrupted");
            }
            passes = passes.wrapping_add(1);
            let pause = if busy { PAUSE / 5 } else { PAUSE };
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Does what is to do at `now`, once.
    pub async fn pass(&self, db: &Db, now: Timestamp) -> Result<Done, CompactError> {
        self.step(db, now, now).await
    }

    /// Does at once what would be due when the hour of `now` is over. Another
    /// process' work is not waited for.
    pub async fn finish(&self, db: &Db, now: Timestamp) -> Result<Done, CompactError> {
        let mut all = Done::default();
        loop {
            let done = self.step(db, now, now.plus_millis(HOUR_OVER_MS)).await?;
            if done.nothing() {
                return Ok(all);
            }
            all.compacted += done.compacted;
            all.merged += done.merged;
            all.dropped += done.dropped;
        }
    }

    /// What is due at `due`, once; slots of level 0 that are over at `now` go.
    async fn step(&self, db: &Db, now: Timestamp, due: Timestamp) -> Result<Done, CompactError> {
        let mut rows = db.fold_session("telemetry").await?;
        let mut done = Done::default();
        for signal in &self.signals {
            ensure_days(&mut rows, signal.signal(), now).await?;
            for place in ready_places(&mut rows, signal.signal(), due).await? {
                loop {
                    let step = compact(&mut rows, signal.as_ref(), place).await?;
                    done.compacted += u64::from(step != Step::Nothing);
                    if step != Step::Part {
                        break;
                    }
                }
            }
            for window in ready_windows(&mut rows, signal.signal(), due).await? {
                done.merged += u64::from(merge(&mut rows, signal.as_ref(), window).await?);
            }
            done.dropped += drop_slots(&mut rows, signal.signal(), now).await?;
        }
        rows.close().await?;
        Ok(done)
    }
}

/// Partitions of the days that samples of now belong to.
async fn ensure_days(
    rows: &mut PgConnection,
    signal: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let today = now.micros().div_euclid(86_400_000_000);
    sqlx::query("SELECT telemetry.ensure_day($1, day) FROM generate_series($2, $3) AS day")
        .bind(format!("{signal}_l1"))
        .bind(i32::try_from(today - 1).unwrap_or_default())
        .bind(i32::try_from(today + 1).unwrap_or_default())
        .execute(rows)
        .await
        .map(drop)
}

async fn ready_places(
    rows: &mut PgConnection,
    signal: &str,
    now: Timestamp,
) -> Result<Vec<Place>, sqlx::Error> {
    let sql = format!(
        "SELECT l0.tenant_id, l0.project_id, l0.partition FROM telemetry.{signal}_l0 l0
         LEFT JOIN telemetry.compacted c
                ON c.tenant_id = l0.tenant_id AND c.project_id = l0.project_id
               AND c.partition = l0.partition AND c.signal = $1
         WHERE l0.from_offset >= coalesce(c.next_offset, 0)
         GROUP BY 1, 2, 3
         HAVING count(*) >= $2 OR min(slot) + interval '10 minutes' <= $3"
    );
    let found: Vec<(Uuid, Uuid, i32)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(signal)
        .bind(ROWS_READY)
        .bind(now.datetime())
        .fetch_all(rows)
        .await?;
    let place = |(tenant, project, partition)| Place {
        tenant: TenantId(tenant),
        project: ProjectId(project),
        partition,
    };
    Ok(found.into_iter().map(place).collect())
}

/// Holds the project's row; None where another process does.
async fn lease(
    tx: &mut PgConnection,
    signal: &str,
    place: Place,
) -> Result<Option<(i64, i16)>, sqlx::Error> {
    sqlx::query(
        "INSERT INTO telemetry.compacted (signal, tenant_id, project_id, partition, next_offset)
         VALUES ($1, $2, $3, $4, 0) ON CONFLICT DO NOTHING",
    )
    .bind(signal)
    .bind(place.tenant.0)
    .bind(place.project.0)
    .bind(place.partition)
    .execute(&mut *tx)
    .await?;
    sqlx::query_as(
        "SELECT next_offset, coalesce((SELECT class FROM telemetry.retention r
             WHERE r.tenant_id = c.tenant_id AND r.project_id = c.project_id AND r.signal = c.signal), $5)
         FROM telemetry.compacted c
         WHERE signal = $1 AND tenant_id = $2 AND project_id = $3 AND partition = $4
         FOR UPDATE SKIP LOCKED",
    )
    .bind(signal)
    .bind(place.tenant.0)
    .bind(place.project.0)
    .bind(place.partition)
    .bind(retention::DEFAULT_CLASS)
    .fetch_optional(tx)
    .await
}

/// What became of a range of level 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    /// As much as one transaction takes; there is more.
    Part,
    All,
}

/// One range of level 0 into level 1.
async fn compact(
    rows: &mut PgConnection,
    signal: &dyn Compact,
    place: Place,
) -> Result<Step, CompactError> {
    let name = signal.signal();
    let mut tx = rows.begin().await?;
    let Some((next, class)) = lease(&mut tx, name, place).await? else {
        return Ok(Step::Nothing);
    };
    // Whole flushes: sections of one flush have one from_offset.
    let sql = format!(
        "SELECT day, from_offset, to_offset, newest, data FROM (
             SELECT day, from_offset, to_offset, section, data,
                    sum(octet_length(data)) OVER (ORDER BY from_offset) AS bytes,
                    min(from_offset) OVER () AS first, max(from_offset) OVER () AS newest
             FROM telemetry.{name}_l0
             WHERE tenant_id = $1 AND project_id = $2 AND partition = $3 AND from_offset >= $4) sized
         WHERE bytes <= $5 OR from_offset = first
         ORDER BY from_offset, section"
    );
    let found: Vec<Level0> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(place.tenant.0)
        .bind(place.project.0)
        .bind(place.partition)
        .bind(next)
        .bind(MOST_BYTES)
        .fetch_all(&mut *tx)
        .await?;
    let (Some(first), Some(last)) = (found.first(), found.last()) else {
        return Ok(Step::Nothing);
    };
    let step = match last.from_offset < last.newest {
        true => Step::Part,
        false => Step::All,
    };
    let target = Target {
        place,
        class,
        tier: 1,
        from_offset: first.from_offset,
        to_offset: last.to_offset,
    };
    signal.compact(&mut tx, target, found).await?;
    sqlx::query(
        "UPDATE telemetry.compacted SET next_offset = $5
         WHERE signal = $1 AND tenant_id = $2 AND project_id = $3 AND partition = $4",
    )
    .bind(name)
    .bind(place.tenant.0)
    .bind(place.project.0)
    .bind(place.partition)
    .bind(target.to_offset)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(step)
}

/// Segments of one window that are to become one run.
#[derive(Debug, Clone, Copy)]
struct Window {
    place: Place,
    day: i32,
    start: i64,
    tier: i16,
}

async fn ready_windows(
    rows: &mut PgConnection,
    signal: &str,
    now: Timestamp,
) -> Result<Vec<Window>, sqlx::Error> {
    // An hour that is over is made final, once it has no final segment or enough late ones.
    let sql = format!(
        "WITH open AS (
             SELECT tenant_id, project_id, partition, day, window_start,
                    count(DISTINCT from_offset) FILTER (WHERE tier = 1) AS small,
                    count(DISTINCT from_offset) AS runs
             FROM telemetry.{signal}_l1 WHERE tier < {FINAL_TIER} GROUP BY 1, 2, 3, 4, 5),
         judged AS (
             SELECT *, window_start + 3600 + $1 <= $2 AS over, EXISTS (
                 SELECT FROM telemetry.{signal}_l1 l1
                 WHERE (l1.tenant_id, l1.project_id, l1.partition, l1.day, l1.window_start, l1.tier)
                     = (open.tenant_id, open.project_id, open.partition, open.day, open.window_start, {FINAL_TIER})) AS final
             FROM open)
         SELECT tenant_id, project_id, partition, day, window_start,
                CASE WHEN over THEN {FINAL_TIER} ELSE 2 END::smallint
         FROM judged WHERE CASE WHEN over THEN NOT final OR runs >= $3 ELSE small >= $3 END"
    );
    let found: Vec<(Uuid, Uuid, i32, i32, i64, i16)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(i64::try_from(SETTLED.as_secs()).unwrap_or(i64::MAX))
        .bind(now.micros().div_euclid(1_000_000))
        .bind(RUNS_READY)
        .fetch_all(rows)
        .await?;
    let window = |(tenant, project, partition, day, start, tier)| Window {
        place: Place {
            tenant: TenantId(tenant),
            project: ProjectId(project),
            partition,
        },
        day,
        start,
        tier,
    };
    Ok(found.into_iter().map(window).collect())
}

/// Makes one run of a window's small ones, or of all when it becomes final.
async fn merge(
    rows: &mut PgConnection,
    signal: &dyn Compact,
    window: Window,
) -> Result<bool, CompactError> {
    let (name, place) = (signal.signal(), window.place);
    let mut tx = rows.begin().await?;
    let Some((_, class)) = lease(&mut tx, name, place).await? else {
        return Ok(false);
    };
    let tiers = if window.tier == FINAL_TIER {
        FINAL_TIER
    } else {
        1
    };
    let finished = match signal.finished_items() {
        Some(items) => finish(&mut tx, name, window, tiers, items).await?,
        None => 0,
    };
    let sql = format!(
        "WITH gone AS (
             DELETE FROM telemetry.{name}_l1
             WHERE tenant_id = $1 AND project_id = $2 AND partition = $3 AND day = $4
               AND window_start = $5 AND tier <= $6 AND items < coalesce($7, items + 1)
             RETURNING from_offset, to_offset, part, data)
         SELECT from_offset, to_offset, data FROM gone ORDER BY from_offset, part"
    );
    let found: Vec<Level1> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(place.tenant.0)
        .bind(place.project.0)
        .bind(place.partition)
        .bind(window.day)
        .bind(window.start)
        .bind(tiers)
        .bind(signal.finished_items())
        .fetch_all(&mut *tx)
        .await?;
    let (Some(first), Some(last)) = (found.first(), found.last()) else {
        tx.commit().await?;
        return Ok(finished > 0);
    };
    let target = Target {
        place,
        class,
        tier: window.tier,
        from_offset: first.from_offset,
        to_offset: last.to_offset,
    };
    signal.merge(&mut tx, target, found).await?;
    tx.commit().await?;
    Ok(true)
}

/// Raises the tier of segments that stay as they are; their data is not touched.
async fn finish(
    tx: &mut PgConnection,
    name: &str,
    window: Window,
    tiers: i16,
    items: i32,
) -> Result<u64, sqlx::Error> {
    let sql = format!(
        "UPDATE telemetry.{name}_l1 SET tier = $6
         WHERE tenant_id = $1 AND project_id = $2 AND partition = $3 AND day = $4
           AND window_start = $5 AND tier <= $7 AND tier < $6 AND items >= $8"
    );
    let done = sqlx::query(AssertSqlSafe(sql))
        .bind(window.place.tenant.0)
        .bind(window.place.project.0)
        .bind(window.place.partition)
        .bind(window.day)
        .bind(window.start)
        .bind(window.tier)
        .bind(tiers)
        .bind(items)
        .execute(tx)
        .await?;
    Ok(done.rows_affected())
}

/// Drops ten-minute partitions that every project has passed.
async fn drop_slots(
    rows: &mut PgConnection,
    signal: &'static str,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = to_regclass($1)
           AND to_timestamp(right(c.relname, 13), 'YYYYMMDD_HH24MI') + interval '10 minutes' <= $2
         ORDER BY 1",
    )
    .bind(format!("telemetry.{signal}_l0"))
    .bind(now.datetime())
    .fetch_all(&mut *rows)
    .await?;
    let mut dropped = 0;
    for name in names {
        match drop_slot(rows, signal, &name).await {
            Ok(gone) => dropped += u64::from(gone),
            Err(error) if lock_timed_out(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(dropped)
}

/// The lock keeps the writer from adding to the partition meanwhile, and waits for
/// readers whose snapshot may still need it.
async fn drop_slot(
    rows: &mut PgConnection,
    signal: &'static str,
    name: &str,
) -> Result<bool, sqlx::Error> {
    let passed = format!(
        "SELECT NOT EXISTS (
             SELECT FROM telemetry.{name} l0
             LEFT JOIN telemetry.compacted c
                    ON c.tenant_id = l0.tenant_id AND c.project_id = l0.project_id
                   AND c.partition = l0.partition AND c.signal = '{signal}'
             WHERE l0.from_offset >= coalesce(c.next_offset, 0))"
    );
    let ready: bool = sqlx::query_scalar(AssertSqlSafe(passed.clone()))
        .fetch_one(&mut *rows)
        .await?;
    if !ready {
        return Ok(false);
    }
    let mut tx = rows.begin().await?;
    tx.execute(LOCK_TIMEOUT).await?;
    let lock = format!("LOCK TABLE ONLY telemetry.{signal}_l0 IN ACCESS EXCLUSIVE MODE");
    tx.execute(AssertSqlSafe(lock)).await?;
    let still: bool = sqlx::query_scalar(AssertSqlSafe(passed))
        .fetch_one(&mut *tx)
        .await?;
    if still {
        let sql = format!("DROP TABLE telemetry.{name}");
        tx.execute(AssertSqlSafe(sql)).await?;
    }
    tx.commit().await?;
    Ok(still)
}

fn lock_timed_out(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|database| database.code())
        .is_some_and(|code| code == "55P03")
}
