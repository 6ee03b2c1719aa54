//! Queries see level 0, level 1 and what is compacted at one moment.

use std::time::Duration;

use schemas::scope::Scope;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Postgres, Transaction};

use crate::db::{Db, QueryError};

/// A snapshot of `signal`'s tables as `scope` sees them; each statement may take
/// `limit`. Level 0 is locked against dropping partitions *before* the snapshot is
/// taken: what it lists in level 0 is there to be read, or is in level 1.
pub(crate) async fn begin(
    db: &Db,
    signal: &'static str,
    scope: &Scope,
    limit: Duration,
) -> Result<Transaction<'static, Postgres>, QueryError> {
    let mut tx = db
        .reader()
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    // In one message; ids and numbers have nothing to escape.
    let prepare = format!(
        "LOCK TABLE ONLY telemetry.{signal}_l0 IN ACCESS SHARE MODE;
         SET LOCAL app.tenant = '{}'; SET LOCAL app.project = '{}';
         SET LOCAL statement_timeout = {}",
        scope.tenant(),
        scope.project(),
        limit.as_millis()
    );
    tx.execute(sqlx::raw_sql(AssertSqlSafe(prepare))).await?;
    Ok(tx)
}

/// Grows when a replay or a deletion writes a signal's rows anew: what was kept of
/// another generation is of no use.
pub(crate) async fn generation(
    tx: &mut PgConnection,
    signal: &'static str,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT coalesce(max(generation), 0) FROM telemetry.checkpoint WHERE projection = $1",
    )
    .bind(signal)
    .fetch_one(tx)
    .await
}
