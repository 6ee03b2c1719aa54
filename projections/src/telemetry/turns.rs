//! Compaction of a signal, which may run in several processes, and what rewrites the
//! whole signal keep out of each other's way: locks of the session in Postgres.

use sqlx::PgConnection;

use crate::db::lock;

fn key(signal: &str) -> i64 {
    xxhash_rust::xxh3::xxh3_64(format!("compaction of {signal}").as_bytes()).cast_signed()
}

/// A turn beside others of its kind; false while somebody is alone with the signal.
pub(crate) async fn begin(rows: &mut PgConnection, signal: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock_shared($1)")
        .bind(key(signal))
        .fetch_one(rows)
        .await
}

/// Gives a turn back; the end of the session does it too.
pub(crate) async fn end(rows: &mut PgConnection, signal: &str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_unlock_shared($1)")
        .bind(key(signal))
        .execute(rows)
        .await
        .map(drop)
}

/// The same without waiting; false where somebody has a turn.
pub(crate) async fn try_alone(rows: &mut PgConnection, signal: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(key(signal))
        .fetch_one(rows)
        .await
}

pub(crate) async fn end_alone(rows: &mut PgConnection, signal: &str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(key(signal))
        .execute(rows)
        .await
        .map(drop)
}

/// Waits until nobody compacts the signal, and keeps all from it until the session
/// ends.
pub(crate) async fn alone(rows: &mut PgConnection, signal: &str) -> Result<(), sqlx::Error> {
    lock::wait(rows, key(signal), || {
        let waited_s = lock::LONG.as_secs();
        tracing::warn!(
            signal,
            waited_s,
            "still waiting for compaction to step back"
        );
    })
    .await
}
