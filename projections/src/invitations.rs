//! Read model `invitations`: who was asked to join, and waits for nothing but them.

mod fold;

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::change::ChangeKind;
use schemas::ids::{InvitationId, MailId, ProjectId, TenantId};
use schemas::scope::Scope;
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::page::Page;
use crate::people::{Names, Person};
use crate::runtime::{ApplyError, Changed, Home, Projection, Writing, decode_scoped, upsert};
use crate::vault::SubjectKeys;
use fold::Row;

/// The projection.
#[derive(Debug)]
pub struct Invitations;

#[async_trait]
impl Projection for Invitations {
    fn name(&self) -> &'static str {
        "invitations"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IdentityEvents]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["invitations"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/invitations.sql"),
        }
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let mut events = Vec::new();
        for record in batch {
            if let Some((envelope, event)) = decode_scoped(record)?
                && let Some(id) = fold::id_of(&event)
            {
                events.push((record, id, envelope, event));
            }
        }
        let mut rows = load(to.rows, events.iter().map(|(_, id, ..)| *id).collect()).await?;
        let mut changes = Vec::new();
        for (record, id, envelope, event) in events {
            let kind = ChangeKind::MemberUpdated;
            changes.extend(Changed::in_tenant(record, &envelope, kind, id));
            let row = fold::evolve(rows.remove(&id), id, &envelope, event)?;
            rows.insert(id, row);
        }
        upsert(to.rows, WRITE, &rows.into_values().collect::<Vec<_>>()).await?;
        Ok(changes)
    }
}

const WRITE: &str = "INSERT INTO invitations
    SELECT * FROM json_populate_recordset(NULL::invitations, $1::json)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, over_at = excluded.over_at,
        mail_id = excluded.mail_id, mail_project_id = excluded.mail_project_id,
        mail_state = excluded.mail_state, mail_at = excluded.mail_at,
        mail_detail = excluded.mail_detail";

async fn load(rows: &mut PgConnection, ids: Vec<Uuid>) -> Result<BTreeMap<Uuid, Row>, ApplyError> {
    let found: Vec<Row> = sqlx::query_as("SELECT * FROM invitations WHERE id = ANY ($1)")
        .bind(ids)
        .fetch_all(rows)
        .await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

/// An invitation with its address opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Invitation {
    pub id: Uuid,
    pub email: String,
    pub role: String,
    pub invited_by: Option<Person>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// The newest mail that carried its link.
    pub mail: Option<Mail>,
}

/// How a mail stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    /// `waiting`, `sent` or `failed`
    pub state: String,
    pub since: DateTime<Utc>,
    /// Why it failed, for people.
    pub detail: Option<String>,
}

/// A mail that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToSend {
    pub mail: MailId,
    pub invitation: InvitationId,
    pub tenant: TenantId,
    pub project: ProjectId,
    pub requested_at: Timestamp,
}

/// The last invitation of a page.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    created_at: DateTime<Utc>,
    id: Uuid,
}

/// Those that were neither accepted nor revoked, newest first; expired ones too.
pub async fn list(
    db: &Db,
    people: &SubjectKeys,
    scope: &Scope,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<Invitation, Cursor>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Vec<Row> = sqlx::query_as(
        "SELECT * FROM invitations WHERE tenant_id = $1 AND over_at IS NULL
           AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
         ORDER BY created_at DESC, id DESC LIMIT $4",
    )
    .bind(scope.tenant().0)
    .bind(after.map(|cursor| cursor.created_at))
    .bind(after.map(|cursor| cursor.id))
    .bind(i64::from(limit) + 1)
    .fetch_all(&mut *tx)
    .await?;
    let inviters = found.iter().map(|row| row.invited_by.clone());
    let names = Names::load(&mut tx, scope, inviters).await?;
    drop(tx);
    let shown = open(db, people, found, &names).await?;
    Ok(Page::cut(shown, limit, |last| Cursor {
        created_at: last.created_at,
        id: last.id,
    }))
}

/// One that still waits for its answer.
pub async fn get(
    db: &Db,
    people: &SubjectKeys,
    scope: &Scope,
    id: InvitationId,
) -> Result<Option<Invitation>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Option<Row> = sqlx::query_as(
        "SELECT * FROM invitations WHERE tenant_id = $1 AND id = $2 AND over_at IS NULL",
    )
    .bind(scope.tenant().0)
    .bind(id.0)
    .fetch_optional(&mut *tx)
    .await?;
    let inviters = found.iter().map(|row| row.invited_by.clone());
    let names = Names::load(&mut tx, scope, inviters).await?;
    drop(tx);
    let found = open(db, people, found.into_iter().collect(), &names).await?;
    Ok(found.into_iter().next())
}

/// For the mailer, which looks after all tenants: mails that wait, oldest first.
pub async fn to_send(db: &Db, most: i64) -> Result<Vec<ToSend>, QueryError> {
    let found: Vec<(Uuid, Uuid, Uuid, Uuid, DateTime<Utc>)> = sqlx::query_as(
        "SELECT mail_id, id, tenant_id, coalesce(mail_project_id, tenant_id), mail_at FROM read.invitations
         WHERE mail_state = 'waiting' AND over_at IS NULL ORDER BY mail_at LIMIT $1",
    )
    .bind(most)
    .fetch_all(db.writer())
    .await?;
    let waiting = found.into_iter();
    let waiting = waiting.map(|(mail, invitation, tenant, project, at)| ToSend {
        mail: MailId(mail),
        invitation: InvitationId(invitation),
        tenant: TenantId(tenant),
        project: ProjectId(project),
        requested_at: at.into(),
    });
    Ok(waiting.collect())
}

/// For who erases people, whom no tenant asks: what was neither accepted nor revoked.
pub async fn waiting(db: &Db) -> Result<Vec<(TenantId, InvitationId)>, QueryError> {
    let found: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT tenant_id, id FROM read.invitations WHERE over_at IS NULL ORDER BY 1, 2",
    )
    .fetch_all(db.writer())
    .await?;
    let waiting = found.into_iter();
    let waiting = waiting.map(|(tenant, id)| (TenantId(tenant), InvitationId(id)));
    Ok(waiting.collect())
}

async fn open(
    db: &Db,
    people: &SubjectKeys,
    found: Vec<Row>,
    names: &Names,
) -> Result<Vec<Invitation>, QueryError> {
    let subjects: Vec<_> = found.iter().map(|row| row.email.subject()).collect();
    let mut vault = db.writer().acquire().await?;
    let keys = people.fetch(&mut vault, &subjects).await?;
    let opened = found.into_iter().map(|row| {
        Ok(Invitation {
            email: keys
                .text(&row.email)
                .map_err(|e| QueryError::Failed(sqlx::Error::Decode(e.to_string().into())))?,
            id: row.id,
            mail: row.mail_state.zip(row.mail_at).map(|(state, since)| Mail {
                state,
                since,
                detail: row.mail_detail,
            }),
            invited_by: names.person(&row.invited_by),
            role: row.role,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    });
    opened.collect()
}
