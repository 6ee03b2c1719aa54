//! A signal of telemetry anew, as far back as the log reaches. Its segments outlive
//! the log, so those that hold an older position stay untouched, and what they hold
//! is not taken again (`telemetry::floors`). The rest is folded and compacted in a
//! schema of its own; one transaction puts it in the place of what was there.
//!
//! The first quarter of an hour of a log whose beginning is gone only tells which of
//! the bodies after it are repeats. Counts by minute are made anew for the hours that
//! lie wholly in the range. Exemplars and what is known of metric families stay.

mod series;

use std::collections::BTreeMap;
use std::sync::Arc;

use eventlog::{Log, Offset, Partition, Visibility};
use schemas::ids::ProjectId;
use schemas::telemetry::MAX_AHEAD_MS;
use schemas::time::Timestamp;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use super::shadow::{self, Shadow};
use super::{Replay, ReplayError, Replayed};
use crate::telemetry::floors::{Floors, Stored, WINDOW_S};
use crate::telemetry::{Signal, compaction, metrics, turns};

/// Repeats are known for a quarter of an hour; clocks may differ.
const WARM_UP_MS: i64 = 20 * 60_000;
const READ_BYTES: usize = 4 << 20;

/// Folds the range anew and puts it in its place.
pub(super) async fn replay(replay: &Replay, signal: &Signal) -> Result<Replayed, ReplayError> {
    let mut rows = replay.db.fold_session("telemetry").await?;
    turns::alone(&mut rows, signal.name).await?;
    // What is in level 0 from here on is in the range.
    compaction::all(&mut rows, signal.compact.as_ref()).await?;
    let range = Range::of(replay, signal, &mut rows).await?;
    let projection = signal.fold_above(&replay.settings, range.floors.clone());
    let mut shadow = Shadow::create(replay, projection.as_ref()).await?;
    range.prepare(&mut shadow.rows).await?;
    shadow.range = Some(range);
    let replayed = shadow::fold(shadow).await;
    // Compaction was kept out until here.
    rows.close().await?;
    replayed
}

/// What is folded anew.
pub(super) struct Range<'a> {
    signal: &'a Signal,
    floors: Arc<Floors>,
    starts: BTreeMap<Partition, Offset>,
    /// Hours that hold older positions too.
    older: Vec<(ProjectId, i64)>,
    /// Hours before this one, in seconds since 1970, may have lost counts.
    counts_from: i64,
}

impl<'a> Range<'a> {
    async fn of(
        replay: &Replay,
        signal: &'a Signal,
        rows: &mut PgConnection,
    ) -> Result<Self, ReplayError> {
        let (starts, counts_from) = starts(&replay.log, signal).await?;
        let stored = stored(rows, signal.name).await?;
        let start = |one: &Stored| starts.get(&one.partition).copied().unwrap_or(Offset::MAX);
        let mut older: Vec<_> = stored
            .iter()
            .filter(|one| one.from < start(one))
            .map(|one| (one.project, one.window_start))
            .collect();
        older.sort_unstable();
        older.dedup();
        Ok(Self {
            signal,
            floors: Arc::new(Floors::new(starts.clone(), &stored)),
            starts,
            older,
            counts_from,
        })
    }

    /// The tables that compaction needs besides those of the fold, in the schema of
    /// the session.
    async fn prepare(&self, rows: &mut PgConnection) -> Result<(), ReplayError> {
        let name = self.signal.name;
        let sql = format!(
            "CREATE TABLE {name}_l1 (LIKE telemetry.{name}_l1 INCLUDING ALL);
             CREATE TABLE compacted (LIKE telemetry.compacted INCLUDING ALL);
             CREATE VIEW retention AS SELECT * FROM telemetry.retention;
             CREATE VIEW deletions AS SELECT * FROM telemetry.deletions;
             CREATE VIEW deleted AS SELECT * FROM telemetry.deleted;
             CREATE FUNCTION ensure_slot(level0 text, slot timestamptz) RETURNS void
                 LANGUAGE sql AS '';"
        );
        rows.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
        if name == metrics::SIGNAL {
            // The limit of series is of a whole day.
            sqlx::query(
                "INSERT INTO metric_series SELECT live.* FROM telemetry.metric_series live
                 JOIN unnest($1::int[], $2::bigint[]) AS range (partition, start) USING (partition)
                 WHERE from_offset < start",
            )
            .bind(self.starts.keys().copied().collect::<Vec<_>>())
            .bind(self.starts.values().copied().collect::<Vec<_>>())
            .execute(rows)
            .await?;
        }
        Ok(())
    }

    /// Takes level 0 of the session's schema into its level 1.
    pub(super) async fn compact(&self, rows: &mut PgConnection) -> Result<(), ReplayError> {
        compaction::all(rows, self.signal.compact.as_ref()).await?;
        let sql = format!("TRUNCATE {}_l0", self.signal.name);
        rows.execute(AssertSqlSafe(sql)).await?;
        Ok(())
    }

    /// Puts what is in `schema` in the place of the live rows of the range.
    pub(super) async fn exchange(
        &self,
        tx: &mut PgConnection,
        schema: &str,
    ) -> Result<(), ReplayError> {
        self.bring_floors(tx, schema).await?;
        let name = self.signal.name;
        if name == metrics::SIGNAL {
            series::add_missing(tx, schema).await?;
        }
        let mut sql = format!(
            "DELETE FROM {name}_l1 live USING {schema}.replay_start range
             WHERE live.partition = range.partition AND live.from_offset >= coalesce((
                 SELECT floor FROM {schema}.replay_floor own
                 WHERE own.project_id = live.project_id AND own.partition = live.partition
                   AND own.window_start = live.window_start), range.start);
             INSERT INTO {name}_l1 SELECT * FROM {schema}.{name}_l1;
             DELETE FROM {name}_l0 live USING {schema}.replay_start range
             WHERE live.partition = range.partition AND live.from_offset >= range.start;
             INSERT INTO compacted AS live SELECT * FROM {schema}.compacted
             ON CONFLICT (tenant_id, project_id, signal, partition)
             DO UPDATE SET next_offset = greatest(live.next_offset, excluded.next_offset);"
        );
        for table in self.signal.rollups {
            let whole = format!(
                "minute::bigint * 60 >= {} AND NOT EXISTS (
                     SELECT FROM {schema}.replay_older older WHERE older.project_id = t.project_id
                       AND older.window_start = minute::bigint * 60 / {WINDOW_S} * {WINDOW_S})",
                self.counts_from
            );
            sql.push_str(&format!(
                "DELETE FROM {table} t WHERE {whole};
                 INSERT INTO {table} SELECT * FROM {schema}.{table} t WHERE {whole};"
            ));
        }
        sql.push_str(&format!("DROP SCHEMA {schema} CASCADE;"));
        tx.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
        Ok(())
    }

    /// As tables beside the shadow's, which go with it.
    async fn bring_floors(&self, tx: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
        let tables = format!(
            "CREATE TABLE {schema}.replay_start (partition int, start bigint);
             CREATE TABLE {schema}.replay_floor (project_id uuid, partition int,
                 window_start bigint, floor bigint);
             CREATE TABLE {schema}.replay_older (project_id uuid, window_start bigint);"
        );
        tx.execute(sqlx::raw_sql(AssertSqlSafe(tables))).await?;
        let starts = format!(
            "INSERT INTO {schema}.replay_start SELECT * FROM unnest($1::int[], $2::bigint[])"
        );
        sqlx::query(AssertSqlSafe(starts))
            .bind(self.starts.keys().copied().collect::<Vec<_>>())
            .bind(self.starts.values().copied().collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
        let raised: Vec<_> = self.floors.raised().collect();
        let floors = format!(
            "INSERT INTO {schema}.replay_floor
             SELECT * FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::bigint[])"
        );
        sqlx::query(AssertSqlSafe(floors))
            .bind(raised.iter().map(|one| one.0.0).collect::<Vec<_>>())
            .bind(raised.iter().map(|one| one.1).collect::<Vec<_>>())
            .bind(raised.iter().map(|one| one.2).collect::<Vec<_>>())
            .bind(raised.iter().map(|one| one.3).collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
        let older = format!(
            "INSERT INTO {schema}.replay_older SELECT * FROM unnest($1::uuid[], $2::bigint[])"
        );
        sqlx::query(AssertSqlSafe(older))
            .bind(self.older.iter().map(|one| one.0.0).collect::<Vec<_>>())
            .bind(self.older.iter().map(|one| one.1).collect::<Vec<_>>())
            .execute(tx)
            .await
            .map(drop)
    }
}

/// Where each partition's range begins, and the first hour whose items all came
/// after that.
async fn starts(
    log: &Log,
    signal: &Signal,
) -> Result<(BTreeMap<Partition, Offset>, i64), ReplayError> {
    let (mut starts, mut counts_from) = (BTreeMap::new(), i64::MIN);
    for partition in 0..signal.topic.partitions() {
        let (start, at) = start(log, signal, partition).await?;
        starts.insert(partition, start);
        if let Some(at) = at {
            let settled = at.micros() / 1_000_000 + MAX_AHEAD_MS / 1_000;
            let next_hour = settled.div_euclid(WINDOW_S) + 1;
            counts_from = counts_from.max(next_hour * WINDOW_S);
        }
    }
    Ok((starts, counts_from))
}

/// The first position whose repeats are all known, and when it was appended; that is
/// none where the log begins there.
async fn start(
    log: &Log,
    signal: &Signal,
    partition: Partition,
) -> Result<(Offset, Option<Timestamp>), ReplayError> {
    let range = log
        .range(signal.topic, partition, Visibility::Durable)
        .await?;
    if range.start == 0 {
        return Ok((0, None));
    }
    let (mut next, mut oldest, mut newest) = (range.start, None, None);
    while next < range.end {
        let read = log
            .read(
                signal.topic,
                partition,
                next,
                READ_BYTES,
                Visibility::Durable,
            )
            .await?;
        for record in &read.records {
            newest = Some(record.appended_at);
            let oldest = *oldest.get_or_insert(record.appended_at);
            if record.appended_at.millis_since(oldest) >= WARM_UP_MS {
                return Ok((record.position.offset, Some(record.appended_at)));
            }
        }
        next = read.next_offset.max(next + 1);
    }
    Ok((range.end, newest))
}

/// Every segment's place and positions, by position.
async fn stored(rows: &mut PgConnection, name: &str) -> Result<Vec<Stored>, sqlx::Error> {
    let sql = format!(
        "SELECT DISTINCT project_id, partition, window_start, from_offset, to_offset
         FROM {name}_l1 ORDER BY from_offset, to_offset"
    );
    let found: Vec<(Uuid, i32, i64, i64, i64)> =
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(rows).await?;
    let stored = |(project, partition, window_start, from, to)| Stored {
        project: ProjectId(project),
        partition,
        window_start,
        from,
        to,
    };
    Ok(found.into_iter().map(stored).collect())
}
