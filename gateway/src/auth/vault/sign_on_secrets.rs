//! `vault.sign_on_secrets`: what clients prove to their providers who they are with.

use projections::Db;
use projections::vault::{MasterKey, Place};
use schemas::ids::{SignOnSecretId, TenantId};
use schemas::time::Timestamp;
use zeroize::Zeroizing;

use crate::error::Error;

const TABLE: &str = "sign_on_secrets";

pub async fn add(
    db: &Db,
    master: &MasterKey,
    tenant: TenantId,
    id: SignOnSecretId,
    secret: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let wrapped = master
        .wrap(place(tenant, &id.to_string()), secret.as_bytes())
        .map_err(|e| Error::Internal(e.to_string()))?;
    sqlx::query(
        "INSERT INTO vault.sign_on_secrets (id, tenant_id, wrapped, created_at)
         VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
    )
    .bind(id.0)
    .bind(tenant.0)
    .bind(wrapped)
    .bind(now.datetime())
    .execute(db.writer())
    .await?;
    Ok(())
}

pub async fn get(
    db: &Db,
    master: &MasterKey,
    tenant: TenantId,
    id: SignOnSecretId,
) -> Result<Zeroizing<String>, Error> {
    let wrapped: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT wrapped FROM vault.sign_on_secrets WHERE id = $1 AND tenant_id = $2",
    )
    .bind(id.0)
    .bind(tenant.0)
    .fetch_optional(db.writer())
    .await?;
    let gone = || Error::Internal(format!("sign_on_secrets has no row {id}"));
    let plain = master
        .unwrap(place(tenant, &id.to_string()), &wrapped.ok_or_else(gone)?)
        .map_err(|e| Error::Internal(e.to_string()))?;
    String::from_utf8(plain.to_vec())
        .map(Zeroizing::new)
        .map_err(|e| Error::Internal(e.to_string()))
}

/// The secret is another's now, or was never used.
pub async fn remove(db: &Db, tenant: TenantId, id: SignOnSecretId) -> Result<(), Error> {
    sqlx::query("DELETE FROM vault.sign_on_secrets WHERE id = $1 AND tenant_id = $2")
        .bind(id.0)
        .bind(tenant.0)
        .execute(db.writer())
        .await?;
    Ok(())
}

fn place(tenant: TenantId, row: &str) -> Place<'_> {
    Place {
        tenant: Some(tenant),
        table: TABLE,
        row,
    }
}
