//! Records as they arrive: what level 0 has beyond the log positions that were seen.

use std::collections::BTreeMap;

use schemas::scope::Scope;
use sqlx::AssertSqlSafe;

use super::SIGNAL;
use super::TIME_LIMIT;
use super::filter::Filter;
use super::matching::matching;
use super::record::Record;
use super::scan::{LogsError, blocking};
use super::segment::Segment;
use super::table::Table;
use crate::db::Db;
use crate::telemetry::{level0, snapshot};

/// Level-0 rows that one look takes, and their bytes; the oldest of more are passed over.
const MOST_ROWS: i64 = 200;
const MOST_BYTES: i64 = 32 << 20;

/// Somebody who looks on.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    /// By partition: the next log position.
    next: BTreeMap<i32, i64>,
}

/// What has arrived.
#[derive(Debug, Clone, Default)]
pub struct Arrived {
    /// In the order of time.
    pub records: Vec<Record>,
    /// Wanted, or perhaps wanted, but too many.
    pub dropped: u64,
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    partition: i32,
    to_offset: i64,
    items: i32,
    /// None where there are too many to look at.
    data: Option<Vec<u8>>,
}

impl Tail {
    /// Begins with what arrives from now on.
    pub async fn begin(db: &Db, scope: &Scope) -> Result<Self, LogsError> {
        let mut tx = snapshot::begin(db, SIGNAL, scope, TIME_LIMIT).await?;
        let next: Vec<(i32, i64)> = sqlx::query_as(
            "SELECT partition, max(to_offset) FROM telemetry.logs_l0
             WHERE tenant_id = $1 AND project_id = $2 GROUP BY partition
             UNION ALL
             SELECT partition, next_offset FROM telemetry.compacted
             WHERE tenant_id = $1 AND project_id = $2 AND signal = 'logs'",
        )
        .bind(scope.tenant().0)
        .bind(scope.project().0)
        .fetch_all(&mut *tx)
        .await?;
        let mut tail = Self::default();
        for (partition, offset) in next {
            tail.pass(partition, offset);
        }
        Ok(tail)
    }

    fn pass(&mut self, partition: i32, offset: i64) {
        let known = self.next.entry(partition).or_default();
        *known = offset.max(*known);
    }

    /// What has arrived since the last time, at most `limit` records of it: the newest.
    pub async fn look(
        &mut self,
        db: &Db,
        scope: &Scope,
        filter: &Filter,
        limit: usize,
    ) -> Result<Arrived, LogsError> {
        let rows = self.rows(db, scope).await?;
        for row in &rows {
            self.pass(row.partition, row.to_offset);
        }
        let filter = filter.clone();
        blocking(move || {
            let mut arrived = Arrived::default();
            let mut found = BTreeMap::new();
            for row in rows {
                let Some(data) = row.data else {
                    arrived.dropped += u64::from(row.items.unsigned_abs());
                    continue;
                };
                let segment = Segment::open(data)?;
                let rows = matching(&segment, &filter, i64::MIN, i64::MAX)?;
                let wanted: Vec<u32> = rows.iter().collect();
                let passed_over = wanted.len().saturating_sub(limit);
                arrived.dropped += passed_over as u64;
                let mut table = Table::default();
                segment.append(Some(&wanted[passed_over..]), &mut table)?;
                for at in 0..table.len() {
                    let place = table.place(row.partition, at);
                    found.insert(place, table.record(row.partition, at)?);
                }
                while found.len() > limit {
                    found.pop_first();
                    arrived.dropped += 1;
                }
            }
            arrived.records = found.into_values().collect();
            Ok(arrived)
        })
        .await
    }

    async fn rows(&self, db: &Db, scope: &Scope) -> Result<Vec<Row>, LogsError> {
        let mut tx = snapshot::begin(db, SIGNAL, scope, TIME_LIMIT).await?;
        let partitions: Vec<i32> = self.next.keys().copied().collect();
        let offsets: Vec<i64> = self.next.values().copied().collect();
        let seen = "SELECT * FROM unnest($3::int[], $4::bigint[])";
        let sql = format!(
            "{} SELECT partition, to_offset, items,
                    CASE WHEN newest = 1 OR newest <= $5 AND bytes <= $6 THEN data END AS data
             FROM (SELECT s.partition, s.to_offset, s.items, s.data,
                          row_number() OVER newest_first AS newest,
                          sum(octet_length(s.data)) OVER newest_first AS bytes
                   FROM fresh CROSS JOIN LATERAL (
                       SELECT l0.partition, l0.from_offset, l0.to_offset, l0.items, l0.data
                       FROM telemetry.logs_l0 l0
                       WHERE l0.tenant_id = $1 AND l0.project_id = $2
                         AND l0.partition = fresh.partition
                         AND l0.from_offset >= fresh.next_offset
                       OFFSET 0) s
                   WINDOW newest_first AS (
                       ORDER BY s.from_offset DESC ROWS UNBOUNDED PRECEDING)) found",
            level0::since(SIGNAL, seen)
        );
        Ok(sqlx::query_as(AssertSqlSafe(sql))
            .bind(scope.tenant().0)
            .bind(scope.project().0)
            .bind(partitions)
            .bind(offsets)
            .bind(MOST_ROWS)
            .bind(MOST_BYTES)
            .fetch_all(&mut *tx)
            .await?)
    }
}
