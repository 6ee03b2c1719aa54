//! `vault.credentials`: what the platform shows to other people's servers. An event
//! refers to one by its id; it belongs to the thing that the event is about.

use chrono::{DateTime, Utc};
use schemas::ids::{CommandId, CredentialId, ProjectId, TenantId};
use schemas::time::Timestamp;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{MasterKey, Place, VaultError};
use crate::db::Db;

/// A credential that waits for the outcome of the command that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    pub id: CredentialId,
    pub tenant: TenantId,
    pub project: ProjectId,
    pub command: CommandId,
    pub created_at: Timestamp,
}

/// Whose credential it is, and which command will name it.
#[derive(Debug, Clone, Copy)]
pub struct New {
    pub id: CredentialId,
    pub tenant: TenantId,
    pub project: ProjectId,
    /// The thing that it is shown for.
    pub owner: Uuid,
    pub command: CommandId,
}

/// Keeps it until the command's outcome. A retry of the same command changes nothing.
pub async fn propose(
    db: &Db,
    master: &MasterKey,
    new: &New,
    secret: &[u8],
    now: Timestamp,
) -> Result<(), VaultError> {
    let wrapped = master.wrap(place(new.tenant, &new.id.to_string()), secret)?;
    sqlx::query(
        "INSERT INTO vault.credentials
            (id, tenant_id, project_id, owner_id, wrapped, state, command_id, created_at)
         VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(new.id.0)
    .bind(new.tenant.0)
    .bind(new.project.0)
    .bind(new.owner)
    .bind(wrapped)
    .bind(new.command.0)
    .bind(now.datetime())
    .execute(db.writer())
    .await?;
    Ok(())
}

/// The command was accepted.
pub async fn activate(db: &Db, command: CommandId) -> Result<(), VaultError> {
    sqlx::query("UPDATE vault.credentials SET state = 'active' WHERE command_id = $1")
        .bind(command.0)
        .execute(db.writer())
        .await?;
    Ok(())
}

/// The command was refused or never sent.
pub async fn release(db: &Db, command: CommandId) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM vault.credentials WHERE command_id = $1 AND state = 'pending'")
        .bind(command.0)
        .execute(db.writer())
        .await?;
    Ok(())
}

/// An event has named `id`: what its owner showed before is good for nothing any more.
/// Where it is gone itself, a later event has named another one.
pub async fn supersede(db: &Db, owner: Uuid, id: CredentialId) -> Result<(), VaultError> {
    sqlx::query(
        "DELETE FROM vault.credentials AS old USING vault.credentials AS new
         WHERE new.id = $2 AND old.owner_id = $1 AND old.id <> $2
           AND old.created_at < new.created_at AND old.state = 'active'",
    )
    .bind(owner)
    .bind(id.0)
    .execute(db.writer())
    .await?;
    Ok(())
}

/// An event at `at` says that the owner shows none any more, or is gone.
pub async fn forget(db: &Db, owner: Uuid, at: Timestamp) -> Result<(), VaultError> {
    sqlx::query(
        "DELETE FROM vault.credentials
         WHERE owner_id = $1 AND created_at <= $2 AND state = 'active'",
    )
    .bind(owner)
    .bind(at.datetime())
    .execute(db.writer())
    .await?;
    Ok(())
}

/// The secret; None where it is gone.
pub async fn get(
    db: &Db,
    master: &MasterKey,
    tenant: TenantId,
    id: CredentialId,
) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
    let wrapped: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT wrapped FROM vault.credentials WHERE tenant_id = $1 AND id = $2",
    )
    .bind(tenant.0)
    .bind(id.0)
    .fetch_optional(db.writer())
    .await?;
    let row = id.to_string();
    wrapped
        .map(|wrapped| master.unwrap(place(tenant, &row), &wrapped))
        .transpose()
}

/// Those that have been pending since before `before`, oldest first.
pub async fn pending(db: &Db, before: Timestamp) -> Result<Vec<Pending>, VaultError> {
    let rows: Vec<(Uuid, Uuid, Uuid, Uuid, DateTime<Utc>)> = sqlx::query_as(
        "SELECT id, tenant_id, project_id, command_id, created_at FROM vault.credentials
         WHERE state = 'pending' AND created_at < $1 ORDER BY created_at LIMIT 100",
    )
    .bind(before.datetime())
    .fetch_all(db.writer())
    .await?;
    let pending = rows
        .into_iter()
        .map(|(id, tenant, project, command, created_at)| Pending {
            id: CredentialId(id),
            tenant: TenantId(tenant),
            project: ProjectId(project),
            command: CommandId(command),
            created_at: created_at.into(),
        });
    Ok(pending.collect())
}

fn place(tenant: TenantId, row: &str) -> Place<'_> {
    Place {
        tenant: Some(tenant),
        table: "credentials",
        row,
    }
}
