//! `vault.failures`: wrong passwords and codes, and the growing pause after them.
//! Counted by what was tried, whether or not there is such an account, so that the
//! pause tells nothing.

use chrono::{DateTime, Utc};
use projections::Db;
use schemas::time::Timestamp;

use crate::error::Error;

/// So many are mistakes; from then on every further one doubles the pause.
const FREE: i32 = 5;
const LONGEST_S: i64 = 15 * 60;
/// What was wrong yesterday does not count.
const FORGOTTEN_MS: i64 = 86_400_000;

/// Refuses while the pause lasts.
pub async fn check(db: &Db, what: &[u8], now: Timestamp) -> Result<(), Error> {
    let until: Option<Option<DateTime<Utc>>> =
        sqlx::query_scalar("SELECT locked_until FROM vault.failures WHERE what = $1")
            .bind(what)
            .fetch_optional(db.writer())
            .await?;
    let until = until.flatten();
    let left_ms = until.map_or(0, |until| Timestamp::from(until).millis_since(now));
    match left_ms > 0 {
        true => Err(Error::LockedOut {
            retry_after_s: (left_ms + 999) / 1_000,
        }),
        false => Ok(()),
    }
}

/// Counts one more, and returns how many there are.
pub async fn add(db: &Db, what: &[u8], now: Timestamp) -> Result<i32, Error> {
    let forgotten = now.plus_millis(-FORGOTTEN_MS).datetime();
    let mut transaction = db.writer().begin().await?;
    let count: i32 = sqlx::query_scalar(
        "INSERT INTO vault.failures AS held (what, count, last_at) VALUES ($1, 1, $2)
         ON CONFLICT (what) DO UPDATE SET last_at = $2,
            count = CASE WHEN held.last_at < $3 THEN 1 ELSE held.count + 1 END
         RETURNING count",
    )
    .bind(what)
    .bind(now.datetime())
    .bind(forgotten)
    .fetch_one(&mut *transaction)
    .await?;
    sqlx::query("UPDATE vault.failures SET locked_until = $2 WHERE what = $1")
        .bind(what)
        .bind(pause_s(count).map(|pause| now.plus_millis(pause * 1_000).datetime()))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(count)
}

/// It was right this time.
pub async fn clear(db: &Db, what: &[u8]) -> Result<(), Error> {
    sqlx::query("DELETE FROM vault.failures WHERE what = $1")
        .bind(what)
        .execute(db.writer())
        .await?;
    Ok(())
}

/// Removes what does not count any more.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64, Error> {
    let gone = sqlx::query("DELETE FROM vault.failures WHERE last_at < $1")
        .bind(now.plus_millis(-FORGOTTEN_MS).datetime())
        .execute(db.writer())
        .await?;
    Ok(gone.rows_affected())
}

/// How long nothing is accepted after `count` failures, in seconds.
fn pause_s(count: i32) -> Option<i64> {
    let doublings = u32::try_from(count - FREE).ok()?;
    Some((1i64 << doublings.min(20)).min(LONGEST_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_a_quarter_of_an_hour() {
        let pauses: Vec<_> = (1..9).map(pause_s).collect();
        let expected = [None, None, None, None, Some(1), Some(2), Some(4), Some(8)];
        assert_eq!(pauses, expected);
        assert_eq!(pause_s(15), Some(LONGEST_S));
        assert_eq!(pause_s(i32::MAX), Some(LONGEST_S));
    }
}
