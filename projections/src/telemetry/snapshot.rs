//! Queries see level 0, level 1 and what is compacted at one moment.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use schemas::scope::Scope;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Postgres, RawSql, Row, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use crate::db::{Db, QueryError};

/// A read-only transaction over telemetry, and its turn among them.
pub(crate) struct Snapshot {
    tx: Transaction<'static, Postgres>,
    _turn: OwnedSemaphorePermit,
}

impl Deref for Snapshot {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl DerefMut for Snapshot {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}

/// A snapshot of `signal`'s tables as `scope` sees them; each statement may take
/// `limit`. Level 0 is locked against dropping partitions *before* the snapshot is
/// taken: what it lists in level 0 is there to be read, or is in level 1.
pub(crate) async fn begin(
    db: &Db,
    signal: &'static str,
    scope: &Scope,
    limit: Duration,
) -> Result<Snapshot, QueryError> {
    let mut tx = snapshot(db).await?;
    tx.execute(raw(settings(signal, scope, limit))).await?;
    Ok(tx)
}

/// The same, and the signal's generation, in as many messages.
pub(crate) async fn begin_with_generation(
    db: &Db,
    signal: &'static str,
    scope: &Scope,
    limit: Duration,
) -> Result<(Snapshot, i64), QueryError> {
    let mut tx = snapshot(db).await?;
    let settings = settings(signal, scope, limit);
    let both = raw(format!("{settings}; {GENERATION} '{signal}'"));
    let generation = tx.fetch_one(both).await?.try_get(0)?;
    Ok((tx, generation))
}

/// Grows when a replay or a deletion writes a signal's rows anew: what was kept of
/// another generation is of no use.
pub(crate) async fn generation(
    tx: &mut PgConnection,
    signal: &'static str,
) -> Result<i64, sqlx::Error> {
    let query = format!("{GENERATION} $1");
    let query = sqlx::query_scalar(AssertSqlSafe(query));
    query.bind(signal).fetch_one(tx).await
}

const GENERATION: &str =
    "SELECT coalesce(max(generation), 0) FROM telemetry.checkpoint WHERE projection =";

async fn snapshot(db: &Db) -> Result<Snapshot, QueryError> {
    const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let turn = db.telemetry_turn().await?;
    let tx = db.reader().begin_with(BEGIN).await?;
    Ok(Snapshot { tx, _turn: turn })
}

/// Statements for one message; ids and numbers have nothing to escape. A plan is kept for as
/// long as its tables are as they were: one that was made while a slot of level 0 was small
/// enough to be read whole would do so when it has grown.
fn settings(signal: &'static str, scope: &Scope, limit: Duration) -> String {
    format!(
        "LOCK TABLE ONLY telemetry.{signal}_l0 IN ACCESS SHARE MODE;
         SET LOCAL app.tenant = '{}'; SET LOCAL app.project = '{}';
         SET LOCAL enable_seqscan = off;
         SET LOCAL statement_timeout = {}",
        scope.tenant(),
        scope.project(),
        limit.as_millis()
    )
}

fn raw(statements: String) -> RawSql {
    sqlx::raw_sql(AssertSqlSafe(statements))
}
