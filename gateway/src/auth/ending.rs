//! How sessions come to their end.

use access::ended::End;
use schemas::ids::{TenantId, UserId};
use uuid::Uuid;

use super::vault::{refresh_tokens, sessions, sign_on_sessions};
use crate::Gateway;
use crate::error::Error;

/// Sessions that are ended together.
const AT_ONCE: usize = 1_000;

/// Ends one session: its refresh tokens, its access tokens and its sockets.
pub async fn session(gateway: &Gateway, id: Uuid) -> Result<(), Error> {
    all(gateway, &[id]).await
}

/// Ends many: a tenant may have as many as it has members. They are no longer listed as
/// going on once all else of them has ended, so that whoever tries again finds the rest.
pub async fn all(gateway: &Gateway, ids: &[Uuid]) -> Result<(), Error> {
    for some in ids.chunks(AT_ONCE) {
        let now = gateway.clock.now();
        refresh_tokens::end_families(&gateway.db, some, now).await?;
        let ends: Vec<End> = some.iter().copied().map(End::session).collect();
        gateway.end_all(&ends).await?;
        sign_on_sessions::end(&gateway.db, some).await?;
        sessions::end(&gateway.db, some, now).await?;
    }
    Ok(())
}

/// Ends every session of a person but `kept`.
pub async fn others(gateway: &Gateway, user: UserId, kept: Option<Uuid>) -> Result<usize, Error> {
    let open = sessions::of_user(&gateway.db, user, None).await?;
    let ended: Vec<_> = open.into_iter().filter(|id| Some(*id) != kept).collect();
    all(gateway, &ended).await?;
    Ok(ended.len())
}

/// What a person has open in a tenant that they have left.
pub async fn membership(gateway: &Gateway, tenant: TenantId, user: UserId) -> Result<(), Error> {
    let open = sessions::of_user(&gateway.db, user, Some(tenant)).await?;
    all(gateway, &open).await?;
    gateway.end(End::member(tenant, user)).await
}
