//! Read model `members`: who belongs to a tenant, with opened names and sealed
//! addresses.

mod fold;
mod lists;
mod project_roles;

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::change::ChangeKind;
use schemas::ids::{SubjectId, TenantId, UserId};
use schemas::personal::Personal;
use schemas::scope::Scope;
use schemas::tenant::TenantEvent;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgConnection, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::page::Page;
use crate::runtime::{ApplyError, Changed, Home, Projection, Writing, decode_scoped, upsert};
use crate::vault::SubjectKeys;
use fold::{Key, Row};
use lists::Lists;
use project_roles::ProjectRoles;

/// The projection.
#[derive(Debug)]
pub struct Members;

#[async_trait]
impl Projection for Members {
    fn name(&self) -> &'static str {
        "members"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IdentityEvents]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["members", "member_lists", "member_project_roles"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/members.sql"),
        }
    }

    fn indexes(&self) -> &'static str {
        include_str!("../../migrations/read/indexes/members.sql")
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let (mut events, mut subjects, mut changes) = (Vec::new(), Vec::new(), Vec::new());
        let (mut roles, mut lists) = (ProjectRoles::default(), Lists::default());
        for record in batch {
            let Some((envelope, event)) = decode_scoped(record)? else {
                continue;
            };
            lists.see(&envelope)?;
            if let TenantEvent::ProjectRoleSet(set) = &event {
                roles.add(&envelope, set)?;
                let kind = ChangeKind::MemberUpdated;
                changes.extend(Changed::in_tenant(record, &envelope, kind, set.user));
            } else if let Some(user) = fold::user_of(&event) {
                if let TenantEvent::MemberAdded(added) = &event {
                    subjects.push(added.name.subject());
                }
                events.push((record, fold::key_of(&envelope, user)?, envelope, event));
            }
        }
        let names = to.people.fetch(to.rows, &subjects).await?;
        let keys: Vec<Key> = events.iter().map(|(_, key, ..)| *key).collect();
        let mut rows = load(to.rows, &keys).await?;
        for (record, key, envelope, event) in events {
            changes.extend(Changed::in_tenant(
                record,
                &envelope,
                ChangeKind::MemberUpdated,
                key.1,
            ));
            let row = fold::evolve(rows.remove(&key), key, &envelope, event, &names)?;
            rows.insert(key, row);
        }
        upsert(to.rows, WRITE, &rows.into_values().collect::<Vec<_>>()).await?;
        roles.write(to.rows).await?;
        lists.write(to.rows).await?;
        Ok(changes)
    }
}

const WRITE: &str = "INSERT INTO members
    SELECT * FROM json_populate_recordset(NULL::members, $1::json)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET
        version = excluded.version, email = excluded.email, name = excluded.name,
        role = excluded.role, joined_at = excluded.joined_at, removed_at = excluded.removed_at,
        initial_password_until = excluded.initial_password_until";

async fn load(rows: &mut PgConnection, keys: &[Key]) -> Result<BTreeMap<Key, Row>, ApplyError> {
    let (tenants, users): (Vec<Uuid>, Vec<Uuid>) = keys.iter().copied().unzip();
    let found: Vec<Row> = sqlx::query_as(
        "SELECT DISTINCT members.* FROM members
         JOIN unnest($1::uuid[], $2::uuid[]) AS wanted (tenant_id, user_id)
             USING (tenant_id, user_id)",
    )
    .bind(tenants)
    .bind(users)
    .fetch_all(rows)
    .await?;
    Ok(found.into_iter().map(|row| (row.key(), row)).collect())
}

/// A member as the API shows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    pub user_id: Uuid,
    pub email: String,
    pub name: String,
    /// owner, admin, engineer, viewer
    pub role: String,
    /// What they are in this project, where that is something else.
    pub project_role: Option<String>,
    pub joined_at: DateTime<Utc>,
    /// Where the account was made with a password that the member has not replaced yet:
    /// until when they can.
    pub initial_password_until: Option<DateTime<Utc>>,
}

/// A member as the table holds them.
#[derive(sqlx::FromRow)]
struct Listed {
    user_id: Uuid,
    email: Json<Personal<String>>,
    name: String,
    role: String,
    project_role: Option<String>,
    joined_at: DateTime<Utc>,
    initial_password_until: Option<DateTime<Utc>>,
}

/// Opens the addresses of some members. The keys are the vault's, which the
/// reading role may not see.
async fn open(
    db: &Db,
    people: &SubjectKeys,
    listed: Vec<Listed>,
) -> Result<Vec<Member>, QueryError> {
    let subjects: Vec<_> = listed.iter().map(|member| member.email.subject()).collect();
    let mut vault = db.writer().acquire().await?;
    let keys = people.fetch(&mut vault, &subjects).await?;
    let opened = listed.into_iter().map(|member| {
        Ok(Member {
            email: keys.text(&member.email).map_err(damaged)?,
            user_id: member.user_id,
            name: member.name,
            role: member.role,
            project_role: member.project_role,
            joined_at: member.joined_at,
            initial_password_until: member.initial_password_until,
        })
    });
    opened.collect()
}

fn damaged(error: ApplyError) -> QueryError {
    QueryError::Failed(sqlx::Error::Decode(error.to_string().into()))
}

/// The last member of a page.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    joined_at: DateTime<Utc>,
    user_id: Uuid,
}

/// Longest in the tenant first; without those who left.
pub async fn list(
    db: &Db,
    people: &SubjectKeys,
    scope: &Scope,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<Member, Cursor>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let mut sql = QueryBuilder::new(
        "SELECT m.user_id, email, name, m.role, p.role AS project_role, joined_at,
            initial_password_until FROM members m
         LEFT JOIN member_project_roles p ON p.tenant_id = m.tenant_id
             AND p.user_id = m.user_id AND p.in_project = ",
    );
    sql.push_bind(scope.project().0)
        .push(" WHERE m.tenant_id = ")
        .push_bind(scope.tenant().0)
        .push(" AND removed_at IS NULL");
    if let Some(after) = after {
        sql.push(" AND (joined_at, m.user_id) > (")
            .push_bind(after.joined_at)
            .push(", ")
            .push_bind(after.user_id)
            .push(")");
    }
    sql.push(" ORDER BY joined_at, m.user_id LIMIT ")
        .push_bind(i64::from(limit) + 1);
    let found: Vec<Listed> = sql.build_query_as().fetch_all(&mut *tx).await?;
    let found = open(db, people, found).await?;
    Ok(Page::cut(found, limit, |last| Cursor {
        joined_at: last.joined_at,
        user_id: last.user_id,
    }))
}

/// The tenant's version that the list shows: asked for before the list is, so that it is
/// never later.
pub async fn version(db: &Db, scope: &Scope) -> Result<i64, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Option<i64> =
        sqlx::query_scalar("SELECT version FROM member_lists WHERE tenant_id = $1")
            .bind(scope.tenant().0)
            .fetch_optional(&mut *tx)
            .await?;
    Ok(found.unwrap_or_default())
}

/// One member; None where they do not belong to this tenant (any more).
pub async fn get(
    db: &Db,
    people: &SubjectKeys,
    scope: &Scope,
    user: UserId,
) -> Result<Option<Member>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Option<Listed> = sqlx::query_as(
        "SELECT m.user_id, email, name, m.role, p.role AS project_role, joined_at,
            initial_password_until FROM members m
         LEFT JOIN member_project_roles p ON (p.tenant_id, p.user_id, p.in_project)
             = (m.tenant_id, m.user_id, $2)
         WHERE m.tenant_id = $1 AND m.user_id = $3 AND removed_at IS NULL",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(user.0)
    .fetch_optional(&mut *tx)
    .await?;
    Ok(open(db, people, found.into_iter().collect()).await?.pop())
}

/// The person whose key seals what this tenant knows of `user`, a member or one who
/// has left.
pub async fn subject(
    db: &Db,
    scope: &Scope,
    user: UserId,
) -> Result<Option<SubjectId>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let email: Option<Json<Personal<String>>> =
        sqlx::query_scalar("SELECT email FROM members WHERE tenant_id = $1 AND user_id = $2")
            .bind(scope.tenant().0)
            .bind(user.0)
            .fetch_optional(&mut *tx)
            .await?;
    Ok(email.map(|email| email.subject()))
}

/// A tenant that somebody belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::FromRow)]
pub struct Membership {
    pub id: Uuid,
    pub name: String,
}

/// As many as a person is shown.
const MEMBERSHIPS: i64 = 100;

/// The tenants of the scope's own person. They lie on both sides of what keeps
/// tenants apart, so the writing role asks, and for that one person only.
pub async fn of_person(db: &Db, scope: &Scope) -> Result<Vec<Membership>, QueryError> {
    let Some(user) = scope.actor().user() else {
        return Ok(Vec::new());
    };
    let found = sqlx::query_as(
        "SELECT t.tenant_id AS id, t.name FROM read.members m
         JOIN read.tenants t USING (tenant_id)
         WHERE m.user_id = $1 AND m.removed_at IS NULL ORDER BY m.joined_at, t.tenant_id LIMIT $2",
    )
    .bind(user.0)
    .bind(MEMBERSHIPS)
    .fetch_all(db.writer())
    .await?;
    Ok(found)
}

/// A membership, found by the key that seals it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyed {
    pub tenant: TenantId,
    pub user: UserId,
    pub subject: SubjectId,
    pub version: i64,
    /// False for one who has left.
    pub belongs: bool,
    /// Whether the tenant would have no owner without them.
    pub last_owner: bool,
}

/// What the keys of some people seal, in every tenant. For who erases them, whom no tenant
/// asks; so the writing role does.
pub async fn of_subjects(db: &Db, subjects: &[SubjectId]) -> Result<Vec<Keyed>, QueryError> {
    type Found = (Uuid, Uuid, Uuid, i64, bool, bool);
    let found: Vec<Found> = sqlx::query_as(
        "SELECT m.tenant_id, m.user_id, (m.email->>'subject')::uuid, m.version,
            m.removed_at IS NULL,
            NOT EXISTS (SELECT FROM read.members other
                WHERE other.tenant_id = m.tenant_id AND other.user_id <> m.user_id
                  AND other.role = 'owner' AND other.removed_at IS NULL)
         FROM read.members m WHERE m.email->>'subject' = ANY ($1) ORDER BY 1, 2",
    )
    .bind(subjects.iter().map(ToString::to_string).collect::<Vec<_>>())
    .fetch_all(db.writer())
    .await?;
    let keyed = |(tenant, user, subject, version, belongs, last_owner): Found| Keyed {
        tenant: TenantId(tenant),
        user: UserId(user),
        subject: SubjectId(subject),
        version,
        belongs,
        last_owner,
    };
    Ok(found.into_iter().map(keyed).collect())
}
