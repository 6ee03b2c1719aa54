//! Signing in by a tenant's own provider: OpenID Connect Core 1.0, the authorization
//! code flow with PKCE (RFC 7636), as RFC 9700 would have it.
//!
//! `start` sends the browser away and `callback` takes it back; `verify` decides
//! whether to believe what came, `admit` who that is here, and `recheck` asks the
//! provider again whenever the session goes on; `logout` ends it when the provider says
//! so by itself. What a provider vouches for reaches
//! its own tenant and nothing else of the account ([`confine`]).

mod admit;
mod ask;
pub mod callback;
pub mod confine;
mod line;
pub mod logout;
mod logout_token;
pub mod lookup;
mod person;
mod provider;
pub(super) mod recheck;
mod refusals;
mod refused;
mod roles;
pub mod start;
mod strength;
mod verify;

use projections::single_sign_on;
use schemas::ids::{TenantId, UserId};
use schemas::single_sign_on::SignOnSettings;
use uuid::Uuid;

use super::session::nobody_yet;
use crate::Gateway;
use crate::error::Error;

pub use provider::{Found, Providers};
pub use refused::Refused;
pub use roles::makes_owners;
pub use strength::demands_more;

/// What the platform calls itself where it acts on a provider's word.
const ACTOR: &str = "single_sign_on";

/// Where the provider sends people back to. Each tenant has its own, so that the answer
/// of one provider is never taken for another's (RFC 9700 section 4.4.2).
pub fn redirect_uri(gateway: &Gateway, tenant: TenantId) -> String {
    let origin = gateway.config.public_url.origin();
    format!("{origin}/api/v1/auth/oidc/{tenant}/callback")
}

/// Where people of a tenant begin; a link that its owner hands out.
pub fn start_uri(gateway: &Gateway, tenant: TenantId) -> String {
    let origin = gateway.config.public_url.origin();
    format!("{origin}/api/v1/auth/oidc/{tenant}/start")
}

/// Where the provider says who has signed out there.
pub fn logout_uri(gateway: &Gateway, tenant: TenantId) -> String {
    let origin = gateway.config.public_url.origin();
    format!("{origin}/api/v1/auth/oidc/{tenant}/logout")
}

/// None where the tenant has none, or there is no such tenant.
async fn settings(gateway: &Gateway, tenant: TenantId) -> Result<Option<SignOnSettings>, Error> {
    let scope = nobody_yet(tenant, UserId(Uuid::nil())).scope();
    let found = single_sign_on::get(&gateway.db, &scope).await?;
    Ok(found.map(|sign_on| sign_on.settings))
}
