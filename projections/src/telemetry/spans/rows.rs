//! Segments of both levels that a query may need, in its snapshot.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use promql::budget::Share;
use schemas::scope::Scope;
use sqlx::{AssertSqlSafe, PgConnection};

use super::{SIGNAL, day_of};
use crate::db::{Db, QueryError};
use crate::telemetry::bytes::Damaged;
use crate::telemetry::snapshot::{self, Snapshot};

/// Longest that one statement of a query may take.
const LIMIT: Duration = Duration::from_secs(10);

/// A segment that is unpacked takes so many times its bytes, about.
const OPENED: usize = 8;

/// Segments whose filters a search reads together.
pub(crate) const AT_ONCE: usize = 64;

/// Starts of spans, in nanoseconds since 1970, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    pub from_ns: i64,
    pub to_ns: i64,
}

impl Times {
    pub(crate) const ALL: Self = Self {
        from_ns: i64::MIN,
        to_ns: i64::MAX,
    };

    pub(crate) fn contains(self, start_ns: i64) -> bool {
        (self.from_ns..=self.to_ns).contains(&start_ns)
    }

    /// On both sides.
    pub(crate) fn widened(self, by_ns: i64) -> Self {
        Self {
            from_ns: self.from_ns.saturating_sub(by_ns),
            to_ns: self.to_ns.saturating_add(by_ns),
        }
    }
}

/// What a query holds of the memory that all queries may hold.
#[derive(Debug)]
pub(crate) struct Room {
    share: Arc<Share>,
    /// Of what was found.
    kept: usize,
}

impl Room {
    pub(crate) fn of(db: &Db) -> Self {
        Self {
            share: db.share(),
            kept: 0,
        }
    }

    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    /// For who holds what was found longer than the query lasts.
    pub(crate) fn share(&self) -> Arc<Share> {
        Arc::clone(&self.share)
    }

    /// For segments that are looked at one after the other; those before are gone.
    pub(crate) async fn look_at(&mut self, segments: &[Vec<u8>]) -> Result<(), QueryError> {
        self.share.keep(self.kept);
        Ok(self.share.take(looked_at(segments)).await?)
    }

    /// For all that was found; what was looked at is gone.
    pub(crate) async fn keep(&mut self, bytes: usize) -> Result<(), QueryError> {
        self.share.keep(self.kept);
        self.share.take(bytes.saturating_sub(self.kept)).await?;
        self.share.keep(bytes);
        self.kept = bytes;
        Ok(())
    }
}

/// All of them as they were sent, and the largest unpacked.
fn looked_at(segments: &[Vec<u8>]) -> usize {
    let sizes = || segments.iter().map(Vec::len);
    let largest = sizes().max().unwrap_or_default();
    sizes().sum::<usize>() + largest.saturating_mul(OPENED)
}

/// Both levels as they are now, and nothing of other projects.
pub(crate) async fn snapshot(db: &Db, scope: &Scope) -> Result<Snapshot, QueryError> {
    snapshot::begin(db, SIGNAL, scope, LIMIT).await
}

pub(crate) fn damaged(error: Damaged) -> QueryError {
    QueryError::Failed(sqlx::Error::Decode(Box::new(error)))
}

/// Runs what takes long away from the threads that serve others.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Damaged> + Send + 'static,
) -> Result<T, QueryError> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked
        .map_err(|e| QueryError::Unavailable(format!("a query ended: {e}")))?
        .map_err(damaged)
}

/// Level 0 that is not compacted yet, in the order of the log.
pub(crate) async fn level0(
    tx: &mut PgConnection,
    scope: &Scope,
    times: Times,
) -> Result<Vec<Vec<u8>>, QueryError> {
    let sql = format!(
        "{} SELECT found.data FROM fresh CROSS JOIN LATERAL (
             SELECT l0.partition, l0.from_offset, l0.data FROM telemetry.spans_l0 l0
             WHERE l0.tenant_id = $1 AND l0.project_id = $2 AND l0.partition = fresh.partition
               AND l0.from_offset >= fresh.next_offset
               AND l0.max_time >= $3 AND l0.min_time <= $4
             OFFSET 0) found
         ORDER BY found.from_offset, found.partition",
        crate::telemetry::level0::fresh(SIGNAL)
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(scope.tenant().0)
        .bind(scope.project().0)
        .bind(times.from_ns)
        .bind(times.to_ns)
        .fetch_all(tx)
        .await?)
}

/// Which filter of a segment a query looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    Traces,
    Tokens,
}

/// A segment of level 1, without its data.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Key {
    day: i32,
    class: i16,
    /// Beginning of the hour of its spans, in seconds.
    pub(crate) window_start: i64,
    partition: i32,
    pub(crate) from_offset: i64,
    to_offset: i64,
    part: i32,
    pub(crate) filter: Vec<u8>,
}

/// Segments of level 1 that hold spans of `times`, the newest hour first.
pub(crate) async fn level1(
    tx: &mut PgConnection,
    scope: &Scope,
    times: Times,
    filter: Filter,
) -> Result<Vec<Key>, QueryError> {
    segments(tx, scope, times, filter, i64::MAX, "").await
}

/// The newest hours of them that begin before `before`: whole hours, which have so many
/// segments or a few more; fewer are the last. Who ends early reads no other filters.
pub(crate) async fn some_of_level1(
    tx: &mut PgConnection,
    scope: &Scope,
    times: Times,
    filter: Filter,
    before: i64,
) -> Result<Vec<Key>, QueryError> {
    let some = format!("FETCH FIRST {AT_ONCE} ROWS WITH TIES");
    segments(tx, scope, times, filter, before, &some).await
}

async fn segments(
    tx: &mut PgConnection,
    scope: &Scope,
    times: Times,
    filter: Filter,
    before: i64,
    most: &str,
) -> Result<Vec<Key>, QueryError> {
    let filter = match filter {
        Filter::Traces => "trace_bloom",
        Filter::Tokens => "token_bloom",
    };
    let sql = format!(
        "SELECT day, class, window_start, partition, from_offset, to_offset, part,
                {filter} AS filter
         FROM telemetry.spans_l1
         WHERE tenant_id = $1 AND project_id = $2 AND day BETWEEN $3 AND $4
           AND max_time >= $5 AND min_time <= $6 AND window_start < $7
         ORDER BY window_start DESC {most}"
    );
    let mut keys: Vec<Key> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(scope.tenant().0)
        .bind(scope.project().0)
        .bind(day_of(times.from_ns))
        .bind(day_of(times.to_ns))
        .bind(times.from_ns)
        .bind(times.to_ns)
        .bind(before)
        .fetch_all(tx)
        .await?;
    keys.sort_by_key(|key| (Reverse(key.window_start), key.from_offset, key.part));
    Ok(keys)
}

/// Days of which level 1 has spans, the newest first.
pub(crate) async fn days(tx: &mut PgConnection, scope: &Scope) -> Result<Vec<i32>, QueryError> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT day FROM telemetry.spans_l1
         WHERE tenant_id = $1 AND project_id = $2 ORDER BY day DESC",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .fetch_all(tx)
    .await?)
}

/// The segment itself.
pub(crate) async fn data(
    tx: &mut PgConnection,
    scope: &Scope,
    key: &Key,
) -> Result<Vec<u8>, QueryError> {
    Ok(sqlx::query_scalar(
        "SELECT data FROM telemetry.spans_l1
         WHERE tenant_id = $1 AND project_id = $2 AND day = $3 AND class = $4
           AND window_start = $5 AND partition = $6 AND from_offset = $7 AND to_offset = $8
           AND part = $9",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(key.day)
    .bind(key.class)
    .bind(key.window_start)
    .bind(key.partition)
    .bind(key.from_offset)
    .bind(key.to_offset)
    .bind(key.part)
    .fetch_one(tx)
    .await?)
}

#[cfg(test)]
mod tests {
    use promql::budget::{Budget, NoMemory};

    use super::*;

    #[tokio::test]
    async fn what_is_looked_at_goes_and_what_was_found_stays() {
        let budget = Budget::with_patience(1_000, Duration::ZERO);
        let share = budget.share();
        let mut room = Room { share, kept: 0 };
        let segments = [vec![0; 10], vec![0; 50]];
        for _ in 0..3 {
            room.look_at(&segments).await.unwrap();
            assert_eq!(room.share.bytes(), 60 + 50 * OPENED as u64);
        }
        room.keep(300).await.unwrap();
        assert_eq!(room.share.bytes(), 300);
        room.look_at(&segments).await.unwrap();
        assert_eq!(room.share.bytes(), 360 + 50 * OPENED as u64);
        let refused = room.keep(1_001).await.unwrap_err();
        assert!(matches!(
            refused,
            QueryError::NoMemory(NoMemory::Alone(1_000))
        ));
        room.keep(0).await.unwrap();
        assert_eq!((room.kept(), room.share.bytes()), (0, 0));
        let others = budget.share();
        others.take(900).await.unwrap();
        let refused = room.look_at(&segments).await.unwrap_err();
        assert!(matches!(
            refused,
            QueryError::NoMemory(NoMemory::WithOthers(_))
        ));
    }
}
