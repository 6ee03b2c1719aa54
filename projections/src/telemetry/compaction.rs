//! From level 0 to level 1, and from many small segments to few: a task beside the
//! folds. Each step is one transaction that holds the project's row of `compacted`,
//! so that several processes share the work and readers see either the old rows or
//! the new ones.
//!
//! Tiers: a flush's rows become segments of tier 1; eight runs of them one of tier
//! 2; once the window's hour is over, everything becomes tier 3. What is late makes
//! small segments again, merged when there are eight.

mod slots;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use schemas::context::Clock;
use schemas::ids::{ProjectId, TenantId};
use schemas::time::Timestamp;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::aside::NotDone;
use super::bytes::Damaged;
use super::classes::{self, Classes};
use super::{deletions, retention, turns};
use crate::db::Db;
use windows::{merge, misplaced_windows, ready_windows};

/// What one transaction takes of level 0.
const MOST_BYTES: i64 = 32 << 20;
pub(crate) const FINAL_TIER: i16 = 3;
/// After so long every hour that has begun is over and settled.
const HOUR_OVER_MS: i64 = 2 * 3_600_000;
const RETENTION_EVERY_MS: i64 = 600_000;

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
    newest: i64,
    pub(crate) data: Vec<u8>,
}

/// A row of level 1, as merging reads it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Level1 {
    pub(crate) day: i32,
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

    fn tell(self) {
        let steps = [
            ("compacted", self.compacted),
            ("merged", self.merged),
            ("dropped", self.dropped),
        ];
        for (step, times) in steps {
            metrics::counter!("telemetry_compaction_steps_total", "step" => step).increment(times);
        }
    }
}

/// How eagerly it works.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// After a pass that found nothing to do; a fifth of it after others.
    pub pause: Duration,
    /// Level 0 is compacted when a project has so many rows in a partition, or when
    /// their ten minutes are over.
    pub rows_ready: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            pause: Duration::from_secs(5),
            rows_ready: 64,
        }
    }
}

/// Every signal's compaction, with what each keeps in memory.
#[derive(Clone)]
pub struct Compaction {
    signals: Vec<Arc<dyn Compact>>,
    pace: Pace,
    /// By signal, the rules that all segments are divided by.
    divided: Arc<Mutex<BTreeMap<&'static str, Vec<Rules>>>>,
}

/// A tenant's project, and which rules hold for it.
type Rules = (Uuid, Uuid, i64);

impl Default for Compaction {
    fn default() -> Self {
        Self::new(Pace::default())
    }
}

impl Compaction {
    pub fn new(pace: Pace) -> Self {
        Self {
            signals: super::signals()
                .into_iter()
                .map(|signal| signal.compact)
                .collect(),
            pace,
            divided: Arc::default(),
        }
    }

    /// Compacts and removes what is past its time, until shutdown.
    pub async fn run(
        self,
        db: Db,
        clock: Clock,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut retained: Option<Timestamp> = None;
        loop {
            let passed = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                passed = self.pass(&db, clock.now()) => passed,
            };
            let busy = passed.as_ref().is_ok_and(|done| !done.nothing());
            match passed {
                Ok(done) => done.tell(),
                Err(why) => {
                    metrics::counter!("telemetry_compaction_failures_total").increment(1);
                    tracing::warn!(%why, "compaction interrupted");
                }
            }
            let now = clock.now();
            if let Err(why) = deletions::pass(&db, now).await {
                tracing::warn!(%why, "deletion interrupted");
            }
            if retained.is_none_or(|last| now.millis_since(last) >= RETENTION_EVERY_MS) {
                retained = Some(now);
                if let Err(why) = retention::pass(&db, now).await {
                    tracing::warn!(%why, "retention interrupted");
                }
            }
            let pause = self.pace.pause / if busy { 5 } else { 1 };
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
            if !turns::begin(&mut rows, signal.signal()).await? {
                continue;
            }
            for place in ready_places(&mut rows, signal.signal(), self.pace, due).await? {
                loop {
                    let step = compact(&mut rows, signal.as_ref(), place).await?;
                    signal.written(db);
                    done.compacted += u64::from(step != Step::Nothing);
                    if step != Step::Part {
                        break;
                    }
                }
            }
            for window in ready_windows(&mut rows, signal.signal(), due).await? {
                done.merged += u64::from(merge(&mut rows, signal.as_ref(), window).await?);
                signal.written(db);
            }
            done.merged += self.divide(&mut rows, signal.as_ref(), now).await?;
            signal.written(db);
            turns::end(&mut rows, signal.signal()).await?;
            done.dropped += slots::drop_slots(&mut rows, signal.signal(), now).await?;
        }
        rows.close().await?;
        Ok(done)
    }

    /// Divides segments by the rules of retention that hold now, where those have
    /// changed; some windows at a time.
    async fn divide(
        &self,
        rows: &mut PgConnection,
        signal: &dyn Compact,
        now: Timestamp,
    ) -> Result<u64, CompactError> {
        let name = signal.signal();
        let rules = retention::versions(rows, name).await?;
        if self.divided.lock().get(name) == Some(&rules) {
            return Ok(0);
        }
        let windows = misplaced_windows(rows, name, &rules, now).await?;
        if windows.is_empty() {
            self.divided.lock().insert(name, rules);
        }
        let mut merged = 0;
        for window in windows {
            merged += u64::from(merge(rows, signal, window).await?);
        }
        Ok(merged)
    }
}

/// Takes all of level 0 that there is, in the schema of the session.
pub(crate) async fn all(rows: &mut PgConnection, signal: &dyn Compact) -> Result<(), CompactError> {
    let eager = Pace {
        rows_ready: 1,
        ..Pace::default()
    };
    for place in ready_places(rows, signal.signal(), eager, Timestamp::default()).await? {
        while compact(rows, signal, place).await? == Step::Part {}
    }
    Ok(())
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
    pace: Pace,
    now: Timestamp,
) -> Result<Vec<Place>, sqlx::Error> {
    let sql = format!(
        "SELECT l0.tenant_id, l0.project_id, l0.partition FROM {signal}_l0 l0
         LEFT JOIN compacted c
                ON c.tenant_id = l0.tenant_id AND c.project_id = l0.project_id
               AND c.partition = l0.partition AND c.signal = $1
         WHERE l0.from_offset >= coalesce(c.next_offset, 0)
         GROUP BY 1, 2, 3
         HAVING count(*) >= $2 OR min(slot) + interval '10 minutes' <= $3"
    );
    let found: Vec<(Uuid, Uuid, i32)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(signal)
        .bind(pace.rows_ready)
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

/// Holds the project's row, and says how far it is; None where another process does.
async fn lease(
    tx: &mut PgConnection,
    signal: &str,
    place: Place,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query(
        "INSERT INTO compacted (signal, tenant_id, project_id, partition, next_offset)
         VALUES ($1, $2, $3, $4, 0) ON CONFLICT DO NOTHING",
    )
    .bind(signal)
    .bind(place.tenant.0)
    .bind(place.project.0)
    .bind(place.partition)
    .execute(&mut *tx)
    .await?;
    sqlx::query_scalar(
        "SELECT next_offset FROM compacted
         WHERE signal = $1 AND tenant_id = $2 AND project_id = $3 AND partition = $4
         FOR UPDATE SKIP LOCKED",
    )
    .bind(signal)
    .bind(place.tenant.0)
    .bind(place.project.0)
    .bind(place.partition)
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
    let Some(next) = lease(&mut tx, name, place).await? else {
        return Ok(Step::Nothing);
    };
    // Whole flushes: sections of one flush have one from_offset.
    let sql = format!(
        "SELECT day, from_offset, to_offset, newest, data FROM (
             SELECT day, from_offset, to_offset, section, data,
                    sum(octet_length(data)) OVER (ORDER BY from_offset) AS bytes,
                    min(from_offset) OVER () AS first, max(from_offset) OVER () AS newest
             FROM {name}_l0
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
        classes: Arc::new(classes::load(&mut tx, name, place).await?),
        tier: 1,
        from_offset: first.from_offset,
        to_offset: last.to_offset,
    };
    let to_offset = target.to_offset;
    signal.compact(&mut tx, target, found).await?;
    sqlx::query(
        "UPDATE compacted SET next_offset = $5
         WHERE signal = $1 AND tenant_id = $2 AND project_id = $3 AND partition = $4",
    )
    .bind(name)
    .bind(place.tenant.0)
    .bind(place.project.0)
    .bind(place.partition)
    .bind(to_offset)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(step)
}
