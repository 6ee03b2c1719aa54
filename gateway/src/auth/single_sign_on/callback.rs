//! `GET /api/v1/auth/oidc/{tenant_id}/callback`: back from the provider.

use axum::extract::State;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use openidconnect::{Nonce, OAuth2TokenResponse};
use schemas::context::Context;
use schemas::ids::{TenantId, UserId};
use schemas::single_sign_on::SignOnSettings;
use schemas::time::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::logout::session_at;
use super::person::Person;
use super::provider::{Granted, KEPT_MS, LOOK_AGAIN_MS, Provider, word};
use super::verify::UNKNOWN_KEY;
use super::{Refused, admit, settings};
use crate::Gateway;
use crate::auth::audit::Happened;
use crate::auth::cookies;
use crate::auth::session::{self, nobody_yet};
use crate::auth::vault::sessions;
use crate::auth::vault::sign_on_attempts::{self, Attempt, Found};
use crate::auth::vault::sign_on_identities::Identity;
use crate::auth::vault::sign_on_sessions::{self, Vouched};
use crate::client::Client;
use crate::error::{Error, Problem};
use crate::parameters::{Path, Query};
use crate::request::RequestId;

/// How far clocks may be apart where somebody should have shown themselves again.
const CLOCKS_MS: i64 = 60_000;

/// What the provider has the browser bring (RFC 6749 section 4.1.2, RFC 9207).
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Answer {
    pub state: Option<String>,
    pub code: Option<String>,
    pub iss: Option<String>,
    /// Instead of a code.
    pub error: Option<String>,
}

/// Come back from the tenant's provider
///
/// Begins a session and goes on to the page that was asked for, or to the login page
/// with the reason as `sign_on`. The rule that refused is in the audit.
#[utoipa::path(get, path = "/api/v1/auth/oidc/{tenant_id}/callback", operation_id = "finish_sign_on", tag = "auth",
    params(("tenant_id" = Uuid, Path), Answer),
    responses((status = 303, description = "To the page that was asked for, or to the login page"),
        (status = 429, body = Problem)))]
pub async fn callback(
    State(gateway): State<Gateway>,
    client: Client,
    request: RequestId,
    Path(tenant): Path<Uuid>,
    Query(answer): Query<Answer>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let (tenant, from) = (TenantId(tenant), (&client, &request));
    match arrive(&gateway, tenant, answer, &headers, from).await {
        Ok(response) => Ok(response),
        Err(refused) => refuse(&gateway, tenant, refused, &request).await,
    }
}

async fn arrive(
    gateway: &Gateway,
    tenant: TenantId,
    answer: Answer,
    headers: &HeaderMap,
    (client, request): (&Client, &RequestId),
) -> Result<Response, Refused> {
    let settings = settings(gateway, tenant).await?.ok_or(Refused::NotSetUp)?;
    let attempt = redeem(gateway, tenant, &answer, headers).await?;
    // What one provider gave is not shown to another (RFC 9700 section 4.4.2).
    // Attempts of the version before do not say with whom; they are over in ten minutes.
    let says = !attempt.issuer.is_empty();
    let same = attempt.issuer == settings.issuer && attempt.client_id == settings.client_id;
    if says && !same {
        return Err(Refused::ProviderChanged);
    }
    let provider = Provider::of(gateway, tenant, &settings, KEPT_MS).await?;
    provider.check_issuer(answer.iss.as_deref())?;
    if let Some(error) = &answer.error {
        return Err(Refused::Answered(word(error)));
    }
    let code = Zeroizing::new(answer.code.unwrap_or_default());
    let granted = provider.exchange(&code, &attempt.verifier).await?;
    let nonce = Nonce::new(attempt.nonce.clone());
    let mut person = believe(gateway, tenant, &settings, &granted, &nonce).await?;
    shown_again(&attempt, &person)?;
    person.strength.suffices(&settings)?;
    provider.complete(&mut person, &granted).await?;
    let identity = admit::identity(gateway, tenant, &settings.issuer, &person.subject)?;
    let user = admit::admit(
        gateway,
        &settings,
        &identity,
        &person,
        (attempt.link, request),
    )
    .await?;
    let sid = person.session.as_deref();
    let keyed = |sid: &str| session_at(gateway, tenant, &settings.issuer, sid);
    let provider_session = sid.map(keyed).transpose()?;
    let refresh_token = granted.refresh_token();
    let begun = Vouched {
        id: Context::ambient(&gateway.clock).id(),
        tenant,
        user,
        issuer: identity.issuer,
        client_id: settings.client_id,
        subject: identity.subject,
        provider_session,
        refresh_token: refresh_token.map(|token| Zeroizing::new(token.secret().clone())),
        checked_at: gateway.clock.now(),
    };
    let return_to = &attempt.return_to;
    let from = (client, headers, request);
    begin(gateway, &begun, &person, from, return_to).await
}

async fn redeem(
    gateway: &Gateway,
    tenant: TenantId,
    answer: &Answer,
    headers: &HeaderMap,
) -> Result<Attempt, Refused> {
    let state = answer.state.as_deref().ok_or(Refused::StateUnknown)?;
    let browser = cookies::sign_on(&gateway.config.public_url, headers);
    let (db, master, now) = (&gateway.db, &gateway.master, gateway.clock.now());
    let brought = (state, browser.as_deref());
    match sign_on_attempts::redeem(db, master, tenant, brought, now).await? {
        Found::Attempt(attempt) => Ok(attempt),
        Found::Unknown => Err(Refused::StateUnknown),
        Found::Replayed => Err(Refused::StateReplayed),
        Found::Expired => Err(Refused::StateExpired),
        Found::OfAnotherBrowser => Err(Refused::StateOfAnotherBrowser),
    }
}

/// Whom the ID token is about. Where no key fits, the provider may have exchanged them.
async fn believe(
    gateway: &Gateway,
    tenant: TenantId,
    settings: &SignOnSettings,
    granted: &Granted,
    nonce: &Nonce,
) -> Result<Person, Refused> {
    let now = gateway.clock.now().datetime();
    let provider = Provider::of(gateway, tenant, settings, KEPT_MS).await?;
    match provider.believe(granted, nonce, now) {
        Err(Refused::IdToken(UNKNOWN_KEY, _)) => {
            let provider = Provider::of(gateway, tenant, settings, LOOK_AGAIN_MS).await?;
            provider.believe(granted, nonce, now)
        }
        other => other,
    }
}

/// Whoever had to show the provider again who they are has done so since they left.
fn shown_again(attempt: &Attempt, person: &Person) -> Result<(), Refused> {
    let since = attempt.began_at.plus_millis(-CLOCKS_MS).datetime();
    match attempt.fresh && person.shown_at.is_none_or(|at| at < since) {
        true => Err(Refused::NotFresh),
        false => Ok(()),
    }
}

/// Begins the session. That it is confined is written down before there is one.
async fn begin(
    gateway: &Gateway,
    begun: &Vouched,
    person: &Person,
    from: (&Client, &HeaderMap, &RequestId),
    return_to: &str,
) -> Result<Response, Refused> {
    sign_on_sessions::begin(&gateway.db, &gateway.master, begun).await?;
    let proven = session::prove(gateway, begun.tenant, begun.user, begun.id, None).await?;
    let proven = proven.ok_or(Refused::NotAMember)?;
    let opened = session::open(gateway, StatusCode::SEE_OTHER, proven, from).await?;
    let shown_at = person.shown_at.map(Timestamp::from).unwrap_or_default();
    let proven_at = shown_at.min(gateway.clock.now());
    sessions::proven(&gateway.db, begun.id, proven_at).await?;
    let mut response = go(return_to);
    // The tokens are in the cookies; there is nobody to read a body.
    for cookie in opened.headers().get_all(SET_COOKIE) {
        response.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    Ok(response)
}

/// The log and the tenant's audit learn the rule, the browser what to do.
pub(super) async fn refuse(
    gateway: &Gateway,
    tenant: TenantId,
    refused: Refused,
    request: &RequestId,
) -> Result<Response, Error> {
    let refused = match refused {
        Refused::Inside(
            error @ (Error::Unavailable(_) | Error::Internal(_) | Error::NotYet(_)),
        ) => {
            return Err(error);
        }
        other => other,
    };
    let rule = refused.rule();
    tracing::warn!(%tenant, rule, %refused, "a sign-on was refused");
    metrics::counter!("gateway_sign_ons_refused_total", "rule" => rule).increment(1);
    // Whoever asks for a tenant without single sign-on may have made it up.
    let is_known = !matches!(refused, Refused::NotSetUp);
    let refusals = &gateway.providers.refusals;
    if is_known && refusals.is_told(tenant, rule, gateway.clock.now()) {
        let happened = Happened {
            operation: "BeginSession",
            target_type: "single_sign_on",
            target_id: &tenant.to_string(),
            refused: Some(rule),
        };
        let scope = nobody_yet(tenant, UserId(Uuid::nil())).scope_of(super::ACTOR);
        gateway.tell(&scope, request, happened).await?;
    }
    Ok(go(&format!("/login?sign_on={}", refused.shown())))
}

/// 303, so that the browser gets what is there, however it came here.
pub(super) fn go(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/login"));
    response.headers_mut().insert(LOCATION, to);
    response
}

impl Identity {
    /// As the audit names it: enough to tell identities apart.
    pub(super) fn fingerprint(&self) -> String {
        hex::encode(&self.subject[..8])
    }
}
