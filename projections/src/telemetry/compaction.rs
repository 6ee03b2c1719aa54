//! From level 0 to level 1, and from many small segments to few: a task beside the
//! folds. Each step is one transaction that holds the project's row of `compacted`,
//! so that several processes share the work and readers see either the old rows or
//! the new ones.
//!
//! Tiers: a flush's rows become segments of tier 1; eight runs of them one of tier
//! 2; once the window's hour is over, everything becomes tier 3. What is late makes
//! small segments again, merged when there are eight.

mod ranges;
mod signal;
mod slots;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use schemas::context::Clock;
use schemas::time::Timestamp;
use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{deletions, retention, turns};
use crate::db::Db;
use ranges::{Step, compact, lease, ready_places};
pub use signal::CompactError;
pub(crate) use signal::{Compact, Level0, Level1, Place, Target};
use windows::{merge, misplaced_windows, ready_windows};

pub(crate) const FINAL_TIER: i16 = 3;
/// After so long every hour that has begun is over and settled.
const HOUR_OVER_MS: i64 = 2 * 3_600_000;
const RETENTION_EVERY_MS: i64 = 600_000;

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
