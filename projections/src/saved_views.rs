//! Read model `saved_views`: named views of explorers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::change::ChangeKind;
use schemas::envelope::Envelope;
use schemas::ids::SavedViewId;
use schemas::saved_view::SavedViewEvent;
use schemas::scope::Scope;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::people::{Names, Person};
use crate::runtime::{
    ApplyError, Changed, Home, Projection, Writing, decode_scoped, scope_of, sequence_of,
    subject_id, upsert,
};

/// So many views of a page are listed.
const MOST: i64 = 1_000;

/// The projection.
#[derive(Debug)]
pub struct SavedViews;

/// A row of the table, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
struct Row {
    id: Uuid,
    tenant_id: Uuid,
    project_id: Uuid,
    version: i64,
    page: String,
    name: String,
    search: String,
    saved_at: DateTime<Utc>,
    saved_by: String,
    deleted: bool,
}

#[async_trait]
impl Projection for SavedViews {
    fn name(&self) -> &'static str {
        "saved_views"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::CatalogEvents]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["saved_views"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/saved_views.sql"),
        }
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let mut events = Vec::new();
        for record in batch {
            if let Some((envelope, event)) = decode_scoped::<SavedViewEvent>(record)? {
                events.push((record, id_of(&envelope)?, envelope, event));
            }
        }
        let mut rows = load(to.rows, events.iter().map(|(_, id, ..)| *id).collect()).await?;
        let mut changes = Vec::new();
        for (record, id, envelope, event) in events {
            let kind = ChangeKind::SavedViewUpdated;
            changes.extend(Changed::in_project(record, &envelope, kind, id));
            let row = evolve(rows.remove(&id), id, &envelope, event)?;
            rows.insert(id, row);
        }
        upsert(to.rows, WRITE, &rows.into_values().collect::<Vec<_>>()).await?;
        Ok(changes)
    }
}

const WRITE: &str = "INSERT INTO saved_views
    SELECT * FROM json_populate_recordset(NULL::saved_views, $1::json)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, search = excluded.search,
        saved_at = excluded.saved_at, saved_by = excluded.saved_by, deleted = excluded.deleted";

async fn load(rows: &mut PgConnection, ids: Vec<Uuid>) -> Result<BTreeMap<Uuid, Row>, ApplyError> {
    let found: Vec<Row> = sqlx::query_as("SELECT * FROM saved_views WHERE id = ANY ($1)")
        .bind(ids)
        .fetch_all(rows)
        .await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

fn id_of(envelope: &Envelope) -> Result<Uuid, ApplyError> {
    subject_id(envelope, "a view's id")
}

/// The row after `event`; an event that it already holds changes nothing.
fn evolve(
    row: Option<Row>,
    id: Uuid,
    envelope: &Envelope,
    event: SavedViewEvent,
) -> Result<Row, ApplyError> {
    let version = sequence_of(envelope)?;
    match (row, event) {
        (Some(row), _) if version <= row.version => Ok(row),
        (_, SavedViewEvent::ViewSaved(event)) => Ok(Row {
            id,
            tenant_id: scope_of(envelope)?.0.0,
            project_id: event.project.0,
            version,
            page: event.page,
            name: event.name,
            search: event.search,
            saved_at: envelope.time.datetime(),
            saved_by: envelope.actor.to_string(),
            deleted: false,
        }),
        (Some(row), SavedViewEvent::ViewDeleted(_)) => Ok(Row {
            version,
            deleted: true,
            ..row
        }),
        (None, SavedViewEvent::ViewDeleted(_)) => Err(ApplyError::Permanent(format!(
            "view {id} deleted but never saved"
        ))),
    }
}

/// A view as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SavedView {
    pub id: Uuid,
    /// metrics, logs, traces
    pub page: String,
    pub name: String,
    /// What the page's address held, as a query string without the time range.
    pub search: String,
    pub saved_at: DateTime<Utc>,
    pub saved_by: Option<Person>,
}

/// The project's views of a page, by name; of all pages where none is named.
pub async fn list(
    db: &Db,
    scope: &Scope,
    page: Option<&str>,
) -> Result<Vec<SavedView>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Vec<Row> = sqlx::query_as(
        "SELECT * FROM saved_views
         WHERE tenant_id = $1 AND project_id = $2 AND NOT deleted AND ($3::text IS NULL OR page = $3)
         ORDER BY page, name LIMIT $4",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(page)
    .bind(MOST)
    .fetch_all(&mut *tx)
    .await?;
    shown(&mut tx, scope, found).await
}

/// One view; None where there is none in this scope.
pub async fn get(db: &Db, scope: &Scope, id: SavedViewId) -> Result<Option<SavedView>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Option<Row> = sqlx::query_as(
        "SELECT * FROM saved_views
         WHERE tenant_id = $1 AND project_id = $2 AND id = $3 AND NOT deleted",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(id.0)
    .fetch_optional(&mut *tx)
    .await?;
    let mut shown = shown(&mut tx, scope, found.into_iter().collect()).await?;
    Ok(shown.pop())
}

async fn shown(
    tx: &mut PgConnection,
    scope: &Scope,
    found: Vec<Row>,
) -> Result<Vec<SavedView>, QueryError> {
    let names = Names::load(tx, scope, found.iter().map(|row| row.saved_by.clone())).await?;
    let shown = found.into_iter().map(|row| SavedView {
        id: row.id,
        page: row.page,
        name: row.name,
        search: row.search,
        saved_at: row.saved_at,
        saved_by: names.person(&row.saved_by),
    });
    Ok(shown.collect())
}
