//! What is past its class goes: whole days at once where every project's items of
//! that day are past theirs, else row by row.

use std::collections::BTreeMap;

use schemas::tenant::RETENTION_DAYS;
use schemas::time::Timestamp;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use super::classes::{Classes, default_of};
use super::compaction::CompactError;
use crate::db::Db;

/// Rows that are kept as long as the whole of some signal, the longest of several.
struct Kept {
    table: &'static str,
    /// Which of its rows.
    only: &'static str,
    /// The column that says from when they are, and how much of it makes a day.
    since: &'static str,
    a_day: i32,
    signals: &'static [&'static str],
}

impl Kept {
    const fn by_day(table: &'static str, signals: &'static [&'static str]) -> Self {
        Self {
            table,
            only: "true",
            since: "day",
            a_day: 1,
            signals,
        }
    }
}

const KEPT: [Kept; 7] = [
    Kept::by_day("metric_series", &["metrics", "metrics_5m", "metrics_1h"]),
    Kept::by_day("metric_exemplars", &["metrics"]),
    Kept::by_day("span_red", &["spans"]),
    Kept::by_day("service_edges", &["spans"]),
    Kept {
        only: "t.resolution = 300",
        ..Kept::by_day("metrics_coarse", &["metrics_5m"])
    },
    Kept {
        only: "t.resolution = 3600",
        ..Kept::by_day("metrics_coarse", &["metrics_1h"])
    },
    // Counts of records go with the records.
    Kept {
        since: "minute",
        a_day: 1_440,
        ..Kept::by_day("log_counts", &["logs"])
    },
];

/// Days that nothing is kept for.
const LONGEST: i32 = RETENTION_DAYS[RETENTION_DAYS.len() - 1] + 1;

/// Removes what is past its time at `now`.
pub async fn pass(db: &Db, now: Timestamp) -> Result<(), CompactError> {
    let mut rows = db.fold_session("telemetry").await?;
    let today = i32::try_from(now.micros().div_euclid(86_400_000_000)).unwrap_or_default();
    for signal in ["metrics", "logs", "spans"] {
        let past = past_class();
        let sql = format!("DELETE FROM telemetry.{signal}_l1 WHERE {past}");
        sqlx::query(AssertSqlSafe(sql))
            .bind(today)
            .execute(&mut rows)
            .await?;
        drop_days(&mut rows, signal, today).await?;
    }
    for kept in &KEPT {
        remove(&mut rows, kept, today).await?;
    }
    // An hour goes when no rule can keep anything of it, so that none goes which is
    // about to be written to.
    sqlx::query("DELETE FROM telemetry.log_hours WHERE window_start < 86400 * ($1::bigint - $2)")
        .bind(today)
        .bind(LONGEST)
        .execute(&mut rows)
        .await?;
    rows.close().await?;
    Ok(())
}

/// Class by class, so that an index finds what is past it.
fn past_class() -> String {
    let each = RETENTION_DAYS.map(|days| format!("class = {days} AND day < $1 - {days}"));
    each.join(" OR ")
}

/// Removes rows that are past their time. Those of projects without rules, and those of
/// projects that have the same days by their rules, are compared with one time: what is
/// computed for each row is computed for all of them.
async fn remove(rows: &mut PgConnection, kept: &Kept, today: i32) -> Result<(), sqlx::Error> {
    let Kept {
        table,
        only,
        since,
        a_day,
        signals,
    } = kept;
    let old = format!("DELETE FROM telemetry.{table} t");
    let default = signals.iter().map(|signal| default_of(signal)).max();
    let default = default.map_or(LONGEST, i32::from);
    for (days, (tenants, projects)) in ruled(rows, signals).await? {
        let sql = format!(
            "{old} USING unnest($2::uuid[], $3::uuid[]) AS ruled (tenant_id, project_id)
             WHERE t.{since} < $1 AND {only}
               AND t.tenant_id = ruled.tenant_id AND t.project_id = ruled.project_id"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind((today - days) * a_day)
            .bind(tenants)
            .bind(projects)
            .execute(&mut *rows)
            .await?;
    }
    let sql = format!(
        "{old} WHERE t.{since} < $1 AND {only} AND NOT EXISTS (
             SELECT FROM telemetry.retention r
             WHERE r.tenant_id = t.tenant_id AND r.project_id = t.project_id)"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind((today - default) * a_day)
        .execute(rows)
        .await
        .map(drop)
}

/// Tenants and projects.
type Projects = (Vec<Uuid>, Vec<Uuid>);

/// Projects with rules, by the days that the whole of the signals is kept: those of the
/// longest rule about any of them.
async fn ruled(
    rows: &mut PgConnection,
    signals: &[&str],
) -> Result<BTreeMap<i32, Projects>, sqlx::Error> {
    let each = signals.iter().map(|signal| {
        format!(
            "max(class) FILTER (WHERE signal = '{signal}'),
             coalesce(max(class) FILTER (WHERE signal = '{signal}' AND stream = ''), {})",
            default_of(signal)
        )
    });
    let sql = format!(
        "SELECT tenant_id, project_id, greatest({})::int FROM telemetry.retention
         GROUP BY tenant_id, project_id",
        each.collect::<Vec<_>>().join(", ")
    );
    let found: Vec<(Uuid, Uuid, i32)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(rows).await?;
    let mut ruled = BTreeMap::<i32, Projects>::new();
    for (tenant, project, days) in found {
        let (tenants, projects) = ruled.entry(days).or_default();
        tenants.push(tenant);
        projects.push(project);
    }
    Ok(ruled)
}

/// Every project with rules about a signal, and which they are.
pub(crate) async fn versions(
    rows: &mut PgConnection,
    signal: &str,
) -> Result<Vec<(Uuid, Uuid, i64)>, sqlx::Error> {
    let found: Vec<(Uuid, Uuid, Vec<String>, Vec<i16>)> = sqlx::query_as(
        "SELECT tenant_id, project_id, array_agg(stream), array_agg(class)
         FROM retention WHERE signal = $1 GROUP BY 1, 2 ORDER BY 1, 2",
    )
    .bind(signal)
    .fetch_all(rows)
    .await?;
    let version = |(tenant, project, streams, days): (Uuid, Uuid, Vec<String>, Vec<i16>)| {
        let rules = streams.into_iter().zip(days).collect();
        (tenant, project, Classes::new(signal, rules).version)
    };
    Ok(found.into_iter().map(version).collect())
}

/// Drops the partitions of days that are empty now.
async fn drop_days(rows: &mut PgConnection, signal: &str, today: i32) -> Result<(), sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = to_regclass($1) AND c.relname ~ '_l1_[0-9]+$'
           AND split_part(c.relname, '_', 3)::int < $2",
    )
    .bind(format!("telemetry.{signal}_l1"))
    .bind(today - 1)
    .fetch_all(&mut *rows)
    .await?;
    for name in names {
        if let Err(why) = drop_day(rows, signal, &name).await {
            tracing::debug!(%why, name, "an empty day is dropped later");
        }
    }
    Ok(())
}

async fn drop_day(rows: &mut PgConnection, signal: &str, name: &str) -> Result<(), sqlx::Error> {
    let empty = format!("SELECT NOT EXISTS (SELECT FROM telemetry.{name})");
    let is_empty: bool = sqlx::query_scalar(AssertSqlSafe(empty.clone()))
        .fetch_one(&mut *rows)
        .await?;
    if !is_empty {
        return Ok(());
    }
    let mut tx = rows.begin().await?;
    tx.execute("SET LOCAL lock_timeout = '100ms'").await?;
    let lock = format!("LOCK TABLE ONLY telemetry.{signal}_l1 IN ACCESS EXCLUSIVE MODE");
    tx.execute(AssertSqlSafe(lock)).await?;
    // Asked for a second time while nobody can write: compaction may just have brought
    // what came late.
    let still: bool = sqlx::query_scalar(AssertSqlSafe(empty))
        .fetch_one(&mut *tx)
        .await?;
    if still {
        let sql = format!("DROP TABLE telemetry.{name}");
        tx.execute(AssertSqlSafe(sql)).await?;
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::super::classes::DEFAULTS;
    use super::*;

    #[test]
    fn every_class_is_looked_for() {
        let past = past_class();
        for (signal, days) in DEFAULTS {
            let looked_for = format!("class = {days} AND day < $1 - {days}");
            let mut each = past.split(" OR ");
            assert!(each.any(|one| one == looked_for), "{signal}: {past}");
        }
    }
}
