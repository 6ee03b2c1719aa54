//! Read model `api_keys`: what people see of their keys; never the key.

mod fold;

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::audit::AuditRecord;
use schemas::change::ChangeKind;
use schemas::ids::ApiKeyId;
use schemas::scope::Scope;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::page::Page;
use crate::people::{Names, Person};
use crate::runtime::{ApplyError, Changed, Home, Projection, Writing, decode_scoped, upsert};
use fold::{Row, Uses};

/// The projection.
#[derive(Debug)]
pub struct ApiKeys;

#[async_trait]
impl Projection for ApiKeys {
    fn name(&self) -> &'static str {
        "api_keys"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IdentityKeys, Topic::AuditOperations]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["api_keys", "api_key_uses"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/api_keys.sql"),
        }
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let (mut events, mut uses, mut changes) = (Vec::new(), Uses::default(), Vec::new());
        for record in batch {
            if let Some((envelope, event)) = decode_scoped(record)? {
                events.push((record, fold::id_of(&envelope)?, envelope, event));
            } else if let Some((envelope, AuditRecord::ApiKeyUsed(used))) = decode_scoped(record)? {
                uses.add(&envelope, used.key)?;
                let (kind, id) = (ChangeKind::ApiKeyUpdated, used.key);
                changes.extend(Changed::in_project(record, &envelope, kind, id));
            }
        }
        let mut rows = load(to.rows, events.iter().map(|(_, id, ..)| *id).collect()).await?;
        for (record, id, envelope, event) in events {
            changes.extend(Changed::in_tenant(
                record,
                &envelope,
                ChangeKind::ApiKeyUpdated,
                id,
            ));
            let row = fold::evolve(rows.remove(&id), id, &envelope, event)?;
            rows.insert(id, row);
        }
        upsert(to.rows, WRITE, &rows.into_values().collect::<Vec<_>>()).await?;
        upsert(to.rows, WRITE_USES, &uses.rows()).await?;
        Ok(changes)
    }
}

const WRITE: &str = "INSERT INTO api_keys
    SELECT * FROM json_populate_recordset(NULL::api_keys, $1::json)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version,
        name = excluded.name, scopes = excluded.scopes, expires_at = excluded.expires_at,
        revoked_at = excluded.revoked_at, rotated_at = excluded.rotated_at";

/// The latest use, in whatever order they come.
const WRITE_USES: &str = "INSERT INTO api_key_uses AS held
    SELECT * FROM json_populate_recordset(NULL::api_key_uses, $1::json)
    ON CONFLICT (key_id) DO UPDATE SET
        last_used_at = greatest(held.last_used_at, excluded.last_used_at)";

async fn load(rows: &mut PgConnection, ids: Vec<Uuid>) -> Result<BTreeMap<Uuid, Row>, ApplyError> {
    let found: Vec<Row> = sqlx::query_as("SELECT * FROM api_keys WHERE id = ANY ($1)")
        .bind(ids)
        .fetch_all(rows)
        .await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

/// An API key as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    pub id: Uuid,
    pub name: String,
    /// The first characters, by which people recognise it.
    pub prefix: String,
    /// ingest, or one kind of it such as ingest:logs; read, write, admin
    pub scopes: Vec<String>,
    pub project_id: Uuid,
    pub created_at: DateTime<Utc>,
    pub created_by: Option<Person>,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// When another key took its place; it ends at `expires_at`.
    pub rotated_at: Option<DateTime<Utc>>,
    /// The service account that the key is of.
    pub service_account_id: Option<Uuid>,
    /// When it was to end as it was made, before it was rotated.
    #[serde(skip)]
    pub made_to_expire_at: Option<DateTime<Utc>>,
    /// Whether it was revoked itself, and not only with its service account or project.
    #[serde(skip)]
    pub is_revoked_itself: bool,
    #[serde(skip)]
    pub version: i64,
}

/// Keys with what other tables know of them. Those of a service account end with it, and
/// all of a project when it is archived; restoring it brings none of them back.
const JOINED: &str = "SELECT k.*, u.last_used_at, a.disabled_at,
    CASE WHEN p.archived_at IS NOT NULL OR k.created_at < p.restored_at
        THEN p.last_archived_at END AS ended_with_project_at
    FROM api_keys k
    LEFT JOIN api_key_uses u ON u.key_id = k.id
    LEFT JOIN service_accounts a ON a.id = k.service_account AND a.tenant_id = k.tenant_id
    LEFT JOIN projects p ON p.id = k.project_id AND p.tenant_id = k.tenant_id";

/// The last key of a page.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    created_at: DateTime<Utc>,
    id: Uuid,
}

/// The project's keys, newest first; revoked ones too.
pub async fn list(
    db: &Db,
    scope: &Scope,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<ApiKey, Cursor>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let sql = format!(
        "{JOINED} WHERE k.tenant_id = $1 AND k.project_id = $2
           AND ($3::timestamptz IS NULL OR (k.created_at, k.id) < ($3, $4))
         ORDER BY k.created_at DESC, k.id DESC LIMIT $5"
    );
    let found: Vec<Joined> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(scope.tenant().0)
        .bind(scope.project().0)
        .bind(after.map(|cursor| cursor.created_at))
        .bind(after.map(|cursor| cursor.id))
        .bind(i64::from(limit) + 1)
        .fetch_all(&mut *tx)
        .await?;
    let page = Page::cut(found, limit, |last| Cursor {
        created_at: last.row.created_at,
        id: last.row.id,
    });
    let names = names(&mut tx, scope, &page.items).await?;
    Ok(page.map(|joined| joined.shown(&names)))
}

/// One key; None where it does not exist in this scope.
pub async fn get(db: &Db, scope: &Scope, id: ApiKeyId) -> Result<Option<ApiKey>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let sql = format!("{JOINED} WHERE k.tenant_id = $1 AND k.project_id = $2 AND k.id = $3");
    let found: Option<Joined> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(scope.tenant().0)
        .bind(scope.project().0)
        .bind(id.0)
        .fetch_optional(&mut *tx)
        .await?;
    let names = names(&mut tx, scope, found.as_slice()).await?;
    Ok(found.map(|joined| joined.shown(&names)))
}

#[derive(Debug, sqlx::FromRow)]
struct Joined {
    #[sqlx(flatten)]
    row: Row,
    last_used_at: Option<DateTime<Utc>>,
    disabled_at: Option<DateTime<Utc>>,
    ended_with_project_at: Option<DateTime<Utc>>,
}

async fn names(
    tx: &mut PgConnection,
    scope: &Scope,
    found: &[Joined],
) -> Result<Names, QueryError> {
    let creators = found.iter().map(|joined| joined.row.created_by.clone());
    Names::load(tx, scope, creators).await
}

impl Joined {
    /// A key of a service account that is disabled, or of a project that was archived, is
    /// good no longer, and was never where it was made too late.
    fn revoked_at(&self) -> Option<DateTime<Utc>> {
        let with_it = [self.disabled_at, self.ended_with_project_at];
        let with_it = with_it.into_iter().flatten();
        let with_it = with_it.map(|at| at.max(self.row.created_at));
        with_it.chain(self.row.revoked_at).min()
    }

    fn shown(self, names: &Names) -> ApiKey {
        let revoked_at = self.revoked_at();
        let row = self.row;
        ApiKey {
            id: row.id,
            name: row.name,
            prefix: row.prefix,
            scopes: row.scopes.0,
            project_id: row.project_id,
            created_at: row.created_at,
            created_by: names.person(&row.created_by),
            expires_at: row.expires_at,
            last_used_at: self.last_used_at,
            revoked_at,
            rotated_at: row.rotated_at,
            service_account_id: row.service_account,
            made_to_expire_at: row.made_to_expire_at,
            is_revoked_itself: row.revoked_at.is_some(),
            version: row.version,
        }
    }
}
