//! Read model `service_accounts`: programs that act in a project.

mod fold;

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::change::ChangeKind;
use schemas::ids::ServiceAccountId;
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
use fold::Row;

/// The projection.
#[derive(Debug)]
pub struct ServiceAccounts;

#[async_trait]
impl Projection for ServiceAccounts {
    fn name(&self) -> &'static str {
        "service_accounts"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IdentityEvents]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["service_accounts"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/service_accounts.sql"),
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
                events.push((record, fold::id_of(&envelope)?, envelope, event));
            }
        }
        let mut rows = load(to.rows, events.iter().map(|(_, id, ..)| *id).collect()).await?;
        let mut changes = Vec::new();
        for (record, id, envelope, event) in events {
            let kind = ChangeKind::ApiKeyUpdated;
            changes.extend(Changed::in_project(record, &envelope, kind, id));
            let row = fold::evolve(rows.remove(&id), id, &envelope, event)?;
            rows.insert(id, row);
        }
        upsert(to.rows, WRITE, &rows.into_values().collect::<Vec<_>>()).await?;
        Ok(changes)
    }
}

const WRITE: &str = "INSERT INTO service_accounts
    SELECT * FROM json_populate_recordset(NULL::service_accounts, $1::json)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, disabled_at = excluded.disabled_at";

async fn load(rows: &mut PgConnection, ids: Vec<Uuid>) -> Result<BTreeMap<Uuid, Row>, ApplyError> {
    let found: Vec<Row> = sqlx::query_as("SELECT * FROM service_accounts WHERE id = ANY ($1)")
        .bind(ids)
        .fetch_all(rows)
        .await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

/// A service account as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceAccount {
    pub id: Uuid,
    pub name: String,
    pub description: String,
    pub created_at: DateTime<Utc>,
    pub created_by: Option<Person>,
    /// Nothing acts as it any more.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// The last account of a page.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    created_at: DateTime<Utc>,
    id: Uuid,
}

/// The project's accounts, oldest first; disabled ones too.
pub async fn list(
    db: &Db,
    scope: &Scope,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<ServiceAccount, Cursor>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Vec<Row> = sqlx::query_as(
        "SELECT * FROM service_accounts WHERE tenant_id = $1 AND project_id = $2
           AND ($3::timestamptz IS NULL OR (created_at, id) > ($3, $4))
         ORDER BY created_at, id LIMIT $5",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(after.map(|cursor| cursor.created_at))
    .bind(after.map(|cursor| cursor.id))
    .bind(i64::from(limit) + 1)
    .fetch_all(&mut *tx)
    .await?;
    let page = Page::cut(found, limit, |last| Cursor {
        created_at: last.created_at,
        id: last.id,
    });
    let creators = page.items.iter().map(|row| row.created_by.clone());
    let names = Names::load(&mut tx, scope, creators).await?;
    Ok(page.map(|row| row.shown(&names)))
}

/// Ids and names of the project's accounts that are not disabled, `most` of them.
pub async fn in_use(
    db: &Db,
    scope: &Scope,
    most: u32,
) -> Result<Vec<(ServiceAccountId, String)>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT id, name FROM service_accounts
         WHERE tenant_id = $1 AND project_id = $2 AND disabled_at IS NULL
         ORDER BY created_at, id LIMIT $3",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(i64::from(most))
    .fetch_all(&mut *tx)
    .await?;
    let in_use = found.into_iter();
    Ok(in_use
        .map(|(id, name)| (ServiceAccountId(id), name))
        .collect())
}

/// One account; None where it does not exist in this scope.
pub async fn get(
    db: &Db,
    scope: &Scope,
    id: ServiceAccountId,
) -> Result<Option<ServiceAccount>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Option<Row> = sqlx::query_as(
        "SELECT * FROM service_accounts WHERE tenant_id = $1 AND project_id = $2 AND id = $3",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(id.0)
    .fetch_optional(&mut *tx)
    .await?;
    let creators = found.iter().map(|row| row.created_by.clone());
    let names = Names::load(&mut tx, scope, creators).await?;
    Ok(found.map(|row| row.shown(&names)))
}

impl Row {
    fn shown(self, names: &Names) -> ServiceAccount {
        ServiceAccount {
            id: self.id,
            name: self.name,
            description: self.description,
            created_at: self.created_at,
            created_by: names.person(&self.created_by),
            disabled_at: self.disabled_at,
        }
    }
}
