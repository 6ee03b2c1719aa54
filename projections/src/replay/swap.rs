//! The short transaction that puts a caught-up shadow in the place of the live
//! tables.

use schemas::topic::Topic;
use sqlx::{Acquire, AssertSqlSafe, Executor, PgConnection};

use super::shadow::{Reached, Shadow};
use super::{ReplayError, ensure_shape};
use crate::runtime::Projection;

/// Waiting for a lock makes every new reader wait behind us, and a reader that
/// holds one table may wait for another: give up before Postgres (1 s) would
/// look for a deadlock, and try again.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '300ms'";
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// What came of an attempt.
pub(super) enum Swapped {
    Generation(i64),
    /// A reader or a writer was in the way.
    NotYet,
}

/// How far the live tables are.
pub(super) async fn live(
    rows: &mut PgConnection,
    projection: &dyn Projection,
) -> Result<Reached, sqlx::Error> {
    let schema = projection.home().schema();
    let sql = format!(
        "SELECT topic, partition, next_offset FROM {schema}.checkpoint
         WHERE projection = $1 ORDER BY topic, partition"
    );
    reached(rows, sql, projection.name()).await
}

/// Locks the live checkpoints, lets the shadow take the last step to exactly
/// there, and swaps.
pub(super) async fn swap(shadow: &mut Shadow<'_>) -> Result<Swapped, ReplayError> {
    let live_schema = shadow.projection.home().schema();
    let mut rows = shadow.replay.db.fold_session(live_schema).await?;
    match attempt(&mut rows, shadow).await {
        Ok(generation) => Ok(Swapped::Generation(generation)),
        Err(ReplayError::Database(error)) if timed_out(&error) => Ok(Swapped::NotYet),
        Err(error) => Err(error),
    }
}

async fn attempt(rows: &mut PgConnection, shadow: &mut Shadow<'_>) -> Result<i64, ReplayError> {
    let (name, live) = (shadow.projection.name(), shadow.projection.home().schema());
    let mut tx = rows.begin().await?;
    tx.execute(LOCK_TIMEOUT).await?;
    let sql = "SELECT topic, partition, next_offset FROM checkpoint
               WHERE projection = $1 ORDER BY topic, partition FOR UPDATE";
    let target = reached(&mut tx, sql.to_owned(), name).await?;
    // It may have been made anew since this one began.
    ensure_shape(&mut tx, shadow.projection).await?;
    shadow.catch_up(&target).await?;
    if *shadow.reached() != target {
        return Err(ReplayError::Interrupted(format!(
            "the replay of {name} does not end where the live tables are"
        )));
    }
    shadow.compact().await?;
    match &shadow.range {
        Some(range) => range.exchange(&mut tx, &shadow.schema).await?,
        None => {
            let sql = exchange(shadow, live);
            tx.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
        }
    }
    let generation = sqlx::query_scalar(
        "WITH bumped AS (UPDATE checkpoint SET generation = generation + 1
                         WHERE projection = $1 RETURNING generation)
         SELECT coalesce(max(generation), 1) FROM bumped",
    )
    .bind(name)
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(generation)
}

/// Tables keep their policies, grants and indexes on the way.
fn exchange(shadow: &Shadow<'_>, live: &str) -> String {
    let (name, schema) = (shadow.projection.name(), &shadow.schema);
    let mut sql = String::new();
    for table in shadow.projection.tables() {
        sql.push_str(&format!(
            "DROP TABLE {live}.{table}; ALTER TABLE {schema}.{table} SET SCHEMA {live};\n"
        ));
    }
    sql.push_str(&format!(
        "DELETE FROM {live}.parked WHERE projection = '{name}';
         INSERT INTO {live}.parked SELECT * FROM {schema}.parked;
         DROP SCHEMA {schema} CASCADE;"
    ));
    sql
}

async fn reached(
    rows: &mut PgConnection,
    sql: String,
    projection: &str,
) -> Result<Reached, sqlx::Error> {
    let found: Vec<(String, i32, i64)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(projection)
        .fetch_all(rows)
        .await?;
    Ok(found
        .into_iter()
        .filter_map(|(topic, partition, next)| Some(((Topic::by_name(&topic)?, partition), next)))
        .collect())
}

fn timed_out(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|database| database.code())
        .is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}
