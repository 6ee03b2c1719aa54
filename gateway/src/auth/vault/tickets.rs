//! `vault.ws_tickets`: what a page shows instead of its cookie when it opens a
//! WebSocket on another port. Used once, within half a minute.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use projections::Db;
use projections::vault::{MasterKey, Place};
use schemas::context::random_bytes;
use schemas::time::Timestamp;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::Error;

/// How long a ticket can be used, in seconds.
pub const LIFETIME_S: i64 = 30;

/// Stores the access token that the ticket stands for.
pub async fn issue(
    db: &Db,
    master: &MasterKey,
    access_token: &str,
    now: Timestamp,
) -> Result<String, Error> {
    let ticket = URL_SAFE_NO_PAD.encode(random_bytes::<32>());
    let hash = Sha256::digest(ticket.as_bytes());
    let wrapped = master
        .wrap(place(&hex::encode(hash)), access_token.as_bytes())
        .map_err(|e| Error::Internal(e.to_string()))?;
    sqlx::query("INSERT INTO vault.ws_tickets (hash, wrapped, expires_at) VALUES ($1, $2, $3)")
        .bind(&hash[..])
        .bind(wrapped)
        .bind(now.plus_millis(LIFETIME_S * 1000).datetime())
        .execute(db.writer())
        .await?;
    Ok(ticket)
}

/// Takes a ticket, which is good for nothing afterwards, and returns its token.
pub async fn redeem(
    db: &Db,
    master: &MasterKey,
    ticket: &str,
    now: Timestamp,
) -> Result<Option<Zeroizing<String>>, Error> {
    let hash = Sha256::digest(ticket.as_bytes());
    let wrapped: Option<Vec<u8>> = sqlx::query_scalar(
        "DELETE FROM vault.ws_tickets WHERE hash = $1 AND expires_at > $2 RETURNING wrapped",
    )
    .bind(&hash[..])
    .bind(now.datetime())
    .fetch_optional(db.writer())
    .await?;
    let Some(wrapped) = wrapped else {
        return Ok(None);
    };
    let token = master
        .unwrap(place(&hex::encode(hash)), &wrapped)
        .map_err(|e| Error::Internal(e.to_string()))?;
    let token = String::from_utf8(token.to_vec()).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(Some(Zeroizing::new(token)))
}

/// Removes what was never used.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64, Error> {
    let gone = sqlx::query("DELETE FROM vault.ws_tickets WHERE expires_at < $1")
        .bind(now.datetime())
        .execute(db.writer())
        .await?;
    Ok(gone.rows_affected())
}

fn place(row: &str) -> Place<'_> {
    Place {
        tenant: None,
        table: "ws_tickets",
        row,
    }
}
