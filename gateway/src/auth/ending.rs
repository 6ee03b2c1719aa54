//! How sessions come to their end.

use access::ended::End;
use schemas::ids::{TenantId, UserId};
use uuid::Uuid;

use super::vault::{refresh_tokens, sessions, sign_on_sessions};
use crate::Gateway;
use crate::error::Error;

/// Ends one session: its refresh tokens, its access tokens and its sockets.
pub async fn session(gateway: &Gateway, id: Uuid) -> Result<(), Error> {
    let now = gateway.clock.now();
    refresh_tokens::end_family(&gateway.db, id, now).await?;
    sessions::end(&gateway.db, id, now).await?;
    sign_on_sessions::end(&gateway.db, id).await?;
    gateway.end(End::session(id)).await
}

/// Ends every session of a person but `kept`.
pub async fn others(gateway: &Gateway, user: UserId, kept: Option<Uuid>) -> Result<usize, Error> {
    let all = sessions::of_user(&gateway.db, user, None).await?;
    let ended: Vec<_> = all.into_iter().filter(|id| Some(*id) != kept).collect();
    for id in &ended {
        session(gateway, *id).await?;
    }
    Ok(ended.len())
}

/// What a person has open in a tenant that they have left.
pub async fn membership(gateway: &Gateway, tenant: TenantId, user: UserId) -> Result<(), Error> {
    for id in sessions::of_user(&gateway.db, user, Some(tenant)).await? {
        session(gateway, id).await?;
    }
    gateway.end(End::member(tenant, user)).await
}
