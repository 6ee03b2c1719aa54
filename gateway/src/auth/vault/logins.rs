//! `vault.logins`: which account has which password. An address is found by an HMAC
//! of it, so that the table tells nobody who has an account.

use projections::Db;
use schemas::ids::{CommandId, ProjectId, TenantId, UserId};
use schemas::time::Timestamp;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::Error;

/// An account as it can log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: UserId,
    pub tenant: TenantId,
    pub password_hash: String,
    /// Where somebody else has set the password: until when it can be replaced.
    pub initial_until: Option<Timestamp>,
}

/// An account that waits for the outcome of the command that makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingLogin {
    pub user: UserId,
    pub tenant: TenantId,
    pub project: ProjectId,
    pub command: CommandId,
    pub created_at: Timestamp,
}

/// A new account.
#[derive(Debug, Clone)]
pub struct NewLogin {
    pub user: UserId,
    pub tenant: TenantId,
    /// The project that the command is sent under.
    pub project: ProjectId,
    pub email_hmac: [u8; 32],
    pub password_hash: String,
    pub initial_until: Option<Timestamp>,
    pub command: CommandId,
}

/// What reserving an address found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    Now,
    /// An earlier attempt with the same command id has done it, with this password.
    Before {
        password_hash: String,
    },
}

/// Reserves the address until the command's outcome.
pub async fn reserve(db: &Db, login: &NewLogin, now: Timestamp) -> Result<Reserved, Error> {
    let inserted = sqlx::query(
        "INSERT INTO vault.logins
            (user_id, tenant_id, email_hmac, password_hash, state, command_id, created_at, project_id,
             initial_until)
         VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8)
         ON CONFLICT DO NOTHING",
    )
    .bind(login.user.0)
    .bind(login.tenant.0)
    .bind(&login.email_hmac[..])
    .bind(&login.password_hash)
    .bind(login.command.0)
    .bind(now.datetime())
    .bind(login.project.0)
    .bind(login.initial_until.map(Timestamp::datetime))
    .execute(db.writer())
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(Reserved::Now);
    }
    let before: Option<String> = sqlx::query_scalar(
        "SELECT password_hash FROM vault.logins WHERE email_hmac = $1 AND command_id = $2",
    )
    .bind(&login.email_hmac[..])
    .bind(login.command.0)
    .fetch_optional(db.writer())
    .await?;
    before
        .map(|password_hash| Reserved::Before { password_hash })
        .ok_or(Error::EmailTaken)
}

/// The command was accepted: the account may log in.
pub async fn activate(db: &Db, command: CommandId) -> Result<(), Error> {
    sqlx::query("UPDATE vault.logins SET state = 'active' WHERE command_id = $1")
        .bind(command.0)
        .execute(db.writer())
        .await?;
    Ok(())
}

/// The command was refused or never sent: the address is free again.
pub async fn release(db: &Db, command: CommandId) -> Result<(), Error> {
    sqlx::query("DELETE FROM vault.logins WHERE command_id = $1 AND state = 'pending'")
        .bind(command.0)
        .execute(db.writer())
        .await?;
    Ok(())
}

/// The person has left the tenant: the account goes on in `other`, or is gone and its
/// address free.
pub async fn leave(
    db: &Db,
    tenant: TenantId,
    user: UserId,
    other: Option<TenantId>,
) -> Result<(), Error> {
    let sql = match other {
        Some(_) => {
            "UPDATE vault.logins SET tenant_id = $3 WHERE tenant_id = $1 AND user_id = $2
             AND $3::uuid IS NOT NULL"
        }
        None => {
            "DELETE FROM vault.logins WHERE tenant_id = $1 AND user_id = $2 AND $3::uuid IS NULL"
        }
    };
    sqlx::query(sql)
        .bind(tenant.0)
        .bind(user.0)
        .bind(other.map(|tenant| tenant.0))
        .execute(db.writer())
        .await?;
    Ok(())
}

/// The account is gone, wherever it was, and its address free.
pub async fn remove(db: &Db, user: UserId) -> Result<(), Error> {
    sqlx::query("DELETE FROM vault.logins WHERE user_id = $1")
        .bind(user.0)
        .execute(db.writer())
        .await?;
    Ok(())
}

/// Another password; whether the one before was still the one of `known`.
pub async fn set_password(db: &Db, user: UserId, known: &str, hash: &str) -> Result<bool, Error> {
    let set = sqlx::query(
        "UPDATE vault.logins SET password_hash = $3 WHERE user_id = $1 AND password_hash = $2",
    )
    .bind(user.0)
    .bind(known)
    .bind(hash)
    .execute(db.writer())
    .await?;
    Ok(set.rows_affected() == 1)
}

/// A password of one's own instead of one that somebody else has set; whether that was
/// still the one of `known`.
pub async fn replace_initial(
    db: &Db,
    user: UserId,
    known: &str,
    hash: &str,
) -> Result<bool, Error> {
    let replaced = sqlx::query(
        "UPDATE vault.logins SET password_hash = $3, initial_until = NULL
         WHERE user_id = $1 AND password_hash = $2 AND initial_until IS NOT NULL",
    )
    .bind(user.0)
    .bind(known)
    .bind(hash)
    .execute(db.writer())
    .await?;
    Ok(replaced.rows_affected() == 1)
}

/// The active account of an address.
pub async fn find(db: &Db, email_hmac: &[u8; 32]) -> Result<Option<Login>, Error> {
    let row = sqlx::query(
        "SELECT user_id, tenant_id, password_hash, initial_until FROM vault.logins
         WHERE email_hmac = $1 AND state = 'active'",
    )
    .bind(&email_hmac[..])
    .fetch_optional(db.writer())
    .await?;
    Ok(row.map(|row| login(&row)).transpose()?)
}

/// The active account of a person.
pub async fn of_user(db: &Db, user: UserId) -> Result<Option<Login>, Error> {
    let row = sqlx::query(
        "SELECT user_id, tenant_id, password_hash, initial_until FROM vault.logins
         WHERE user_id = $1 AND state = 'active'",
    )
    .bind(user.0)
    .fetch_optional(db.writer())
    .await?;
    Ok(row.map(|row| login(&row)).transpose()?)
}

fn login(row: &PgRow) -> Result<Login, sqlx::Error> {
    let initial_until: Option<chrono::DateTime<_>> = row.try_get("initial_until")?;
    Ok(Login {
        user: UserId(row.try_get("user_id")?),
        tenant: TenantId(row.try_get("tenant_id")?),
        password_hash: row.try_get("password_hash")?,
        initial_until: initial_until.map(Timestamp::from),
    })
}

/// Whether anybody has an account, or is about to.
pub async fn any(db: &Db) -> Result<bool, Error> {
    Ok(
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM vault.logins)")
            .fetch_one(db.writer())
            .await?,
    )
}

/// Accounts that have been pending since before `before`, oldest first.
pub async fn pending(db: &Db, before: Timestamp) -> Result<Vec<PendingLogin>, Error> {
    let rows = sqlx::query(
        "SELECT user_id, tenant_id, project_id, command_id, created_at FROM vault.logins
         WHERE state = 'pending' AND command_id IS NOT NULL AND project_id IS NOT NULL
           AND created_at < $1
         ORDER BY created_at LIMIT 100",
    )
    .bind(before.datetime())
    .fetch_all(db.writer())
    .await?;
    let login = |row: PgRow| {
        let created_at: chrono::DateTime<_> = row.try_get("created_at")?;
        Ok(PendingLogin {
            user: UserId(row.try_get("user_id")?),
            tenant: TenantId(row.try_get("tenant_id")?),
            project: ProjectId(row.try_get("project_id")?),
            command: CommandId(row.try_get("command_id")?),
            created_at: Timestamp::from(created_at),
        })
    };
    rows.into_iter().map(login).collect()
}
