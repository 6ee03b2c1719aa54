//! Read model `audit`: who asked for what, and whether it was done.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::audit::AuditRecord;
use schemas::envelope::Envelope;
use schemas::scope::Scope;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::page::Page;
use crate::people::{ActorShown, Names};
use crate::runtime::{
    ApplyError, Changed, Expiry, Home, Projection, Writing, decode_scoped, expire, upsert,
};

/// The projection.
#[derive(Debug)]
pub struct Audit;

#[async_trait]
impl Projection for Audit {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::AuditOperations]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["audit"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/audit.sql"),
        }
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let mut rows = Vec::new();
        for record in batch {
            if let Some((envelope, event)) = decode_scoped(record)? {
                rows.extend(Row::of(record, envelope, event)?);
            }
        }
        upsert(to.rows, WRITE, &rows).await?;
        expire(to.rows, EXPIRE, &Expiry::of(batch)).await?;
        Ok(Vec::new())
    }
}

const WRITE: &str = "INSERT INTO audit
    SELECT * FROM json_populate_recordset(NULL::audit, $1::json)
    ON CONFLICT (id) DO NOTHING";

const EXPIRE: &str =
    "DELETE FROM audit USING unnest($1::int[], $2::timestamptz[]) AS expiry (partition, before)
    WHERE audit.partition = expiry.partition AND audit.appended_at < expiry.before";

/// A row of table `audit`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
struct Row {
    id: Uuid,
    tenant_id: Uuid,
    project_id: Option<Uuid>,
    partition: i32,
    appended_at: DateTime<Utc>,
    at: DateTime<Utc>,
    actor: String,
    action: String,
    target_type: String,
    target_id: String,
    rule: Option<String>,
    version: i64,
    request_id: Uuid,
}

impl Row {
    fn of(
        record: &Record,
        envelope: Envelope,
        event: AuditRecord,
    ) -> Result<Option<Self>, ApplyError> {
        let AuditRecord::OperationRecorded(operation) = event else {
            return Ok(None);
        };
        let tenant = envelope
            .tenant
            .ok_or_else(|| ApplyError::Permanent("header `ce_tenant` is missing".to_owned()))?;
        Ok(Some(Self {
            id: envelope.id,
            tenant_id: tenant.0,
            project_id: envelope.project.map(|project| project.0),
            partition: record.position.partition,
            appended_at: record.appended_at.datetime(),
            at: envelope.time.datetime(),
            actor: envelope.actor.to_string(),
            action: operation.operation,
            target_type: operation.target_type,
            target_id: operation.target_id,
            rule: operation.refused_rule,
            version: operation.version,
            request_id: envelope.correlation,
        }))
    }

    fn shown(self, names: &Names) -> AuditEntry {
        let refused = self.rule.is_some();
        AuditEntry {
            id: self.id,
            at: self.at,
            actor: names.actor(&self.actor),
            action: self.action,
            target: Target {
                kind: self.target_type,
                id: self.target_id,
            },
            result: if refused { "refused" } else { "accepted" }.to_owned(),
            rule: self.rule,
            request_id: self.request_id,
        }
    }
}

/// One operation as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub actor: ActorShown,
    /// The command's type, for instance `AcknowledgeIncident`.
    pub action: String,
    pub target: Target,
    /// accepted, refused
    pub result: String,
    pub rule: Option<String>,
    pub request_id: Uuid,
}

/// What an operation was about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Target {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
}

/// Which operations a list shows; empty parts do not filter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In text form, `user:<id>`.
    pub actor: Option<String>,
    pub action: Option<String>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

/// The last operation of a page.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    at: DateTime<Utc>,
    id: Uuid,
}

/// Newest first.
pub async fn list(
    db: &Db,
    scope: &Scope,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<AuditEntry, Cursor>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let mut sql = select(scope, filter);
    if let Some(after) = after {
        sql.push(" AND (at, id) < (")
            .push_bind(after.at)
            .push(", ")
            .push_bind(after.id)
            .push(")");
    }
    sql.push(" ORDER BY at DESC, id DESC LIMIT ")
        .push_bind(i64::from(limit) + 1);
    let found: Vec<Row> = sql.build_query_as().fetch_all(&mut *tx).await?;
    let page = Page::cut(found, limit, |last| Cursor {
        at: last.at,
        id: last.id,
    });
    let actors = page.items.iter().map(|row| row.actor.clone());
    let names = Names::load(&mut tx, scope, actors).await?;
    Ok(page.map(|row| row.shown(&names)))
}

fn select(scope: &Scope, filter: &Filter) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("SELECT * FROM audit WHERE tenant_id = ");
    sql.push_bind(scope.tenant().0)
        .push(" AND (project_id IS NULL OR project_id = ")
        .push_bind(scope.project().0)
        .push(")");
    if let Some(actor) = &filter.actor {
        sql.push(" AND actor = ").push_bind(actor.replace('\0', ""));
    }
    if let Some(action) = &filter.action {
        sql.push(" AND action = ")
            .push_bind(action.replace('\0', ""));
    }
    if let Some(from) = filter.from {
        sql.push(" AND at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        sql.push(" AND at < ").push_bind(to);
    }
    sql
}
