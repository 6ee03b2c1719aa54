//! Segments of one hour become fewer: small ones while it lasts, all of them once it is
//! over, and all of them again where rules of retention have changed.

use std::sync::Arc;
use std::time::Duration;

use schemas::ids::{ProjectId, TenantId};
use schemas::time::Timestamp;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::{Compact, CompactError, FINAL_TIER, Level1, Place, Rules, Target, lease};
use crate::telemetry::classes;

const RUNS_READY: i64 = 8;
/// Of a signal, in one pass, after rules of retention have changed.
const WINDOWS_DIVIDED: i64 = 64;
/// Samples come late by so much without being called late.
const SETTLED: Duration = Duration::from_secs(15 * 60);

/// Segments of one window that are to become one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    place: Place,
    day: i32,
    start: i64,
    /// Of the run.
    tier: i16,
    /// Segments up to this tier are taken.
    most: i16,
    /// Rules have changed: segments that are as large as they get are divided too.
    divides: bool,
}

pub(super) async fn ready_windows(
    rows: &mut PgConnection,
    signal: &str,
    now: Timestamp,
) -> Result<Vec<Window>, sqlx::Error> {
    // An hour that is over is made final, once it has no final segment or enough late
    // ones, or some of it is soon past its time: what stays longer is made of it then.
    // `OFFSET 0`, or Postgres may find out about all windows that ever were, because it
    // takes one look-up to go through all days.
    let sql = format!(
        "WITH open AS (
             SELECT tenant_id, project_id, partition, day, window_start,
                    count(DISTINCT from_offset) FILTER (WHERE tier = 1) AS small,
                    count(DISTINCT from_offset) AS runs, min(class) AS class
             FROM {signal}_l1 WHERE tier < {FINAL_TIER} GROUP BY 1, 2, 3, 4, 5),
         judged AS (
             SELECT *, window_start + 3600 + $1 <= $2 AS over, EXISTS (
                 SELECT FROM {signal}_l1 l1
                 WHERE (l1.tenant_id, l1.project_id, l1.partition, l1.day, l1.window_start, l1.tier)
                     = (open.tenant_id, open.project_id, open.partition, open.day, open.window_start, {FINAL_TIER})
                 OFFSET 0) AS final
             FROM open)
         SELECT tenant_id, project_id, partition, day, window_start,
                CASE WHEN over THEN {FINAL_TIER} ELSE 2 END::smallint
         FROM judged WHERE CASE
             WHEN over THEN NOT final OR runs >= $3 OR day + class <= $2 / 86400
             ELSE small >= $3 END"
    );
    let found: Vec<(Uuid, Uuid, i32, i32, i64, i16)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(i64::try_from(SETTLED.as_secs()).unwrap_or(i64::MAX))
        .bind(now.micros().div_euclid(1_000_000))
        .bind(RUNS_READY)
        .fetch_all(rows)
        .await?;
    let window = |(tenant, project, partition, day, start, tier)| Window {
        place: Place {
            tenant: TenantId(tenant),
            project: ProjectId(project),
            partition,
        },
        day,
        start,
        tier,
        // A final run takes in all that there is.
        most: if tier == FINAL_TIER { FINAL_TIER } else { 1 },
        divides: false,
    };
    Ok(found.into_iter().map(window).collect())
}

/// Windows with segments that were divided by other rules than those that hold now.
pub(super) async fn misplaced_windows(
    rows: &mut PgConnection,
    signal: &str,
    rules: &[Rules],
    now: Timestamp,
) -> Result<Vec<Window>, sqlx::Error> {
    let sql = format!(
        "SELECT DISTINCT tenant_id, project_id, partition, day, window_start,
                CASE WHEN window_start + 3600 + $4 <= $5 THEN {FINAL_TIER} ELSE 2 END::smallint
         FROM {signal}_l1 l1
         LEFT JOIN unnest($1::uuid[], $2::uuid[], $3::bigint[])
              AS valid (tenant_id, project_id, rules) USING (tenant_id, project_id)
         WHERE l1.rules <> coalesce(valid.rules, 0)
         LIMIT {WINDOWS_DIVIDED}"
    );
    let found: Vec<(Uuid, Uuid, i32, i32, i64, i16)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(rules.iter().map(|rule| rule.0).collect::<Vec<_>>())
        .bind(rules.iter().map(|rule| rule.1).collect::<Vec<_>>())
        .bind(rules.iter().map(|rule| rule.2).collect::<Vec<_>>())
        .bind(i64::try_from(SETTLED.as_secs()).unwrap_or(i64::MAX))
        .bind(now.micros().div_euclid(1_000_000))
        .fetch_all(rows)
        .await?;
    let window = |(tenant, project, partition, day, start, tier)| Window {
        place: Place {
            tenant: TenantId(tenant),
            project: ProjectId(project),
            partition,
        },
        day,
        start,
        tier,
        most: FINAL_TIER,
        divides: true,
    };
    Ok(found.into_iter().map(window).collect())
}

/// Makes one run of a window's small ones, or of all when it becomes final.
pub(super) async fn merge(
    rows: &mut PgConnection,
    signal: &dyn Compact,
    window: Window,
) -> Result<bool, CompactError> {
    let (name, place) = (signal.signal(), window.place);
    let mut tx = rows.begin().await?;
    if lease(&mut tx, name, place).await?.is_none() {
        return Ok(false);
    }
    let finished_items = signal.finished_items().filter(|_| !window.divides);
    let finished = match finished_items {
        Some(items) => finish(&mut tx, name, window, items).await?,
        None => 0,
    };
    let sql = format!(
        "WITH gone AS (
             DELETE FROM {name}_l1
             WHERE tenant_id = $1 AND project_id = $2 AND partition = $3 AND day = $4
               AND window_start = $5 AND tier <= $6 AND items < coalesce($7, items + 1)
             RETURNING day, window_start, class, from_offset, to_offset, part, data)
         SELECT day, window_start, class, from_offset, to_offset, data FROM gone ORDER BY from_offset, part"
    );
    let found: Vec<Level1> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(place.tenant.0)
        .bind(place.project.0)
        .bind(place.partition)
        .bind(window.day)
        .bind(window.start)
        .bind(window.most)
        .bind(finished_items)
        .fetch_all(&mut *tx)
        .await?;
    let Some((from_offset, to_offset)) = positions(&found) else {
        tx.commit().await?;
        return Ok(finished > 0);
    };
    let target = Target {
        place,
        classes: Arc::new(classes::load(&mut tx, name, place).await?),
        tier: window.tier,
        from_offset,
        to_offset,
    };
    signal.merge(&mut tx, target, found).await?;
    tx.commit().await?;
    Ok(true)
}

/// From where to where in the log the rows of a new run come. What was large and stayed
/// as it was lies within the positions of what was merged around it, so that the row
/// that begins last need not be the one that ends last.
fn positions(rows: &[Level1]) -> Option<(i64, i64)> {
    let from = rows.iter().map(|row| row.from_offset).min()?;
    let to = rows.iter().map(|row| row.to_offset).max()?;
    Some((from, to))
}

/// Raises the tier of segments that stay as they are; their data is not touched.
async fn finish(
    tx: &mut PgConnection,
    name: &str,
    window: Window,
    items: i32,
) -> Result<u64, sqlx::Error> {
    let sql = format!(
        "UPDATE {name}_l1 SET tier = $6
         WHERE tenant_id = $1 AND project_id = $2 AND partition = $3 AND day = $4
           AND window_start = $5 AND tier <= $7 AND tier < $6 AND items >= $8"
    );
    let done = sqlx::query(AssertSqlSafe(sql))
        .bind(window.place.tenant.0)
        .bind(window.place.project.0)
        .bind(window.place.partition)
        .bind(window.day)
        .bind(window.start)
        .bind(window.tier)
        .bind(window.most)
        .bind(items)
        .execute(tx)
        .await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reaches_to_where_any_of_its_rows_does() {
        let row = |from_offset, to_offset| Level1 {
            day: 1,
            window_start: 86_400,
            class: 30,
            from_offset,
            to_offset,
            data: Vec::new(),
        };
        let rows = [row(0, 800), row(0, 1_600), row(700, 800)];
        assert_eq!(
            positions(&rows),
            Some((0, 1_600)),
            "one lies within another"
        );
        assert_eq!(positions(&[]), None);
    }
}
