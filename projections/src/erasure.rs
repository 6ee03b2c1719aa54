//! Erasing a whole tenant: what is known of it, and that all of it goes, whichever table
//! it is in. Nothing here names a table of a read model: what has a column `tenant_id`
//! is the tenant's.

use futures::TryStreamExt;
use schemas::envelope::Envelope;
use schemas::ids::{ProjectId, SubjectId, TenantId, UserId};
use schemas::personal::Personal;
use schemas::time::Timestamp;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::db::Db;
use crate::runtime::unpack;
use crate::telemetry::compaction::CompactError;
use crate::telemetry::deletions;
use crate::vault::erased_tenants;

/// Rows of the history that one statement deletes.
const HISTORY_ROWS: usize = 1_000;
/// `undefined_table`: a replay has ended, and its shadow with it.
const GONE: &str = "42P01";

/// What leads to the parts of a tenant that do not name it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Whose keys seal names and addresses, of members and of those who were invited.
    pub subjects: Vec<SubjectId>,
    /// Everybody who is a member, or was one.
    pub users: Vec<UserId>,
    pub projects: Vec<ProjectId>,
}

/// What the read models know of `tenant`, which must have come to its last event.
pub async fn known(db: &Db, tenant: TenantId) -> Result<Known, sqlx::Error> {
    let sealed: Vec<Json<Personal<String>>> = sqlx::query_scalar(
        "SELECT email FROM read.members WHERE tenant_id = $1
         UNION ALL SELECT email FROM read.invitations WHERE tenant_id = $1",
    )
    .bind(tenant.0)
    .fetch_all(db.writer())
    .await?;
    let ids = |sql: &'static str| {
        let query = sqlx::query_scalar::<_, Uuid>(sql).bind(tenant.0);
        query.fetch_all(db.writer())
    };
    let users = ids("SELECT user_id FROM read.members WHERE tenant_id = $1 ORDER BY 1").await?;
    let projects = ids("SELECT id FROM read.projects WHERE tenant_id = $1 ORDER BY 1").await?;
    let mut subjects: Vec<_> = sealed.iter().map(|value| value.subject()).collect();
    subjects.sort_unstable_by_key(|subject| subject.0);
    subjects.dedup();
    Ok(Known {
        subjects,
        users: users.into_iter().map(UserId).collect(),
        projects: projects.into_iter().map(ProjectId).collect(),
    })
}

/// Makes everything sealed for these people unreadable: their keys are gone.
pub async fn forget_subjects(db: &Db, subjects: &[SubjectId]) -> Result<(), sqlx::Error> {
    let ids: Vec<_> = subjects.iter().map(|subject| subject.0).collect();
    sqlx::query("DELETE FROM vault.subject_keys WHERE subject = ANY ($1)")
        .bind(ids)
        .execute(db.writer())
        .await
        .map(drop)
}

/// Keeps every fold from `tenant` from now on, and removes what there is of it. Doing it
/// again does what is left.
pub async fn forget(db: &Db, tenant: TenantId, at: Timestamp) -> Result<(), CompactError> {
    erased_tenants::note(db, tenant, at).await?;
    deletions::erase_tenant(db, tenant).await?;
    let mut rows = db.writer().acquire().await?;
    for table in tables(&mut rows).await? {
        delete(&mut rows, &table, tenant).await?;
    }
    forget_history(&mut rows, tenant).await
}

/// Every table whose rows name a tenant, those of replays under way included.
async fn tables(rows: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
             AND NOT a.attisdropped
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND (n.nspname IN ('read', 'history', 'telemetry', 'vault')
                OR starts_with(n.nspname, 'replay_'))
           AND (n.nspname, c.relname) <> ('vault', 'erased_tenants')
         ORDER BY 1",
    )
    .fetch_all(rows)
    .await
}

async fn delete(rows: &mut PgConnection, table: &str, tenant: TenantId) -> Result<(), sqlx::Error> {
    let sql = format!("DELETE FROM {table} WHERE tenant_id = $1");
    let deleted = sqlx::query(AssertSqlSafe(sql)).bind(tenant.0).execute(rows);
    match deleted.await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(GONE) => Ok(()),
        other => other.map(drop),
    }
}

/// The history is opaque to Postgres: whose an event is stands among its headers.
async fn forget_history(rows: &mut PgConnection, tenant: TenantId) -> Result<(), CompactError> {
    type Key = (String, String, i64);
    let mut own: Vec<Key> = Vec::new();
    {
        let mut found = sqlx::query_as::<_, (String, String, i64, Vec<u8>)>(
            "SELECT aggregate, key, sequence, headers FROM history.events
             WHERE position(convert_to($1, 'UTF8') IN headers) > 0",
        )
        .bind(tenant.to_string())
        .fetch(&mut *rows);
        while let Some((aggregate, key, sequence, headers)) = found.try_next().await? {
            if is_of(tenant, &headers) {
                own.push((aggregate, key, sequence));
            }
        }
    }
    for part in own.chunks(HISTORY_ROWS) {
        sqlx::query(
            "DELETE FROM history.events held
             USING unnest($1::text[], $2::text[], $3::bigint[]) AS gone (aggregate, key, sequence)
             WHERE (held.aggregate, held.key, held.sequence)
                 = (gone.aggregate, gone.key, gone.sequence)",
        )
        .bind(part.iter().map(|key| &*key.0).collect::<Vec<_>>())
        .bind(part.iter().map(|key| &*key.1).collect::<Vec<_>>())
        .bind(part.iter().map(|key| key.2).collect::<Vec<_>>())
        .execute(&mut *rows)
        .await?;
    }
    Ok(())
}

fn is_of(tenant: TenantId, headers: &[u8]) -> bool {
    let envelope = unpack(headers).and_then(|headers| Envelope::from_headers(&headers).ok());
    envelope.is_some_and(|envelope| envelope.tenant == Some(tenant))
}
