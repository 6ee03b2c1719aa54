//! `vault.sign_on_attempts`: people on their way to a provider and back. What the
//! browser holds is the `state` and a cookie; the rest lies here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use projections::Db;
use projections::vault::{MasterKey, Place};
use schemas::context::random_bytes;
use schemas::ids::{TenantId, UserId};
use schemas::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::Row;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::error::Error;

/// How long somebody may take at the provider, in seconds.
pub const LIFETIME_S: i64 = 10 * 60;
const TABLE: &str = "sign_on_attempts";
/// Of one tenant. Of more the oldest are forgotten: whoever began them has had the most
/// time, and nobody can keep a tenant's people out by beginning many.
const MOST: i64 = 10_000;

/// What was agreed with the provider, and is not the browser's to know.
#[derive(Serialize, Deserialize)]
struct Agreed {
    nonce: String,
    verifier: String,
    /// With whom.
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    client_id: String,
}

/// Somebody on their way.
pub struct Attempt {
    pub nonce: String,
    /// The code verifier (RFC 7636).
    pub verifier: String,
    pub return_to: String,
    pub link: Option<UserId>,
    /// They must show the provider again who they are.
    pub fresh: bool,
    pub began_at: Timestamp,
    /// To whom they are, and as whose people.
    pub issuer: String,
    pub client_id: String,
}

/// What a `state` that came back is.
pub enum Found {
    Attempt(Attempt),
    Unknown,
    Replayed,
    Expired,
    OfAnotherBrowser,
}

/// Keeps an attempt and returns its state.
pub async fn begin(
    db: &Db,
    master: &MasterKey,
    tenant: TenantId,
    browser: &str,
    attempt: Attempt,
) -> Result<String, Error> {
    let now = attempt.began_at;
    let state = URL_SAFE_NO_PAD.encode(random_bytes::<32>());
    let hash = hash(&state);
    let agreed = Agreed {
        nonce: attempt.nonce,
        verifier: attempt.verifier,
        issuer: attempt.issuer,
        client_id: attempt.client_id,
    };
    let agreed = serde_json::to_vec(&agreed).map_err(|e| Error::Internal(e.to_string()))?;
    let wrapped = master
        .wrap(place(tenant, &hex::encode(hash)), &agreed)
        .map_err(|e| Error::Internal(e.to_string()))?;
    sqlx::query(
        "INSERT INTO vault.sign_on_attempts
            (state, tenant_id, browser, wrapped, return_to, link_user, created_at, expires_at, fresh)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&hash[..])
    .bind(tenant.0)
    .bind(&self::hash(browser)[..])
    .bind(wrapped)
    .bind(attempt.return_to)
    .bind(attempt.link.map(|user| user.0))
    .bind(now.datetime())
    .bind(now.plus_millis(LIFETIME_S * 1_000).datetime())
    .bind(attempt.fresh)
    .execute(db.writer())
    .await?;
    forget_oldest(db, tenant).await?;
    Ok(state)
}

/// Leaves a tenant its newest attempts. One that is being redeemed at this moment stays.
async fn forget_oldest(db: &Db, tenant: TenantId) -> Result<(), Error> {
    let gone = sqlx::query(
        "DELETE FROM vault.sign_on_attempts WHERE state IN (
            SELECT state FROM vault.sign_on_attempts
            WHERE tenant_id = $1 AND expires_at <= (
                SELECT expires_at FROM vault.sign_on_attempts WHERE tenant_id = $1
                ORDER BY expires_at DESC OFFSET $2 LIMIT 1)
            FOR UPDATE SKIP LOCKED)",
    )
    .bind(tenant.0)
    .bind(MOST)
    .execute(db.writer())
    .await?;
    if gone.rows_affected() > 0 {
        metrics::counter!("gateway_sign_ons_forgotten_total").increment(gone.rows_affected());
    }
    Ok(())
}

/// Uses a state up. One that another browser brings stays for its own.
pub async fn redeem(
    db: &Db,
    master: &MasterKey,
    tenant: TenantId,
    (state, browser): (&str, Option<&str>),
    now: Timestamp,
) -> Result<Found, Error> {
    let hash = hash(state);
    let mut transaction = db.writer().begin().await?;
    let row = sqlx::query(
        "SELECT browser, wrapped, return_to, link_user, fresh, created_at, expires_at, used_at
         FROM vault.sign_on_attempts WHERE state = $1 AND tenant_id = $2 FOR UPDATE",
    )
    .bind(&hash[..])
    .bind(tenant.0)
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(row) = row else {
        return Ok(Found::Unknown);
    };
    let own: Vec<u8> = row.try_get("browser")?;
    let brought = self::hash(browser.unwrap_or_default());
    if browser.is_none() || !bool::from(own.ct_eq(&brought[..])) {
        return Ok(Found::OfAnotherBrowser);
    }
    if row
        .try_get::<Option<DateTime<Utc>>, _>("used_at")?
        .is_some()
    {
        return Ok(Found::Replayed);
    }
    if row.try_get::<DateTime<Utc>, _>("expires_at")? <= now.datetime() {
        return Ok(Found::Expired);
    }
    sqlx::query("UPDATE vault.sign_on_attempts SET used_at = $2, wrapped = '' WHERE state = $1")
        .bind(&hash[..])
        .bind(now.datetime())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    let wrapped: Vec<u8> = row.try_get("wrapped")?;
    let plain = master
        .unwrap(place(tenant, &hex::encode(hash)), &wrapped)
        .map_err(|e| Error::Internal(e.to_string()))?;
    let agreed: Agreed =
        serde_json::from_slice(&plain).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(Found::Attempt(Attempt {
        nonce: agreed.nonce,
        verifier: agreed.verifier,
        return_to: row.try_get("return_to")?,
        link: row.try_get::<Option<Uuid>, _>("link_user")?.map(UserId),
        fresh: row.try_get("fresh")?,
        began_at: row.try_get::<DateTime<Utc>, _>("created_at")?.into(),
        issuer: agreed.issuer,
        client_id: agreed.client_id,
    }))
}

/// Removes what has expired.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64, Error> {
    let gone = sqlx::query("DELETE FROM vault.sign_on_attempts WHERE expires_at < $1")
        .bind(now.datetime())
        .execute(db.writer())
        .await?;
    Ok(gone.rows_affected())
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn place(tenant: TenantId, row: &str) -> Place<'_> {
    Place {
        tenant: Some(tenant),
        table: TABLE,
        row,
    }
}
