//! What is past its class goes: whole days at once where every project's items of
//! that day are past theirs, else row by row.

use schemas::tenant::RETENTION_DAYS;
use schemas::time::Timestamp;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use super::classes::{Classes, default_of};
use super::compaction::CompactError;
use crate::db::Db;

/// Tables of rows by day that are kept as long as the whole of some signal, the
/// longest of several.
const BY_DAY: [(&str, &[&str]); 4] = [
    ("metric_series", &["metrics", "metrics_5m", "metrics_1h"]),
    ("metric_exemplars", &["metrics"]),
    ("span_red", &["spans"]),
    ("service_edges", &["spans"]),
];

/// Days that nothing is kept for.
const LONGEST: i32 = RETENTION_DAYS[RETENTION_DAYS.len() - 1] + 1;

/// Removes what is past its time at `now`.
pub async fn pass(db: &Db, now: Timestamp) -> Result<(), CompactError> {
    let mut rows = db.fold_session("telemetry").await?;
    let today = i32::try_from(now.micros().div_euclid(86_400_000_000)).unwrap_or_default();
    for signal in ["metrics", "logs", "spans"] {
        let sql = format!("DELETE FROM telemetry.{signal}_l1 WHERE day < $1 - class");
        sqlx::query(AssertSqlSafe(sql))
            .bind(today)
            .execute(&mut rows)
            .await?;
        drop_days(&mut rows, signal, today).await?;
    }
    for (table, signals) in BY_DAY {
        let kept = kept(signals);
        let sql = format!("DELETE FROM telemetry.{table} t WHERE day < $1 - {kept}");
        sqlx::query(AssertSqlSafe(sql))
            .bind(today)
            .execute(&mut rows)
            .await?;
    }
    for (resolution, signal) in [(300, "metrics_5m"), (3_600, "metrics_1h")] {
        let sql = format!(
            "DELETE FROM telemetry.metrics_coarse t
             WHERE resolution = {resolution} AND day < $1 - {}",
            kept(&[signal])
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(today)
            .execute(&mut rows)
            .await?;
    }
    // An hour goes when no rule can keep anything of it, so that none goes which is
    // about to be written to.
    sqlx::query("DELETE FROM telemetry.log_hours WHERE window_start < 86400 * ($1::bigint - $2)")
        .bind(today)
        .bind(LONGEST)
        .execute(&mut rows)
        .await?;
    // Counts of records go with the records.
    let sql = format!(
        "DELETE FROM telemetry.log_counts t WHERE minute < 1440 * ($1 - {})",
        kept(&["logs"])
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(today)
        .execute(&mut rows)
        .await?;
    rows.close().await?;
    Ok(())
}

/// The days that a row of `t` is kept: those of the project's longest rule of any of
/// the signals.
fn kept(signals: &[&str]) -> String {
    let each = signals.iter().map(|signal| {
        format!(
            "greatest((SELECT max(class) FROM telemetry.retention r
                 WHERE r.tenant_id = t.tenant_id AND r.project_id = t.project_id
                   AND r.signal = '{signal}'),
             coalesce((SELECT class FROM telemetry.retention r
                 WHERE r.tenant_id = t.tenant_id AND r.project_id = t.project_id
                   AND r.signal = '{signal}' AND r.stream = ''), {}))",
            default_of(signal)
        )
    });
    format!("greatest({})", each.collect::<Vec<_>>().join(", "))
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
        let mut tx = rows.begin().await?;
        tx.execute("SET LOCAL lock_timeout = '100ms'").await?;
        let empty = format!("SELECT NOT EXISTS (SELECT FROM telemetry.{name})");
        let empty: bool = sqlx::query_scalar(AssertSqlSafe(empty))
            .fetch_one(&mut *tx)
            .await?;
        if empty {
            let sql = format!("DROP TABLE telemetry.{name}");
            if let Err(why) = tx.execute(AssertSqlSafe(sql)).await {
                tracing::debug!(%why, name, "an empty day is dropped later");
            }
        }
        tx.commit().await?;
    }
    Ok(())
}
