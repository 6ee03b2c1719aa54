//! What is past its class goes: whole days at once where every project's items of
//! that day are past theirs, else row by row.

use schemas::time::Timestamp;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::compaction::CompactError;
use crate::db::Db;

/// Days that items are kept; a project's signal has one of them.
pub const CLASSES: [i16; 7] = [1, 3, 7, 15, 30, 90, 400];
pub(crate) const DEFAULT_CLASS: i16 = 30;

/// Tables of rows by day that follow their signal's class.
const BY_DAY: [(&str, &str); 4] = [
    ("metrics", "metric_series"),
    ("metrics", "metric_exemplars"),
    ("spans", "span_red"),
    ("spans", "service_edges"),
];

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
    for (signal, table) in BY_DAY {
        let sql = format!(
            "DELETE FROM telemetry.{table} t
             WHERE day < $1 - coalesce((SELECT class FROM telemetry.retention r
                 WHERE r.tenant_id = t.tenant_id AND r.project_id = t.project_id AND r.signal = $2), $3)"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(today)
            .bind(signal)
            .bind(DEFAULT_CLASS)
            .execute(&mut rows)
            .await?;
    }
    drop_log_counts(&mut rows, today).await?;
    rows.close().await?;
    Ok(())
}

/// Counts of records go with the records.
async fn drop_log_counts(rows: &mut PgConnection, today: i32) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM telemetry.log_counts t
         WHERE minute < 1440 * ($1 - coalesce((SELECT class FROM telemetry.retention r
             WHERE r.tenant_id = t.tenant_id AND r.project_id = t.project_id
               AND r.signal = 'logs'), $2))",
    )
    .bind(today)
    .bind(DEFAULT_CLASS)
    .execute(rows)
    .await
    .map(drop)
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
