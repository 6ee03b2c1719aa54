//! `vault.totp`: the second factor of an account, its secret wrapped.

use projections::Db;
use projections::vault::{MasterKey, Place};
use schemas::ids::UserId;
use schemas::time::Timestamp;
use sqlx::Row;
use zeroize::Zeroizing;

use crate::auth::totp::{SECRET_BYTES, Secret};
use crate::error::Error;

/// A second factor.
pub struct Factor {
    pub(in crate::auth) secret: Secret,
    /// It counts once it is confirmed.
    pub(in crate::auth) confirmed: bool,
    /// The latest step that a code was taken of.
    pub(in crate::auth) last_step: i64,
}

pub(in crate::auth) async fn get(
    db: &Db,
    master: &MasterKey,
    user: UserId,
) -> Result<Option<Factor>, Error> {
    let row = sqlx::query(
        "SELECT wrapped, confirmed_at IS NOT NULL AS confirmed, last_step
         FROM vault.totp WHERE user_id = $1",
    )
    .bind(user.0)
    .fetch_optional(db.writer())
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let wrapped: Vec<u8> = row.try_get("wrapped")?;
    let id = user.to_string();
    let plain = master
        .unwrap(place(&id), &wrapped)
        .map_err(|e| Error::Internal(e.to_string()))?;
    let secret: [u8; SECRET_BYTES] = plain[..]
        .try_into()
        .map_err(|_| Error::Internal(format!("totp row {id} is damaged")))?;
    Ok(Some(Factor {
        secret: Zeroizing::new(secret),
        confirmed: row.try_get("confirmed")?,
        last_step: row.try_get("last_step")?,
    }))
}

/// Keeps a secret that is not confirmed yet, in the place of an older such one.
/// False where there is a confirmed one.
pub(in crate::auth) async fn propose(
    db: &Db,
    master: &MasterKey,
    user: UserId,
    secret: &Secret,
    now: Timestamp,
) -> Result<bool, Error> {
    let wrapped = master
        .wrap(place(&user.to_string()), &secret[..])
        .map_err(|e| Error::Internal(e.to_string()))?;
    let kept = sqlx::query(
        "INSERT INTO vault.totp AS held (user_id, wrapped, created_at, last_step)
         VALUES ($1, $2, $3, 0)
         ON CONFLICT (user_id) DO UPDATE SET
            wrapped = excluded.wrapped, created_at = excluded.created_at, last_step = 0
         WHERE held.confirmed_at IS NULL",
    )
    .bind(user.0)
    .bind(wrapped)
    .bind(now.datetime())
    .execute(db.writer())
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Notes that the code of `step` was used; false where another was faster.
pub(in crate::auth) async fn used(
    db: &Db,
    user: UserId,
    step: i64,
    now: Timestamp,
) -> Result<bool, Error> {
    let noted = sqlx::query(
        "UPDATE vault.totp SET last_step = $2, confirmed_at = coalesce(confirmed_at, $3)
         WHERE user_id = $1 AND last_step < $2",
    )
    .bind(user.0)
    .bind(step)
    .bind(now.datetime())
    .execute(db.writer())
    .await?;
    Ok(noted.rows_affected() == 1)
}

pub(crate) async fn remove(db: &Db, user: UserId) -> Result<(), Error> {
    sqlx::query("DELETE FROM vault.totp WHERE user_id = $1")
        .bind(user.0)
        .execute(db.writer())
        .await?;
    Ok(())
}

/// People belong to the platform, not to one tenant.
fn place(row: &str) -> Place<'_> {
    Place {
        tenant: None,
        table: "totp",
        row,
    }
}
