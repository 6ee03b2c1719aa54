//! `vault.ends`: what access tokens are no longer good for, for every gateway to read.

use access::ended::End;
use access::token::LIFETIME_S;
use chrono::{DateTime, Utc};
use eventlog::Partition;
use projections::Db;
use schemas::time::Timestamp;
use uuid::Uuid;

use crate::error::Error;

/// What was written down, and when the database did so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    pub end: End,
    pub at: Timestamp,
    pub noted_at: DateTime<Utc>,
}

pub async fn add(db: &Db, ends: &[End], at: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO vault.ends AS held (what, ended_at)
         SELECT DISTINCT what, $2 FROM unnest($1::uuid[]) AS what
         ON CONFLICT (what) DO UPDATE SET
            ended_at = greatest(held.ended_at, excluded.ended_at), noted_at = clock_timestamp()",
    )
    .bind(ends.iter().map(|end| end.id()).collect::<Vec<_>>())
    .bind(at.datetime())
    .execute(db.writer())
    .await?;
    Ok(())
}

/// What was noted after `since`; everything there is for None.
pub async fn since(db: &Db, since: Option<DateTime<Utc>>) -> Result<Vec<Noted>, Error> {
    let found: Vec<(Uuid, DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(
        "SELECT what, ended_at, noted_at FROM vault.ends
         WHERE $1::timestamptz IS NULL OR noted_at > $1 ORDER BY noted_at",
    )
    .bind(since)
    .fetch_all(db.writer())
    .await?;
    let noted = found.into_iter().map(|(what, at, noted_at)| Noted {
        end: End::of_id(what),
        at: at.into(),
        noted_at,
    });
    Ok(noted.collect())
}

/// Removes what no token can carry any more.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64, Error> {
    let gone = sqlx::query("DELETE FROM vault.ends WHERE ended_at < $1")
        .bind(now.plus_millis(-2 * LIFETIME_S * 1_000).datetime())
        .execute(db.writer())
        .await?;
    Ok(gone.rows_affected())
}

/// Notes that what `identity.events` ended before `next` is written down.
pub async fn note_read(db: &Db, partition: Partition, next: i64) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO vault.ends_read AS held (partition, next_offset) VALUES ($1, $2)
         ON CONFLICT (partition) DO UPDATE SET
            next_offset = greatest(held.next_offset, excluded.next_offset)",
    )
    .bind(partition)
    .bind(next)
    .execute(db.writer())
    .await?;
    Ok(())
}

/// How far each partition was read by whichever gateway came furthest.
pub async fn read_up_to(db: &Db) -> Result<Vec<(Partition, i64)>, Error> {
    let read = sqlx::query_as("SELECT partition, next_offset FROM vault.ends_read")
        .fetch_all(db.writer())
        .await?;
    Ok(read)
}
