//! `POST /api/v1/auth/oidc/{tenant_id}/logout`: the provider says who has signed out there
//! (OpenID Connect Back-Channel Logout 1.0), so that nobody waits for the next refresh.

use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::http::StatusCode;
use schemas::ids::{TenantId, UserId};
use uuid::Uuid;

use super::logout_token::{CLOCKS_MS, Disbelieved, SignedOut, Whose};
use super::provider::{KEPT_MS, LOOK_AGAIN_MS, Provider};
use super::verify::UNKNOWN_KEY;
use super::{ACTOR, Refused, admit, settings};
use crate::Gateway;
use crate::auth::audit::Happened;
use crate::auth::ending;
use crate::auth::session::nobody_yet;
use crate::auth::vault::sign_on_sessions::{self, Open};
use crate::error::{Error, FieldError, Problem};
use crate::parameters::Path;
use crate::request::RequestId;
use schemas::single_sign_on::SignOnSettings;

const FIELD: &str = "logout_token";

/// Sign people out by their provider's word
///
/// For the tenant's provider: the form's `logout_token` names a session there or a person,
/// whose sessions here end at once. Others are told 400 with the rule, and nothing ends.
#[utoipa::path(post, path = "/api/v1/auth/oidc/{tenant_id}/logout", operation_id = "provider_logout", tag = "auth",
    params(("tenant_id" = Uuid, Path)),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "They are signed out, or were not signed in"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub async fn logout(
    State(gateway): State<Gateway>,
    request: RequestId,
    Path(tenant): Path<Uuid>,
    body: Result<String, StringRejection>,
) -> Result<StatusCode, Error> {
    let tenant = TenantId(tenant);
    let body = body.map_err(|_| wrong("cannot be read"))?;
    let mut form = form_urlencoded::parse(body.as_bytes());
    let token = form.find_map(|(name, value)| (name == FIELD).then_some(value));
    let token = token.ok_or_else(|| wrong("is missing"))?;
    let settings = settings(&gateway, tenant).await?.ok_or(Error::NotFound)?;
    match believe(&gateway, tenant, &settings, &token).await? {
        Ok(signed_out) => end(&gateway, tenant, &settings, &signed_out, &request).await?,
        Err(disbelieved) => {
            let Disbelieved(rule) = disbelieved;
            tracing::warn!(%tenant, rule, "a logout token was refused");
            let refusals = &gateway.providers.refusals;
            if refusals.is_told(tenant, rule, gateway.clock.now()) {
                let happened = Happened {
                    operation: "EndSession",
                    target_type: "single_sign_on",
                    target_id: &tenant.to_string(),
                    refused: Some(rule),
                };
                let nobody = UserId(Uuid::nil());
                tell(&gateway, (tenant, nobody), &request, happened).await?;
            }
            return Err(wrong(&format!("is not good: {rule}")));
        }
    }
    Ok(StatusCode::OK)
}

/// Where no key fits, the provider may have exchanged them.
async fn believe(
    gateway: &Gateway,
    tenant: TenantId,
    settings: &SignOnSettings,
    token: &str,
) -> Result<Result<SignedOut, Disbelieved>, Error> {
    let now = gateway.clock.now();
    for age_ms in [KEPT_MS, LOOK_AGAIN_MS] {
        let provider = Provider::of(gateway, tenant, settings, age_ms).await;
        match provider.map_err(away)?.signed_out(token, now) {
            Err(Disbelieved(UNKNOWN_KEY)) => {}
            other => return Ok(other),
        }
    }
    Ok(Err(Disbelieved(UNKNOWN_KEY)))
}

/// Ends what began before the provider said so: a token that somebody sends again ends
/// nothing that began since.
async fn end(
    gateway: &Gateway,
    tenant: TenantId,
    settings: &SignOnSettings,
    signed_out: &SignedOut,
    request: &RequestId,
) -> Result<(), Error> {
    let (sid, subject) = match &signed_out.whose {
        Whose::Person { subject } => (None, Some(subject)),
        Whose::Session { id, subject } => (Some(id), subject.as_ref()),
    };
    let issuer = &settings.issuer;
    let keyed = |subject: &String| admit::identity(gateway, tenant, issuer, subject);
    let identity = subject.map(keyed).transpose()?;
    let sid = sid.map(|sid| session_at(gateway, tenant, issuer, sid));
    let wanted = Open {
        tenant,
        issuer,
        client_id: &settings.client_id,
        subject: identity.map(|identity| identity.subject),
        provider_session: sid.transpose()?,
        before: signed_out.at.plus_millis(CLOCKS_MS),
    };
    for (id, user) in sign_on_sessions::open(&gateway.db, &wanted).await? {
        ending::session(gateway, id).await?;
        let happened = Happened {
            operation: "EndSession",
            target_type: "session",
            target_id: &id.to_string(),
            refused: None,
        };
        tell(gateway, (tenant, user), request, happened).await?;
    }
    Ok(())
}

/// By what a session at the provider is found; its id is kept nowhere.
pub(super) fn session_at(
    gateway: &Gateway,
    tenant: TenantId,
    issuer: &str,
    sid: &str,
) -> Result<[u8; 32], Error> {
    let parts = [
        tenant.0.as_bytes(),
        issuer.as_bytes(),
        b"sid",
        sid.as_bytes(),
    ];
    Ok(gateway.keys()?.identity(&parts))
}

async fn tell(
    gateway: &Gateway,
    (tenant, user): (TenantId, UserId),
    request: &RequestId,
    happened: Happened<'_>,
) -> Result<(), Error> {
    let scope = nobody_yet(tenant, user).scope_of(ACTOR);
    gateway.tell(&scope, request, happened).await
}

/// A provider that cannot be asked for its keys may tell once more.
fn away(refused: Refused) -> Error {
    match refused {
        Refused::Inside(error) => error,
        other => Error::Unavailable(other.to_string()),
    }
}

fn wrong(problem: &str) -> Error {
    Error::Malformed(FieldError::new(FIELD, problem))
}
