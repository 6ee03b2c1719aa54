//! `vault.signing_keys`: the Ed25519 keys of access tokens, wrapped.

use access::token::SigningKey;
use chrono::{DateTime, Utc};
use projections::Db;
use projections::vault::{MasterKey, Place};
use schemas::time::Timestamp;

use crate::error::Error;

const TABLE: &str = "signing_keys";
/// Two gateways that start at once must not both make the first key.
const LOCK: i64 = 0x7372_6563_6b65_7973;

/// A key and since when there is one.
pub struct Stored {
    pub key: SigningKey,
    pub created_at: Timestamp,
}

/// The keys whose overlap has not ended.
pub async fn known(db: &Db, master: &MasterKey, now: Timestamp) -> Result<Vec<Stored>, Error> {
    let rows: Vec<(String, Vec<u8>, DateTime<Utc>)> = sqlx::query_as(
        "SELECT kid, wrapped, created_at FROM vault.signing_keys
         WHERE not_after > $1 ORDER BY created_at, kid",
    )
    .bind(now.datetime())
    .fetch_all(db.writer())
    .await?;
    rows.into_iter()
        .map(|(kid, wrapped, created_at)| {
            Ok(Stored {
                key: unwrapped(master, &kid, &wrapped)?,
                created_at: created_at.into(),
            })
        })
        .collect()
}

/// Adds a key unless another gateway added one a moment ago.
pub async fn add(
    db: &Db,
    master: &MasterKey,
    key: &SigningKey,
    now: Timestamp,
    not_after: Timestamp,
) -> Result<(), Error> {
    let kid = key.public().kid();
    let wrapped = master
        .wrap(place(kid), key.seed())
        .map_err(|e| Error::Internal(e.to_string()))?;
    let mut transaction = db.writer().begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "INSERT INTO vault.signing_keys (kid, wrapped, public, created_at, not_after)
         SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS
            (SELECT FROM vault.signing_keys WHERE created_at > $4 - interval '1 hour')",
    )
    .bind(kid)
    .bind(wrapped)
    .bind(serde_json::to_vec(&key.public().jwk()).unwrap_or_default())
    .bind(now.datetime())
    .bind(not_after.datetime())
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

fn unwrapped(master: &MasterKey, kid: &str, wrapped: &[u8]) -> Result<SigningKey, Error> {
    let damaged = |why: String| Error::Internal(format!("signing key {kid}: {why}"));
    let seed = master
        .unwrap(place(kid), wrapped)
        .map_err(|e| damaged(e.to_string()))?;
    let seed = <[u8; 32]>::try_from(seed.as_slice()).map_err(|e| damaged(e.to_string()))?;
    SigningKey::from_seed(seed).map_err(|e| damaged(e.to_string()))
}

fn place(kid: &str) -> Place<'_> {
    Place {
        tenant: None,
        table: TABLE,
        row: kid,
    }
}
