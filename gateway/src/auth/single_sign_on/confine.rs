//! How far a provider's word reaches. An account can belong to several tenants; the
//! provider of one speaks for that one. So a session that it vouched for stays there,
//! and does nothing to the account itself.

use access::token::Subject;
use projections::single_sign_on;
use schemas::ids::TenantId;
use schemas::scope::MemberRole;
use uuid::Uuid;

use crate::Gateway;
use crate::auth::proof;
use crate::auth::vault::sign_on_sessions;
use crate::error::Error;
use crate::operations::Allowed;

/// The tenant that the caller's session is confined to; None for a whole account.
pub async fn tenant(gateway: &Gateway, allowed: &Allowed) -> Result<Option<TenantId>, Error> {
    match proof::session_of(allowed) {
        Ok(session) => sign_on_sessions::tenant_of(&gateway.db, session).await,
        Err(_) => Ok(None),
    }
}

/// Refuses what is about the whole account.
pub async fn whole_account(gateway: &Gateway, allowed: &Allowed) -> Result<(), Error> {
    match tenant(gateway, allowed).await? {
        Some(_) => Err(Error::AccountNeeded),
        None => Ok(()),
    }
}

/// Of some sessions of the caller's account, those that the caller may know of.
pub async fn known(
    gateway: &Gateway,
    allowed: &Allowed,
    sessions: Vec<Uuid>,
) -> Result<Vec<Uuid>, Error> {
    let Some(tenant) = tenant(gateway, allowed).await? else {
        return Ok(sessions);
    };
    let vouched = sign_on_sessions::of_tenant(&gateway.db, tenant).await?;
    Ok(sessions
        .into_iter()
        .filter(|id| vouched.contains(id))
        .collect())
}

/// Where a tenant wants its members to sign in by its provider, a password is not enough.
/// It is for owners, who must come in when the provider is away.
pub async fn admits(gateway: &Gateway, subject: &Subject) -> Result<(), Error> {
    if subject.tenant_role == MemberRole::Owner {
        return Ok(());
    }
    let found = single_sign_on::get(&gateway.db, &subject.scope()).await?;
    if found.is_none_or(|sign_on| sign_on.settings.password_login) {
        return Ok(());
    }
    match sign_on_sessions::tenant_of(&gateway.db, subject.session).await? {
        Some(tenant) if tenant == subject.tenant => Ok(()),
        _ => Err(Error::SignOnNeeded),
    }
}
