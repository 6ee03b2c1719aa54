//! Read model `projects`: a tenant's name and its projects.

mod fold;

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::change::ChangeKind;
use schemas::envelope::Envelope;
use schemas::ids::{ProjectId, TenantId};
use schemas::scope::Scope;
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::page::Page;
use crate::people::{ActorShown, Names};
use crate::runtime::{
    ApplyError, Changed, Home, Projection, Writing, decode_scoped, tenant_of, upsert,
};
use fold::{ProjectRow, TenantRow, Touched};

/// The projection.
#[derive(Debug)]
pub struct Projects;

#[async_trait]
impl Projection for Projects {
    fn name(&self) -> &'static str {
        "projects"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IdentityEvents]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["tenants", "projects"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/projects.sql"),
        }
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let (mut events, mut ids) = (Vec::new(), Vec::new());
        for record in batch {
            if let Some((envelope, event)) = decode_scoped(record)? {
                let touched = fold::touched(&envelope, event)?;
                ids.push(tenant_of(&envelope)?);
                ids.extend(touched.as_ref().map(Touched::id));
                events.push((record, envelope, touched));
            }
        }
        let mut tenants = load_tenants(to.rows, &ids).await?;
        let mut projects = load_projects(to.rows, &ids).await?;
        let mut changes = Vec::new();
        for (record, envelope, touched) in events {
            let tenant = tenant_of(&envelope)?;
            let Some(touched) = touched else {
                see(&mut tenants, tenant, &envelope)?;
                continue;
            };
            let id = touched.id();
            changes.extend(Changed::in_tenant(
                record,
                &envelope,
                ChangeKind::ProjectUpdated,
                id,
            ));
            match touched {
                Touched::Tenant(change) => {
                    let row = fold::tenant(tenants.remove(&id), &envelope, change)?;
                    tenants.insert(id, row);
                }
                Touched::Project(change) => {
                    let row = fold::project(projects.remove(&id), &envelope, change)?;
                    projects.insert(id, row);
                }
            }
            see(&mut tenants, tenant, &envelope)?;
        }
        upsert(
            to.rows,
            WRITE_TENANTS,
            &tenants.into_values().collect::<Vec<_>>(),
        )
        .await?;
        upsert(
            to.rows,
            WRITE_PROJECTS,
            &projects.into_values().collect::<Vec<_>>(),
        )
        .await?;
        Ok(changes)
    }
}

/// The row has the version of the whole tenant: what `If-Match` is compared with.
fn see(
    tenants: &mut BTreeMap<Uuid, TenantRow>,
    tenant: Uuid,
    envelope: &Envelope,
) -> Result<(), ApplyError> {
    tenants
        .get_mut(&tenant)
        .map_or(Ok(()), |row| row.see(envelope))
}

const WRITE_TENANTS: &str = "INSERT INTO tenants
    SELECT * FROM json_populate_recordset(NULL::tenants, $1::json)
    ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version, name = excluded.name,
        erasure_due_at = excluded.erasure_due_at, erasure_asked_at = excluded.erasure_asked_at,
        erasure_asked_by = excluded.erasure_asked_by";

const WRITE_PROJECTS: &str = "INSERT INTO projects
    SELECT * FROM json_populate_recordset(NULL::projects, $1::json)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, name = excluded.name,
        archived_at = excluded.archived_at, last_archived_at = excluded.last_archived_at,
        restored_at = excluded.restored_at";

async fn load_tenants(
    rows: &mut PgConnection,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, TenantRow>, ApplyError> {
    let found: Vec<TenantRow> = sqlx::query_as("SELECT * FROM tenants WHERE tenant_id = ANY ($1)")
        .bind(ids)
        .fetch_all(rows)
        .await?;
    Ok(found.into_iter().map(|row| (row.tenant_id, row)).collect())
}

async fn load_projects(
    rows: &mut PgConnection,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, ProjectRow>, ApplyError> {
    let found: Vec<ProjectRow> = sqlx::query_as("SELECT * FROM projects WHERE id = ANY ($1)")
        .bind(ids)
        .fetch_all(rows)
        .await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

/// A project as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema, sqlx::FromRow)]
pub struct Project {
    pub id: Uuid,
    pub name: String,
    pub slug: String,
    pub created_at: DateTime<Utc>,
    /// Nobody works in an archived project, and it can be restored.
    pub archived_at: Option<DateTime<Utc>>,
    /// The last time that it came back from the archive.
    #[serde(skip)]
    pub restored_at: Option<DateTime<Utc>>,
}

/// A tenant as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tenant {
    pub id: Uuid,
    pub name: String,
    /// None unless the tenant is to be erased.
    pub erasure: Option<TenantErasure>,
    #[serde(skip)]
    pub version: i64,
}

/// That a tenant is to be erased, unless an owner calls it off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TenantErasure {
    pub asked_at: DateTime<Utc>,
    pub asked_by: ActorShown,
    pub due_at: DateTime<Utc>,
}

/// The last project of a page.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    created_at: DateTime<Utc>,
    id: Uuid,
}

/// All projects of the tenant, oldest first.
pub async fn list(
    db: &Db,
    scope: &Scope,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<Project, Cursor>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Vec<Project> = sqlx::query_as(
        "SELECT id, name, slug, created_at, archived_at, restored_at FROM projects
         WHERE tenant_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) > ($2, $3))
         ORDER BY created_at, id LIMIT $4",
    )
    .bind(scope.tenant().0)
    .bind(after.map(|cursor| cursor.created_at))
    .bind(after.map(|cursor| cursor.id))
    .bind(i64::from(limit) + 1)
    .fetch_all(&mut *tx)
    .await?;
    Ok(Page::cut(found, limit, |last| Cursor {
        created_at: last.created_at,
        id: last.id,
    }))
}

/// The tenant's version that the list shows: asked for before the list is, so that it is
/// never later.
pub async fn version(db: &Db, scope: &Scope) -> Result<i64, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Option<i64> = sqlx::query_scalar("SELECT version FROM tenants WHERE tenant_id = $1")
        .bind(scope.tenant().0)
        .fetch_optional(&mut *tx)
        .await?;
    Ok(found.unwrap_or_default())
}

/// One project of the tenant.
pub async fn get(db: &Db, scope: &Scope, id: ProjectId) -> Result<Option<Project>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found = sqlx::query_as(
        "SELECT id, name, slug, created_at, archived_at, restored_at FROM projects WHERE tenant_id = $1 AND id = $2",
    )
    .bind(scope.tenant().0)
    .bind(id.0)
    .fetch_optional(&mut *tx)
    .await?;
    Ok(found)
}

/// The scope's own tenant.
pub async fn tenant(db: &Db, scope: &Scope) -> Result<Option<Tenant>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Option<TenantRow> = sqlx::query_as("SELECT * FROM tenants WHERE tenant_id = $1")
        .bind(scope.tenant().0)
        .fetch_optional(&mut *tx)
        .await?;
    let Some(row) = found else {
        return Ok(None);
    };
    let askers = row.erasure_asked_by.iter().cloned();
    let names = Names::load(&mut tx, scope, askers).await?;
    let erasure = row.erasure().map(|(due_at, asked_at, by)| TenantErasure {
        asked_at,
        asked_by: names.actor(by),
        due_at,
    });
    Ok(Some(Tenant {
        id: row.tenant_id,
        erasure,
        name: row.name,
        version: row.version,
    }))
}

/// Tenants whose grace was over at `now`, each with a project of its own and the time
/// that was asked for. They lie on both sides of what keeps tenants apart.
pub async fn erasures_due(
    db: &Db,
    now: Timestamp,
) -> Result<Vec<(TenantId, ProjectId, Timestamp)>, QueryError> {
    let found: Vec<(Uuid, Uuid, DateTime<Utc>)> = sqlx::query_as(
        "SELECT t.tenant_id, p.id, t.erasure_due_at FROM read.tenants t
         JOIN LATERAL (SELECT id FROM read.projects WHERE tenant_id = t.tenant_id
             ORDER BY created_at, id LIMIT 1) p ON true
         WHERE t.erasure_due_at <= $1 ORDER BY t.erasure_due_at, t.tenant_id",
    )
    .bind(now.datetime())
    .fetch_all(db.writer())
    .await?;
    let due = found.into_iter();
    Ok(due
        .map(|(tenant, project, at)| (TenantId(tenant), ProjectId(project), at.into()))
        .collect())
}

/// The project that a member of the tenant begins in: its oldest that is in use.
pub async fn first(db: &Db, scope: &Scope) -> Result<Option<Project>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found = sqlx::query_as(
        "SELECT id, name, slug, created_at, archived_at, restored_at FROM projects
         WHERE tenant_id = $1 AND archived_at IS NULL ORDER BY created_at, id LIMIT 1",
    )
    .bind(scope.tenant().0)
    .fetch_optional(&mut *tx)
    .await?;
    Ok(found)
}
