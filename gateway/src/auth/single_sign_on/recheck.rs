//! A session goes on only while its provider vouches for it: each time that it does,
//! which is at least once in an access token's life, the provider is asked with its own
//! refresh token. Somebody whom it has removed, disabled or signed out is out within a
//! quarter of an hour. A provider that gave no refresh token is asked by signing in
//! again.

use std::sync::Arc;
use std::time::Duration;

use openidconnect::{Nonce, OAuth2TokenResponse, TokenResponse};
use schemas::ids::TenantId;
use tokio::sync::Mutex as Turn;
use tokio::time::sleep;
use uuid::Uuid;

use super::provider::{Granted, KEPT_MS, LOOK_AGAIN_MS, Provider};
use super::verify::UNKNOWN_KEY;
use super::{ACTOR, Refused, admit, settings};
use crate::Gateway;
use crate::auth::audit::Happened;
use crate::auth::ending;
use crate::auth::session::nobody_yet;
use crate::auth::vault::refresh_tokens::Holder;
use crate::auth::vault::sign_on_sessions::{self, Vouched};
use crate::error::Error;
use crate::request::RequestId;
use schemas::single_sign_on::SignOnSettings;

/// Between two looks whether another gateway was faster, and how many there are.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: usize = 30;

/// Asks the provider of a session about it, and returns the tenant that it is confined
/// to; None for a session that no provider vouched for.
pub(in crate::auth) async fn recheck(
    gateway: &Gateway,
    holder: &Holder,
    request: &RequestId,
) -> Result<Option<TenantId>, Error> {
    let family = holder.family;
    let Some(tenant) = sign_on_sessions::tenant_of(&gateway.db, family).await? else {
        return Ok(None);
    };
    // Tabs that refresh at the same moment ask one after the other, each with the token
    // that the one before was given.
    let turn = turn(gateway, family);
    let asked = {
        let _turn = turn.lock().await;
        ask(gateway, family, request).await
    };
    drop(turn);
    leave(gateway, family);
    match asked {
        Ok(()) => Ok(Some(tenant)),
        Err(Refused::Inside(error)) => Err(error),
        // Nobody goes on unasked, but the session is not over for that.
        Err(refused @ Refused::Unreachable(_)) => {
            tracing::warn!(%tenant, rule = refused.rule(), %refused, "a session cannot be rechecked");
            let why = "the organisation's sign-in provider cannot be asked now";
            Err(Error::Unavailable(why.to_owned()))
        }
        Err(refused) => {
            over(gateway, holder, tenant, &refused, request).await?;
            Err(Error::SessionOver(
                "its provider does not vouch for it any more",
            ))
        }
    }
}

async fn ask(gateway: &Gateway, family: Uuid, request: &RequestId) -> Result<(), Refused> {
    let (db, master) = (&gateway.db, &gateway.master);
    let session = sign_on_sessions::get(db, master, family).await?;
    let session = session.ok_or(Refused::NotSetUp)?;
    let settings = settings(gateway, session.tenant)
        .await?
        .ok_or(Refused::NotSetUp)?;
    if settings.issuer != session.issuer || settings.client_id != session.client_id {
        return Err(Refused::NotSetUp);
    }
    let token = session.refresh_token.as_ref();
    let token = token.ok_or_else(|| Refused::GrantRefused("no_refresh_token".to_owned()))?;
    let provider = Provider::of(gateway, session.tenant, &settings, KEPT_MS).await?;
    let granted = match provider.refresh(token).await {
        Ok(granted) => granted,
        Err(refused @ Refused::GrantRefused(_)) => {
            return match asked_elsewhere(gateway, &session).await? {
                true => Ok(()),
                false => Err(refused),
            };
        }
        Err(other) => return Err(other),
    };
    let next = granted.refresh_token().map(|token| token.secret().as_str());
    let next = next.unwrap_or(token.as_str());
    sign_on_sessions::checked(db, master, &session, Some(next), gateway.clock.now()).await?;
    still_the_same(gateway, &settings, &session, (&provider, &granted), request).await
}

/// Whether another gateway has used the token a moment ago, as where a balancer sends tabs
/// apart. The provider knows of it before the vault does.
async fn asked_elsewhere(gateway: &Gateway, session: &Vouched) -> Result<bool, Error> {
    for _ in 0..LOOKS {
        let now = sign_on_sessions::get(&gateway.db, &gateway.master, session.id).await?;
        if now.is_some_and(|now| now.checked_at != session.checked_at) {
            return Ok(true);
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(false)
}

/// Where the provider says again who it is, that is believed as at a login.
async fn still_the_same(
    gateway: &Gateway,
    settings: &SignOnSettings,
    session: &Vouched,
    (provider, granted): (&Provider<'_>, &Granted),
    request: &RequestId,
) -> Result<(), Refused> {
    if granted.id_token().is_none() {
        return Ok(());
    }
    let now = gateway.clock.now().datetime();
    let any = |_: Option<&Nonce>| Ok(());
    let mut person = match provider.believe(granted, any, now) {
        Err(Refused::IdToken(UNKNOWN_KEY, _)) => {
            let (tenant, age) = (session.tenant, LOOK_AGAIN_MS);
            let provider = Provider::of(gateway, tenant, settings, age).await?;
            provider.believe(granted, any, now)?
        }
        other => other?,
    };
    provider.complete(&mut person, granted).await?;
    let found = admit::identity(gateway, session.tenant, &session.issuer, &person.subject)?;
    if found.subject != session.subject {
        return Err(Refused::SubjectChanged);
    }
    person.strength.still_suffices(settings)?;
    let who = (session.tenant, session.user);
    admit::follow_groups(gateway, settings, &person, who, request).await
}

async fn over(
    gateway: &Gateway,
    holder: &Holder,
    tenant: TenantId,
    refused: &Refused,
    request: &RequestId,
) -> Result<(), Error> {
    let rule = refused.rule();
    tracing::info!(%tenant, rule, %refused, "a session is over by its provider's word");
    ending::session(gateway, holder.family).await?;
    let happened = Happened {
        operation: "RefreshSession",
        target_type: "session",
        target_id: &holder.family.to_string(),
        refused: Some(rule),
    };
    let scope = nobody_yet(tenant, holder.user).scope_of(ACTOR);
    gateway.tell(&scope, request, happened).await
}

fn turn(gateway: &Gateway, family: Uuid) -> Arc<Turn<()>> {
    let mut asking = gateway.providers.asking.lock();
    asking.entry(family).or_default().clone()
}

/// Forgets the turn when nobody else waits for it.
fn leave(gateway: &Gateway, family: Uuid) {
    let mut asking = gateway.providers.asking.lock();
    if asking
        .get(&family)
        .is_some_and(|turn| Arc::strong_count(turn) == 1)
    {
        asking.remove(&family);
    }
}
