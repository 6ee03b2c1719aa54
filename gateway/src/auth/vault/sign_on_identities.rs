//! `vault.sign_on_identities`: who somebody at a provider is here. The subject is kept
//! as an HMAC, for one tenant and issuer, so that the table names nobody.

use projections::Db;
use schemas::ids::{TenantId, UserId};
use schemas::time::Timestamp;
use uuid::Uuid;

use crate::error::Error;

/// Somebody at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub tenant: TenantId,
    pub issuer: String,
    pub subject: [u8; 32],
}

pub async fn find(db: &Db, identity: &Identity) -> Result<Option<UserId>, Error> {
    let user: Option<Uuid> = sqlx::query_scalar(
        "SELECT user_id FROM vault.sign_on_identities
         WHERE tenant_id = $1 AND issuer = $2 AND subject = $3",
    )
    .bind(identity.tenant.0)
    .bind(&identity.issuer)
    .bind(&identity.subject[..])
    .fetch_optional(db.writer())
    .await?;
    Ok(user.map(UserId))
}

/// Links an identity that has no account yet; returns whose it is now.
pub async fn link(
    db: &Db,
    identity: &Identity,
    user: UserId,
    now: Timestamp,
) -> Result<UserId, Error> {
    sqlx::query(
        "INSERT INTO vault.sign_on_identities (tenant_id, issuer, subject, user_id, linked_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(identity.tenant.0)
    .bind(&identity.issuer)
    .bind(&identity.subject[..])
    .bind(user.0)
    .bind(now.datetime())
    .execute(db.writer())
    .await?;
    find(db, identity)
        .await?
        .ok_or_else(|| Error::Internal("an identity was linked and is not there".to_owned()))
}

/// Whether `user` is somebody at this provider already.
pub async fn is_linked(db: &Db, at: &Identity, user: UserId) -> Result<bool, Error> {
    let found = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM vault.sign_on_identities
         WHERE tenant_id = $1 AND issuer = $2 AND user_id = $3)",
    )
    .bind(at.tenant.0)
    .bind(&at.issuer)
    .bind(user.0)
    .fetch_one(db.writer())
    .await?;
    Ok(found)
}

/// Whoever signs in next as one of them begins anew.
pub async fn forget(db: &Db, tenant: TenantId, user: UserId) -> Result<(), Error> {
    sqlx::query("DELETE FROM vault.sign_on_identities WHERE tenant_id = $1 AND user_id = $2")
        .bind(tenant.0)
        .bind(user.0)
        .execute(db.writer())
        .await?;
    Ok(())
}

/// The same in every tenant.
pub async fn forget_everywhere(db: &Db, user: UserId) -> Result<(), Error> {
    sqlx::query("DELETE FROM vault.sign_on_identities WHERE user_id = $1")
        .bind(user.0)
        .execute(db.writer())
        .await?;
    Ok(())
}
