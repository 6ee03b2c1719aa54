//! Level 0 goes ten minutes at a time, once compaction has passed all of them, and a
//! minute later: who follows records as they arrive reads them there, every second or so.

use schemas::time::Timestamp;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::ranges::places;

/// Readers queue behind a drop that waits for a reader: wait but shortly.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '100ms'";

/// Drops ten-minute partitions that every project has passed.
pub(super) async fn drop_slots(
    rows: &mut PgConnection,
    signal: &'static str,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    // Apart, or a plan may read times in the names of all tables that there are.
    let names: Vec<String> = sqlx::query_scalar(
        "WITH slots AS MATERIALIZED (
             SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = to_regclass($1))
         SELECT name FROM slots
         WHERE to_timestamp(right(name, 13), 'YYYYMMDD_HH24MI') + interval '11 minutes' <= $2
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
    // Asked for a second time while nobody can read or write.
    let passed = format!(
        "{} SELECT NOT EXISTS (
             SELECT FROM place
             LEFT JOIN telemetry.compacted c
                    ON c.tenant_id = place.tenant_id AND c.project_id = place.project_id
                   AND c.partition = place.partition AND c.signal = '{signal}'
             CROSS JOIN LATERAL (
                 SELECT l0.slot FROM telemetry.{name} l0
                 WHERE l0.tenant_id = place.tenant_id AND l0.project_id = place.project_id
                   AND l0.partition = place.partition
                   AND l0.from_offset >= coalesce(c.next_offset, 0)
                 LIMIT 1) ahead)",
        places(&format!("telemetry.{name}"))
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
