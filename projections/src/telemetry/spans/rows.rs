//! Segments of both levels that a query may need, in its snapshot.

use std::time::Duration;

use schemas::scope::Scope;
use sqlx::{AssertSqlSafe, PgConnection};

use super::{SIGNAL, day_of};
use crate::db::{Db, QueryError};
use crate::telemetry::bytes::Damaged;
use crate::telemetry::snapshot::{self, Snapshot};

/// Longest that one statement of a query may take.
const LIMIT: Duration = Duration::from_secs(10);

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
    Ok(sqlx::query_scalar(
        "SELECT data FROM telemetry.spans_l0 l0
         LEFT JOIN telemetry.compacted c
                ON c.tenant_id = $1 AND c.project_id = $2 AND c.signal = 'spans'
               AND c.partition = l0.partition
         WHERE l0.tenant_id = $1 AND l0.project_id = $2 AND max_time >= $3 AND min_time <= $4
           AND from_offset >= coalesce(c.next_offset, 0)
         ORDER BY from_offset, l0.partition",
    )
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
    let filter = match filter {
        Filter::Traces => "trace_bloom",
        Filter::Tokens => "token_bloom",
    };
    let sql = format!(
        "SELECT day, class, window_start, partition, from_offset, to_offset, part,
                {filter} AS filter
         FROM telemetry.spans_l1
         WHERE tenant_id = $1 AND project_id = $2 AND day BETWEEN $3 AND $4
           AND max_time >= $5 AND min_time <= $6
         ORDER BY window_start DESC, from_offset, part"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(scope.tenant().0)
        .bind(scope.project().0)
        .bind(day_of(times.from_ns))
        .bind(day_of(times.to_ns))
        .bind(times.from_ns)
        .bind(times.to_ns)
        .fetch_all(tx)
        .await?)
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
