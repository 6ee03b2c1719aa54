//! One row that opens only with the right master key, checked at every start.

use sqlx::PgPool;

use super::{MasterKey, Place, VaultError};

const PLACE: Place<'static> = Place {
    tenant: None,
    table: "canary",
    row: "1",
};
const SONG: &[u8] = b"sre-copilot";

/// Whether the vault has never been used, so that a master key may be made.
pub async fn is_empty(db: &crate::db::Db) -> Result<bool, VaultError> {
    Ok(wrapped(db.writer()).await?.is_none() && !holds_secrets(db.writer()).await?)
}

pub(super) async fn check(pool: &PgPool, master: &MasterKey) -> Result<(), VaultError> {
    if wrapped(pool).await?.is_none() {
        plant(pool, master).await?;
    }
    let planted = wrapped(pool).await?.ok_or(VaultError::CanaryGone)?;
    match master.unwrap(PLACE, &planted) {
        Ok(song) if song.as_slice() == SONG => Ok(()),
        _ => Err(VaultError::WrongMasterKey),
    }
}

async fn wrapped(pool: &PgPool) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar("SELECT wrapped FROM vault.canary WHERE id = 1")
        .fetch_optional(pool)
        .await
}

/// One statement, so that of several processes that start on an empty vault one
/// plants and the others find what it planted, whatever it stores next.
async fn plant(pool: &PgPool, master: &MasterKey) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT INTO vault.canary (id, wrapped) SELECT 1, $1
         WHERE NOT EXISTS (SELECT FROM vault.subject_keys)
           AND NOT EXISTS (SELECT FROM vault.signing_keys)
           AND NOT EXISTS (SELECT FROM vault.logins)
         ON CONFLICT DO NOTHING",
    )
    .bind(master.wrap(PLACE, SONG)?)
    .execute(pool)
    .await?;
    Ok(())
}

async fn holds_secrets(pool: &PgPool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM vault.subject_keys)
             OR EXISTS (SELECT FROM vault.signing_keys)
             OR EXISTS (SELECT FROM vault.logins)",
    )
    .fetch_one(pool)
    .await
}
