//! Read model `monitoring_integrations`: monitoring servers and whether they answer.

mod fold;

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::change::ChangeKind;
use schemas::ids::{CredentialId, MonitoringIntegrationId, ProjectId, TenantId};
use schemas::scope::Scope;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::page::Page;
use crate::people::{Names, Person};
use crate::runtime::{ApplyError, Changed, Home, Projection, Writing, decode_scoped, upsert};
use fold::{Event, Row};

/// The projection.
#[derive(Debug)]
pub struct MonitoringIntegrations;

#[async_trait]
impl Projection for MonitoringIntegrations {
    fn name(&self) -> &'static str {
        "monitoring_integrations"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::MonitoringEvents]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["monitoring_integrations"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/monitoring_integrations.sql"),
        }
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let mut events = Vec::new();
        for record in batch {
            if let Some((envelope, event)) = decode_scoped(record)? {
                events.push((record, fold::id_of(&envelope)?, envelope, Event::Set(event)));
            } else if let Some((envelope, event)) = decode_scoped(record)? {
                events.push((
                    record,
                    fold::id_of(&envelope)?,
                    envelope,
                    Event::Found(event),
                ));
            }
        }
        let mut rows = load(to.rows, events.iter().map(|(_, id, ..)| *id).collect()).await?;
        let mut changes = Vec::new();
        for (record, id, envelope, event) in events {
            let kind = ChangeKind::MonitoringIntegrationUpdated;
            changes.extend(Changed::in_project(record, &envelope, kind, id));
            let row = fold::evolve(rows.remove(&id), id, &envelope, event)?;
            rows.extend(row.map(|row| (id, row)));
        }
        upsert(to.rows, WRITE, &rows.into_values().collect::<Vec<_>>()).await?;
        Ok(changes)
    }
}

const WRITE: &str = "INSERT INTO monitoring_integrations
    SELECT * FROM json_populate_recordset(NULL::monitoring_integrations, $1::json)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, name = excluded.name,
        kind = excluded.kind, url = excluded.url, ca_certificate = excluded.ca_certificate,
        credential_id = excluded.credential_id, credential_kind = excluded.credential_kind,
        credential_set_at = excluded.credential_set_at, created_at = excluded.created_at,
        created_by = excluded.created_by, changed_at = excluded.changed_at,
        changed_by = excluded.changed_by, removed = excluded.removed,
        health_version = excluded.health_version, status = excluded.status,
        since = excluded.since, error = excluded.error, detail = excluded.detail,
        server_version = excluded.server_version, latency_ms = excluded.latency_ms,
        probed_at = excluded.probed_at";

async fn load(rows: &mut PgConnection, ids: Vec<Uuid>) -> Result<BTreeMap<Uuid, Row>, ApplyError> {
    let found: Vec<Row> =
        sqlx::query_as("SELECT * FROM monitoring_integrations WHERE id = ANY ($1)")
            .bind(ids)
            .fetch_all(rows)
            .await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

/// A monitoring server as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitoringIntegration {
    pub id: Uuid,
    pub name: String,
    /// prometheus, alertmanager, grafana, loki, otlp
    pub kind: String,
    pub url: String,
    /// Believed instead of the system's authorities, in PEM.
    pub ca_certificate: Option<String>,
    /// That there is one; never what it is.
    pub credential: Option<CredentialShown>,
    pub health: IntegrationHealth,
    /// Of what people have set; `If-Match` takes it.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub created_by: Option<Person>,
    pub changed_at: DateTime<Utc>,
    pub changed_by: Option<Person>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CredentialShown {
    /// basic, bearer, headers
    pub kind: String,
    pub set_at: Option<DateTime<Utc>>,
}

/// What asking the server has found out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IntegrationHealth {
    /// up, down; unknown before it was asked
    pub status: String,
    pub since: Option<DateTime<Utc>>,
    /// Why it is down: a word for programs.
    pub error: Option<String>,
    /// The same for people.
    pub detail: Option<String>,
    /// What the server says that it is.
    pub version: Option<String>,
    /// As of `noted_at`.
    pub latency_ms: Option<i64>,
    /// When something last changed or was sampled; it is asked much more often.
    pub noted_at: Option<DateTime<Utc>>,
}

/// The last integration of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    name: String,
    id: Uuid,
}

/// The project's integrations by name.
pub async fn list(
    db: &Db,
    scope: &Scope,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<MonitoringIntegration, Cursor>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let (name, id) = after.map(|cursor| (cursor.name, cursor.id)).unzip();
    let found: Vec<Row> = sqlx::query_as(
        "SELECT * FROM monitoring_integrations
         WHERE tenant_id = $1 AND project_id = $2 AND NOT removed
           AND ($3::text IS NULL OR (name, id) > ($3, $4))
         ORDER BY name, id LIMIT $5",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(name)
    .bind(id)
    .bind(i64::from(limit) + 1)
    .fetch_all(&mut *tx)
    .await?;
    let page = Page::cut(found, limit, |last| Cursor {
        name: last.name.clone(),
        id: last.id,
    });
    let names = names(&mut tx, scope, &page.items).await?;
    Ok(page.map(|row| row.shown(&names)))
}

/// What the project's integrations are called, as far as `most` of them.
pub async fn named(
    db: &Db,
    scope: &Scope,
    most: i64,
) -> Result<Vec<(MonitoringIntegrationId, String)>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT id, name FROM monitoring_integrations
         WHERE tenant_id = $1 AND project_id = $2 AND NOT removed ORDER BY name, id LIMIT $3",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(most)
    .fetch_all(&mut *tx)
    .await?;
    let named = found.into_iter();
    Ok(named
        .map(|(id, name)| (MonitoringIntegrationId(id), name))
        .collect())
}

/// One integration; None where there is none in this scope.
pub async fn get(
    db: &Db,
    scope: &Scope,
    id: MonitoringIntegrationId,
) -> Result<Option<MonitoringIntegration>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found = one(&mut tx, scope, id).await?;
    let names = names(&mut tx, scope, found.as_slice()).await?;
    Ok(found.map(|row| row.shown(&names)))
}

/// The same with what is needed to ask it.
pub async fn target(
    db: &Db,
    scope: &Scope,
    id: MonitoringIntegrationId,
) -> Result<Option<Target>, QueryError> {
    let mut tx = db.reading(scope).await?;
    Ok(one(&mut tx, scope, id).await?.map(Row::target))
}

async fn one(
    tx: &mut PgConnection,
    scope: &Scope,
    id: MonitoringIntegrationId,
) -> Result<Option<Row>, QueryError> {
    let found = sqlx::query_as(
        "SELECT * FROM monitoring_integrations
         WHERE tenant_id = $1 AND project_id = $2 AND id = $3 AND NOT removed",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(id.0)
    .fetch_optional(tx)
    .await?;
    Ok(found)
}

async fn names(tx: &mut PgConnection, scope: &Scope, rows: &[Row]) -> Result<Names, QueryError> {
    let actors = rows
        .iter()
        .flat_map(|row| [row.created_by.clone(), row.changed_by.clone()]);
    Names::load(tx, scope, actors).await
}

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub id: MonitoringIntegrationId,
    pub tenant: TenantId,
    pub project: ProjectId,
    pub version: i64,
    pub kind: String,
    pub url: String,
    pub ca_certificate: Option<String>,
    pub credential: Option<CredentialId>,
    pub known: Known,
}

/// What was last found, as far as it tells what is new.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    pub status: Option<String>,
    pub error: Option<String>,
    pub version: Option<String>,
    pub noted_at: Option<DateTime<Utc>>,
}

/// For the prober, which looks after all tenants: every integration of projects that
/// are in use.
pub async fn targets(db: &Db) -> Result<Vec<Target>, QueryError> {
    let found: Vec<Row> = sqlx::query_as(
        "SELECT i.* FROM read.monitoring_integrations i
         WHERE NOT i.removed AND NOT EXISTS (SELECT FROM read.projects p
             WHERE p.id = i.project_id AND p.archived_at IS NOT NULL)
         ORDER BY i.id",
    )
    .fetch_all(db.writer())
    .await?;
    Ok(found.into_iter().map(Row::target).collect())
}

impl Row {
    fn target(self) -> Target {
        Target {
            id: MonitoringIntegrationId(self.id),
            tenant: TenantId(self.tenant_id),
            project: ProjectId(self.project_id),
            version: self.version,
            kind: self.kind,
            url: self.url,
            ca_certificate: self.ca_certificate,
            credential: self.credential_id.map(CredentialId),
            known: Known {
                status: self.status,
                error: self.error,
                version: self.server_version,
                noted_at: self.probed_at,
            },
        }
    }

    fn shown(self, names: &Names) -> MonitoringIntegration {
        let set_at = self.credential_set_at;
        MonitoringIntegration {
            id: self.id,
            name: self.name,
            kind: self.kind,
            url: self.url,
            ca_certificate: self.ca_certificate,
            credential: self
                .credential_kind
                .map(|kind| CredentialShown { kind, set_at }),
            health: IntegrationHealth {
                status: self.status.unwrap_or_else(|| "unknown".to_owned()),
                since: self.since,
                error: self.error,
                detail: self.detail,
                version: self.server_version,
                latency_ms: self.latency_ms,
                noted_at: self.probed_at,
            },
            version: self.version,
            created_at: self.created_at,
            created_by: names.person(&self.created_by),
            changed_at: self.changed_at,
            changed_by: names.person(&self.changed_by),
        }
    }
}
