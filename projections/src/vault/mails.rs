//! `vault.mails`: letters that wait to be sent. An event asks for one by its id; who sends
//! it takes it for a while, so that of several only one does.

use schemas::ids::{InvitationId, MailId, TenantId};
use schemas::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{MasterKey, Place, VaultError};
use crate::db::Db;

const TABLE: &str = "mails";

/// What a mail of an invitation says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    pub to: String,
    pub tenant_name: String,
    pub invited_by: Option<String>,
    pub role: String,
    pub expires_at: Timestamp,
    pub link: String,
}

/// Whose letter it is.
#[derive(Debug, Clone, Copy)]
pub struct New {
    pub id: MailId,
    pub tenant: TenantId,
    pub invitation: InvitationId,
}

/// A letter that somebody has taken to send.
pub struct Taken {
    pub id: MailId,
    /// This one included.
    pub attempts: i32,
    /// None where it does not open.
    pub letter: Option<Letter>,
}

/// Keeps it for the command that will ask for it. A retry of the same changes nothing.
pub async fn keep(
    db: &Db,
    master: &MasterKey,
    new: &New,
    letter: &Letter,
    now: Timestamp,
) -> Result<(), VaultError> {
    let damaged = |e: serde_json::Error| VaultError::Damaged(e.to_string());
    let plain = Zeroizing::new(serde_json::to_vec(letter).map_err(damaged)?);
    let wrapped = master.wrap(place(new.tenant, &new.id.to_string()), &plain)?;
    sqlx::query(
        "INSERT INTO vault.mails (id, tenant_id, owner_id, wrapped, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (id) DO NOTHING",
    )
    .bind(new.id.0)
    .bind(new.tenant.0)
    .bind(new.invitation.0)
    .bind(wrapped)
    .bind(now.datetime())
    .execute(db.writer())
    .await?;
    Ok(())
}

/// Takes those of `asked` that are due, until `until`: then others may take them.
pub async fn take(
    db: &Db,
    master: &MasterKey,
    asked: &[MailId],
    (now, until): (Timestamp, Timestamp),
    most: i64,
) -> Result<Vec<Taken>, VaultError> {
    let ids: Vec<Uuid> = asked.iter().map(|id| id.0).collect();
    let rows: Vec<(Uuid, Uuid, i32, Vec<u8>)> = sqlx::query_as(
        "UPDATE vault.mails SET attempts = attempts + 1, due_at = $3 WHERE id IN (
             SELECT id FROM vault.mails WHERE id = ANY ($1) AND due_at <= $2
             ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED)
         RETURNING id, tenant_id, attempts, wrapped",
    )
    .bind(ids)
    .bind(now.datetime())
    .bind(until.datetime())
    .bind(most)
    .fetch_all(db.writer())
    .await?;
    let taken = rows.into_iter();
    let taken = taken.map(|(id, tenant, attempts, wrapped)| Taken {
        id: MailId(id),
        attempts,
        letter: opened(master, (TenantId(tenant), MailId(id)), &wrapped),
    });
    Ok(taken.collect())
}

fn opened(master: &MasterKey, (tenant, id): (TenantId, MailId), wrapped: &[u8]) -> Option<Letter> {
    match master.unwrap(place(tenant, &id.to_string()), wrapped) {
        Ok(plain) => serde_json::from_slice(&plain).ok(),
        Err(error) => {
            tracing::warn!(%error, mail = %id, "a letter cannot be read");
            None
        }
    }
}

/// Of `asked`, those that the vault has.
pub async fn kept(db: &Db, asked: &[MailId]) -> Result<Vec<MailId>, VaultError> {
    let ids: Vec<Uuid> = asked.iter().map(|id| id.0).collect();
    let found: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM vault.mails WHERE id = ANY ($1)")
        .bind(ids)
        .fetch_all(db.writer())
        .await?;
    Ok(found.into_iter().map(MailId).collect())
}

/// It was not sent and is due again at `at`.
pub async fn postpone(db: &Db, id: MailId, at: Timestamp) -> Result<(), VaultError> {
    sqlx::query("UPDATE vault.mails SET due_at = $2 WHERE id = $1")
        .bind(id.0)
        .bind(at.datetime())
        .execute(db.writer())
        .await?;
    Ok(())
}

/// The log says what became of it, or its command was refused.
pub async fn remove(db: &Db, id: MailId) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM vault.mails WHERE id = $1")
        .bind(id.0)
        .execute(db.writer())
        .await?;
    Ok(())
}

/// The invitation is over.
pub async fn withdraw(db: &Db, invitation: InvitationId) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM vault.mails WHERE owner_id = $1")
        .bind(invitation.0)
        .execute(db.writer())
        .await?;
    Ok(())
}

/// Nobody has asked for what is older, or will.
pub async fn sweep(db: &Db, before: Timestamp) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM vault.mails WHERE created_at < $1")
        .bind(before.datetime())
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
