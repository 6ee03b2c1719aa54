//! Telemetry that is to go: all that a project, or all projects of a tenant, had sent
//! when it was asked for. Done signal by signal, each in one transaction that holds
//! the fold's checkpoints and is alone with the signal: rows of both levels, label
//! index, rollups. The bodies leave the log with the log's retention, and until then
//! no fold and no replay takes them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use eventlog::{Offset, Partition};
use schemas::ids::TenantId;
use schemas::scope::Scope;
use schemas::time::Timestamp;
use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

use super::bodies::Body;
use super::compaction::CompactError;
use super::turns;
use crate::db::{Db, QueryError};

/// Every table that holds what a project has sent, by signal.
const TABLES: [(&str, &[&str]); 3] = [
    (
        "metrics",
        &[
            "metrics_l0",
            "metrics_l1",
            "metrics_coarse",
            "metric_series",
            "metric_metadata",
            "metric_exemplars",
        ],
    ),
    ("logs", &["logs_l0", "logs_l1", "log_hours", "log_counts"]),
    (
        "spans",
        &["spans_l0", "spans_l1", "span_red", "service_edges"],
    ),
];

/// What was asked for and is not done.
#[derive(Debug, sqlx::FromRow)]
struct Pending {
    id: Uuid,
    tenant_id: Uuid,
    project_id: Option<Uuid>,
}

/// Does what was asked for; how many signals' deletions that were.
pub async fn pass(db: &Db, now: Timestamp) -> Result<u64, CompactError> {
    let mut rows = db.fold_session("telemetry").await?;
    let mut done = 0;
    for (signal, tables) in TABLES {
        let pending: Vec<Pending> = sqlx::query_as(
            "SELECT id, tenant_id, project_id FROM deletions asked
             WHERE NOT EXISTS (SELECT FROM deleted WHERE id = asked.id AND signal = $1)
             ORDER BY requested_at, id",
        )
        .bind(signal)
        .fetch_all(&mut rows)
        .await?;
        if pending.is_empty() || !turns::try_alone(&mut rows, signal).await? {
            continue;
        }
        for one in pending {
            delete(&mut rows, signal, tables, &one, now).await?;
            done += 1;
        }
        turns::end_alone(&mut rows, signal).await?;
    }
    rows.close().await?;
    Ok(done)
}

/// Removes all that `tenant` had sent, of every signal, once nobody rewrites it. The
/// folds must have been kept from the tenant before.
pub(crate) async fn erase_tenant(db: &Db, tenant: TenantId) -> Result<(), CompactError> {
    let mut rows = db.fold_session("telemetry").await?;
    for (signal, tables) in TABLES {
        turns::alone(&mut rows, signal).await?;
        let mut tx = rows.begin().await?;
        clear(&mut tx, signal, tables, (tenant.0, None)).await?;
        begin_generation(&mut tx, signal).await?;
        tx.commit().await?;
        turns::end_alone(&mut rows, signal).await?;
    }
    rows.close().await?;
    Ok(())
}

async fn delete(
    rows: &mut PgConnection,
    signal: &'static str,
    tables: &[&str],
    pending: &Pending,
    now: Timestamp,
) -> Result<(), CompactError> {
    let mut tx = rows.begin().await?;
    let whose = (pending.tenant_id, pending.project_id);
    clear(&mut tx, signal, tables, whose).await?;
    sqlx::query(
        "INSERT INTO deleted (id, signal, partition, next_offset, tenant_id, project_id, done_at)
         SELECT $2, $1, partition, next_offset, $3, $4, $5 FROM checkpoint WHERE projection = $1",
    )
    .bind(signal)
    .bind(pending.id)
    .bind(pending.tenant_id)
    .bind(pending.project_id)
    .bind(now.datetime())
    .execute(&mut *tx)
    .await?;
    begin_generation(&mut tx, signal).await?;
    tx.commit().await?;
    Ok(())
}

/// Removes the rows of a tenant, or of one project of it.
async fn clear(
    tx: &mut PgConnection,
    signal: &str,
    tables: &[&str],
    (tenant, project): (Uuid, Option<Uuid>),
) -> Result<(), CompactError> {
    // The fold moves its checkpoints first, so it waits here.
    sqlx::query(
        "SELECT FROM checkpoint WHERE projection = $1 ORDER BY topic, partition FOR UPDATE",
    )
    .bind(signal)
    .execute(&mut *tx)
    .await?;
    for table in tables {
        let sql = format!(
            "DELETE FROM {table} WHERE tenant_id = $1 AND ($2::uuid IS NULL OR project_id = $2)"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(tenant)
            .bind(project)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// What folds and queries keep in memory is of the generation before.
async fn begin_generation(tx: &mut PgConnection, signal: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE checkpoint SET generation = generation + 1 WHERE projection = $1")
        .bind(signal)
        .execute(tx)
        .await
        .map(drop)
}

/// What a fold does not take again.
#[derive(Debug, Default)]
pub(crate) struct Deleted(Vec<Gone>);

#[derive(Debug)]
struct Gone {
    tenant: Uuid,
    project: Option<Uuid>,
    requested_at: Timestamp,
    next: BTreeMap<Partition, Offset>,
}

impl Deleted {
    pub(crate) async fn load(rows: &mut PgConnection, signal: &str) -> Result<Self, sqlx::Error> {
        type Row = (Uuid, Uuid, Option<Uuid>, DateTime<Utc>, i32, i64);
        let found: Vec<Row> = sqlx::query_as(
            "SELECT id, deleted.tenant_id, deleted.project_id, requested_at, partition, next_offset
             FROM deleted JOIN deletions USING (id) WHERE signal = $1",
        )
        .bind(signal)
        .fetch_all(rows)
        .await?;
        let mut all = BTreeMap::<Uuid, Gone>::new();
        for (id, tenant, project, requested_at, partition, next_offset) in found {
            let gone = all.entry(id).or_insert_with(|| Gone {
                tenant,
                project,
                requested_at: requested_at.into(),
                next: BTreeMap::new(),
            });
            gone.next.insert(partition, next_offset);
        }
        Ok(Self(all.into_values().collect()))
    }

    /// Whether the body was there when its deletion was asked for or done.
    pub(crate) fn covers(&self, body: &Body) -> bool {
        self.0.iter().any(|gone| {
            let here = gone.tenant == body.tenant.0
                && gone.project.is_none_or(|project| project == body.project.0);
            let next = gone.next.get(&body.position.partition);
            here && (next.is_some_and(|next| body.position.offset < *next)
                || body.received.received_at <= gone.requested_at)
        })
    }
}

/// A deletion as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema, sqlx::FromRow)]
#[schema(as = TelemetryDeletion)]
pub struct Deletion {
    pub id: Uuid,
    /// None: of all projects of the tenant.
    pub project_id: Option<Uuid>,
    pub requested_at: DateTime<Utc>,
    /// None while it is under way.
    pub done_at: Option<DateTime<Utc>>,
}

/// The newest deletions that concern the scope's project.
pub async fn list(db: &Db, scope: &Scope, limit: u32) -> Result<Vec<Deletion>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found = sqlx::query_as(
        "SELECT id, project_id, requested_at, (
             SELECT max(done_at) FROM telemetry.deleted WHERE id = asked.id
             HAVING count(DISTINCT signal) = 3) AS done_at
         FROM telemetry.deletions asked WHERE tenant_id = $1
           AND (project_id IS NULL OR project_id = $2)
         ORDER BY requested_at DESC, id LIMIT $3",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(i64::from(limit))
    .fetch_all(&mut *tx)
    .await?;
    Ok(found)
}
