//! Ranges of level 0: which are ready, and one after the other into level 1.

use std::sync::Arc;

use schemas::ids::{ProjectId, TenantId};
use schemas::time::Timestamp;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::{Compact, CompactError, Level0, Pace, Place, Target};
use crate::telemetry::classes;

/// What one transaction takes of level 0.
const MOST_BYTES: i64 = 32 << 20;

/// `WITH place (tenant_id, project_id, partition)`: of which a table of level 0 has rows,
/// from one to the next by the index.
pub(super) fn places(level0: &str) -> String {
    format!(
        "WITH RECURSIVE place AS (
             (SELECT tenant_id, project_id, partition FROM {level0}
              ORDER BY tenant_id, project_id, partition LIMIT 1)
             UNION ALL
             SELECT following.* FROM place CROSS JOIN LATERAL (
                 SELECT l0.tenant_id, l0.project_id, l0.partition FROM {level0} l0
                 WHERE (l0.tenant_id, l0.project_id, l0.partition)
                     > (place.tenant_id, place.project_id, place.partition)
                 ORDER BY l0.tenant_id, l0.project_id, l0.partition LIMIT 1) following)"
    )
}

/// Where level 0 has enough, or what is old enough.
pub(super) async fn ready_places(
    rows: &mut PgConnection,
    signal: &str,
    pace: Pace,
    now: Timestamp,
) -> Result<Vec<Place>, sqlx::Error> {
    // No further into each than what makes it ready: most of level 0 is compacted and
    // stays until its ten minutes are over.
    let sql = format!(
        "{}
         SELECT place.tenant_id, place.project_id, place.partition FROM place
         LEFT JOIN compacted c
                ON c.tenant_id = place.tenant_id AND c.project_id = place.project_id
               AND c.partition = place.partition AND c.signal = $1
         CROSS JOIN LATERAL (
             SELECT count(*) AS count, min(slot) AS oldest FROM (
                 SELECT l0.slot FROM {signal}_l0 l0
                 WHERE l0.tenant_id = place.tenant_id AND l0.project_id = place.project_id
                   AND l0.partition = place.partition
                   AND l0.from_offset >= coalesce(c.next_offset, 0)
                 LIMIT $2) first) young
         WHERE young.count >= $2 OR young.oldest + interval '10 minutes' <= $3",
        places(&format!("{signal}_l0"))
    );
    let found: Vec<(Uuid, Uuid, i32)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(signal)
        .bind(pace.rows_ready)
        .bind(now.datetime())
        .fetch_all(rows)
        .await?;
    let place = |(tenant, project, partition)| Place {
        tenant: TenantId(tenant),
        project: ProjectId(project),
        partition,
    };
    Ok(found.into_iter().map(place).collect())
}

/// Holds the project's row, and says how far it is; None where another process does.
pub(super) async fn lease(
    tx: &mut PgConnection,
    signal: &str,
    place: Place,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query(
        "INSERT INTO compacted (signal, tenant_id, project_id, partition, next_offset)
         VALUES ($1, $2, $3, $4, 0) ON CONFLICT DO NOTHING",
    )
    .bind(signal)
    .bind(place.tenant.0)
    .bind(place.project.0)
    .bind(place.partition)
    .execute(&mut *tx)
    .await?;
    sqlx::query_scalar(
        "SELECT next_offset FROM compacted
         WHERE signal = $1 AND tenant_id = $2 AND project_id = $3 AND partition = $4
         FOR UPDATE SKIP LOCKED",
    )
    .bind(signal)
    .bind(place.tenant.0)
    .bind(place.project.0)
    .bind(place.partition)
    .fetch_optional(tx)
    .await
}

/// What became of a range of level 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    /// As much as one transaction takes; there is more.
    Part,
    All,
}

/// One range of level 0 into level 1.
pub(super) async fn compact(
    rows: &mut PgConnection,
    signal: &dyn Compact,
    place: Place,
) -> Result<Step, CompactError> {
    let name = signal.signal();
    let mut tx = rows.begin().await?;
    let Some(next) = lease(&mut tx, name, place).await? else {
        return Ok(Step::Nothing);
    };
    // Whole flushes: sections of one flush have one from_offset.
    let sql = format!(
        "SELECT day, from_offset, to_offset, newest, data FROM (
             SELECT day, from_offset, to_offset, section, data,
                    sum(octet_length(data)) OVER (ORDER BY from_offset) AS bytes,
                    min(from_offset) OVER () AS first, max(from_offset) OVER () AS newest
             FROM {name}_l0
             WHERE tenant_id = $1 AND project_id = $2 AND partition = $3 AND from_offset >= $4) sized
         WHERE bytes <= $5 OR from_offset = first
         ORDER BY from_offset, section"
    );
    let found: Vec<Level0> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(place.tenant.0)
        .bind(place.project.0)
        .bind(place.partition)
        .bind(next)
        .bind(MOST_BYTES)
        .fetch_all(&mut *tx)
        .await?;
    let (Some(first), Some(last)) = (found.first(), found.last()) else {
        return Ok(Step::Nothing);
    };
    let step = match last.from_offset < last.newest {
        true => Step::Part,
        false => Step::All,
    };
    let target = Target {
        place,
        classes: Arc::new(classes::load(&mut tx, name, place).await?),
        tier: 1,
        from_offset: first.from_offset,
        to_offset: last.to_offset,
    };
    let to_offset = target.to_offset;
    signal.compact(&mut tx, target, found).await?;
    sqlx::query(
        "UPDATE compacted SET next_offset = $5
         WHERE signal = $1 AND tenant_id = $2 AND project_id = $3 AND partition = $4",
    )
    .bind(name)
    .bind(place.tenant.0)
    .bind(place.project.0)
    .bind(place.partition)
    .bind(to_offset)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(step)
}
