//! Read model `outcomes`: what became of a command, for a day.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::envelope::Envelope;
use schemas::ids::CommandId;
use schemas::outcome::{CommandSettled, EventPosition, Outcome, Refusal};
use schemas::scope::Scope;
use schemas::topic::Topic;
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::runtime::{
    ApplyError, Changed, Expiry, Home, Projection, Writing, decode_scoped, expire, upsert,
};

/// The projection.
#[derive(Debug)]
pub struct Outcomes;

#[async_trait]
impl Projection for Outcomes {
    fn name(&self) -> &'static str {
        "outcomes"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::CommandOutcomes]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["outcomes"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/outcomes.sql"),
        }
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let mut rows = BTreeMap::new();
        for record in batch {
            if let Some((envelope, Outcome::CommandSettled(settled))) = decode_scoped(record)? {
                let row = Row::of(record, &envelope, settled)?;
                // As in the table: the first one holds until it has expired.
                let held = rows.entry(row.command_id).or_insert_with(|| row.clone());
                if held.appended_at < row.appended_at - KEPT {
                    *held = row;
                }
            }
        }
        upsert(to.rows, WRITE, &rows.into_values().collect::<Vec<_>>()).await?;
        expire(to.rows, "outcomes", &Expiry::of(batch)).await?;
        Ok(Vec::new())
    }
}

/// The topic's retention.
const KEPT: chrono::Duration = chrono::Duration::days(1);

const WRITE: &str = "INSERT INTO outcomes AS held
    SELECT * FROM json_populate_recordset(NULL::outcomes, $1::json)
    ON CONFLICT (command_id) DO UPDATE SET
        tenant_id = excluded.tenant_id, project_id = excluded.project_id,
        partition = excluded.partition, appended_at = excluded.appended_at,
        aggregate = excluded.aggregate, aggregate_id = excluded.aggregate_id,
        version = excluded.version, refusal = excluded.refusal,
        positions = excluded.positions, request_hash = excluded.request_hash
    WHERE held.appended_at < excluded.appended_at - interval '1 day'";

/// A row of table `outcomes`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
struct Row {
    command_id: Uuid,
    tenant_id: Uuid,
    project_id: Option<Uuid>,
    partition: i32,
    appended_at: DateTime<Utc>,
    aggregate: String,
    aggregate_id: String,
    version: i64,
    refusal: Option<Json<Refusal>>,
    positions: Json<Vec<EventPosition>>,
    request_hash: Option<String>,
}

impl Row {
    fn of(
        record: &Record,
        envelope: &Envelope,
        settled: CommandSettled,
    ) -> Result<Self, ApplyError> {
        let tenant = envelope
            .tenant
            .ok_or_else(|| ApplyError::Permanent("header `ce_tenant` is missing".to_owned()))?;
        Ok(Self {
            command_id: envelope.id,
            tenant_id: tenant.0,
            project_id: envelope.project.map(|project| project.0),
            partition: record.position.partition,
            appended_at: record.appended_at.datetime(),
            aggregate: settled.aggregate,
            aggregate_id: settled.aggregate_id,
            version: settled.version,
            refusal: settled.refusal.map(Json),
            positions: Json(settled.positions),
            request_hash: settled.request_hash,
        })
    }
}

/// What became of a command; None where it is not settled, was settled more than
/// a day ago, or is not of this scope.
pub async fn get(
    db: &Db,
    scope: &Scope,
    command: CommandId,
) -> Result<Option<CommandSettled>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Option<Row> = sqlx::query_as(
        "SELECT * FROM outcomes WHERE command_id = $1 AND tenant_id = $2
           AND (project_id IS NULL OR project_id = $3)",
    )
    .bind(command.0)
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .fetch_optional(&mut *tx)
    .await?;
    Ok(found.map(|row| CommandSettled {
        aggregate: row.aggregate,
        aggregate_id: row.aggregate_id,
        refusal: row.refusal.map(|refusal| refusal.0),
        version: row.version,
        positions: row.positions.0,
        request_hash: row.request_hash,
    }))
}
