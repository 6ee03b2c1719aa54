//! The tenants that were erased. Every fold asks before it takes records, so that
//! neither what comes late nor a replay brings anything of them back.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use eventlog::{Offset, Partition, Record};
use schemas::ids::TenantId;
use schemas::time::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::VaultError;
use crate::db::Db;

/// The header that says whose a record is.
const TENANT: &str = "ce_tenant";

/// Erased tenants among those of some records.
#[derive(Debug, Default)]
pub(crate) struct Erased(HashSet<Uuid>);

impl Erased {
    /// Asks for the tenants of `records`, and keeps an erasure waiting that is to be
    /// noted before the transaction has ended.
    pub(crate) async fn among(
        rows: &mut PgConnection,
        records: &[Record],
    ) -> Result<Self, sqlx::Error> {
        let tenants: HashSet<Uuid> = records.iter().filter_map(tenant_of).collect();
        if tenants.is_empty() {
            return Ok(Self::default());
        }
        let found: Vec<Uuid> = sqlx::query_scalar("SELECT vault.erased_among($1)")
            .bind(tenants.into_iter().collect::<Vec<_>>())
            .fetch_all(rows)
            .await?;
        Ok(Self(found.into_iter().collect()))
    }

    pub(crate) fn covers(&self, record: &Record) -> bool {
        !self.0.is_empty() && tenant_of(record).is_some_and(|tenant| self.0.contains(&tenant))
    }
}

fn tenant_of(record: &Record) -> Option<Uuid> {
    record.headers.text(TENANT)?.parse().ok()
}

/// When each tenant was erased.
pub async fn all(db: &Db) -> Result<Vec<(TenantId, Timestamp)>, VaultError> {
    let found: Vec<(Uuid, DateTime<Utc>)> =
        sqlx::query_as("SELECT tenant_id, erased_at FROM vault.erased_tenants ORDER BY 1")
            .fetch_all(db.writer())
            .await?;
    let erased = found.into_iter();
    Ok(erased.map(|(id, at)| (TenantId(id), at.into())).collect())
}

/// Folds that are under way are waited for; those that come see it.
pub(crate) async fn note(db: &Db, tenant: TenantId, at: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT vault.note_erased($1, $2)")
        .bind(tenant.0)
        .bind(at.datetime())
        .execute(db.writer())
        .await
        .map(drop)
}

/// How far each partition of `identity.events` was read for erasures.
pub async fn read_up_to(db: &Db) -> Result<Vec<(Partition, Offset)>, VaultError> {
    let read = sqlx::query_as("SELECT partition, next_offset FROM vault.erasures_read")
        .fetch_all(db.writer())
        .await?;
    Ok(read)
}

/// Notes that every erasure before `next` is done.
pub async fn note_read(db: &Db, partition: Partition, next: Offset) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT INTO vault.erasures_read AS held (partition, next_offset) VALUES ($1, $2)
         ON CONFLICT (partition) DO UPDATE SET
            next_offset = greatest(held.next_offset, excluded.next_offset)",
    )
    .bind(partition)
    .bind(next)
    .execute(db.writer())
    .await?;
    Ok(())
}
