//! The root that keys of other kinds (HMAC, signatures) are derived from. It stays the
//! same when the master key is exchanged, else no address would be found any more.

use schemas::context::random_bytes;
use zeroize::Zeroizing;

use super::{MasterKey, Place, VaultError};
use crate::db::Db;

const PLACE: Place<'static> = Place {
    tenant: None,
    table: "derivation",
    row: "1",
};

/// The root, made at first use. In a vault from before it was kept, it is the master key
/// that everything there was derived from.
pub async fn root(db: &Db, master: &MasterKey) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let kept = || {
        sqlx::query_scalar::<_, Vec<u8>>("SELECT wrapped FROM vault.derivation WHERE id = 1")
            .fetch_optional(db.writer())
    };
    if kept().await?.is_none() {
        make(db, master).await?;
    }
    let wrapped = kept().await?.ok_or_else(damaged)?;
    let root = master.unwrap(PLACE, &wrapped)?;
    let root = <[u8; 32]>::try_from(root.as_slice()).map_err(|_| damaged())?;
    Ok(Zeroizing::new(root))
}

/// Of several processes that do it at once, one is the first.
async fn make(db: &Db, master: &MasterKey) -> Result<(), VaultError> {
    let used: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM vault.logins)")
        .fetch_one(db.writer())
        .await?;
    let root = match used {
        true => master.writing().bytes,
        false => Zeroizing::new(random_bytes()),
    };
    sqlx::query("INSERT INTO vault.derivation (id, wrapped) VALUES (1, $1) ON CONFLICT DO NOTHING")
        .bind(master.wrap(PLACE, root.as_slice())?)
        .execute(db.writer())
        .await?;
    Ok(())
}

fn damaged() -> VaultError {
    VaultError::Damaged("derivation row 1".to_owned())
}
