//! `GET /api/v1/auth/oidc/{tenant_id}/start`: off to the provider.

use access::principal::Grant;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemas::context::random_bytes;
use schemas::ids::{TenantId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::callback::{go, refuse};
use super::provider::{KEPT_MS, Provider};
use super::{Refused, ask, settings};
use crate::Gateway;
use crate::auth::vault::sign_on_attempts::{self, Attempt};
use crate::auth::vault::sign_on_sessions;
use crate::auth::{caller, cookies, csrf, proof};
use crate::error::{Error, Problem};
use crate::parameters::{Path, Query};
use crate::request::RequestId;

const MAX_PATH: usize = 2_000;
/// Where people are who asked for nothing else.
const HOME: &str = "/";

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Start {
    /// The page to come back to: a path of the console.
    #[param(example = "/p/shop/incidents")]
    pub return_to: Option<String>,
    /// Whether the account that is signed in is to be linked with the one at the provider;
    /// needs a fresh proof of who one is.
    #[serde(default)]
    pub link: bool,
    /// Whether to show the provider again who one is, for what needs a fresh proof.
    #[serde(default)]
    pub fresh: bool,
}

/// Sign in by the tenant's provider
///
/// Sends the browser to the provider, which sends it back to `callback`. Where that
/// cannot be, to the login page with the reason as `sign_on`. A browser that a page of
/// another site sends here (Fetch Metadata) gets a page that asks for a click.
#[utoipa::path(get, path = "/api/v1/auth/oidc/{tenant_id}/start", operation_id = "start_sign_on", tag = "auth",
    params(("tenant_id" = Uuid, Path), Start),
    responses((status = 200, description = "Asks for a click", body = String, content_type = "text/html"),
        (status = 303, description = "To the provider, or to the login page"),
        (status = 429, body = Problem)))]
pub async fn start(
    State(gateway): State<Gateway>,
    request: RequestId,
    Path(tenant): Path<Uuid>,
    Query(start): Query<Start>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let tenant = TenantId(tenant);
    match away(&gateway, tenant, start, &headers).await {
        Ok(response) => Ok(response),
        Err(refused) => refuse(&gateway, tenant, refused, &request).await,
    }
}

async fn away(
    gateway: &Gateway,
    tenant: TenantId,
    start: Start,
    headers: &HeaderMap,
) -> Result<Response, Refused> {
    let settings = settings(gateway, tenant).await?.ok_or(Refused::NotSetUp)?;
    let return_to = start
        .return_to
        .as_deref()
        .and_then(own_path)
        .unwrap_or(HOME);
    // A page of another site could sign its visitors in, as whoever they are at a provider
    // of its choice: they are asked first. A link is refused below.
    if !start.link && !csrf::is_own_navigation(headers) {
        let page = ask::page(tenant, &settings.issuer, return_to, start.fresh)?;
        return Ok(page.into_response());
    }
    let provider = Provider::of(gateway, tenant, &settings, KEPT_MS).await?;
    let link = match start.link {
        true => Some(signed_in(gateway, tenant, headers).await?),
        false => None,
    };
    let (nonce, verifier) = (random_text(), random_text());
    let attempt = Attempt {
        nonce: nonce.clone(),
        verifier: verifier.clone(),
        return_to: return_to.to_owned(),
        link,
        fresh: start.fresh,
        began_at: gateway.clock.now(),
        issuer: settings.issuer.clone(),
        client_id: settings.client_id.clone(),
    };
    // Tabs of one browser share the cookie, so that none loses its way.
    let url = &gateway.config.public_url;
    let browser = cookies::sign_on(url, headers).unwrap_or_else(random_text);
    let (db, master) = (&gateway.db, &gateway.master);
    let state = sign_on_attempts::begin(db, master, tenant, &browser, attempt).await?;
    let to = provider.authorize(state, (nonce, &verifier), start.fresh);
    let mut response = go(to.as_str());
    let lifetime = sign_on_attempts::LIFETIME_S;
    response
        .headers_mut()
        .extend(cookies::set_sign_on(url, &browser, lifetime));
    Ok(response)
}

/// The account that is to be linked: of whoever is signed in to this very tenant with a
/// password, and has just shown that it is them. Who is linked comes in from then on, so a
/// page of another site must not begin it: its browser may be somebody else at the provider.
async fn signed_in(
    gateway: &Gateway,
    tenant: TenantId,
    headers: &HeaderMap,
) -> Result<UserId, Refused> {
    if !csrf::is_own_navigation(headers) {
        return Err(Refused::LinkFromElsewhere);
    }
    let principal = caller::identify(gateway, &Method::GET, headers, None).ok();
    let here = principal.filter(|principal| principal.scope().tenant() == tenant);
    let here = here.ok_or(Refused::SignedOut)?;
    let Grant::Member { user, session, .. } = here.grant() else {
        return Err(Refused::SignedOut);
    };
    let vouched = sign_on_sessions::tenant_of(&gateway.db, *session).await?;
    if vouched.is_some() {
        return Err(Refused::SignedOut);
    }
    match proof::is_fresh(gateway, *session).await? {
        true => Ok(*user),
        false => Err(Refused::NotProven),
    }
}

fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<32>())
}

/// `text` if it is a path of our own, however a browser reads it: with `//` or `/\` it
/// would begin a host, and control characters are dropped on the way.
fn own_path(text: &str) -> Option<&str> {
    let plain = text.len() <= MAX_PATH && text.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    let path = text.strip_prefix('/')?;
    (plain && !path.starts_with('/') && is_page(text)).then_some(text)
}

/// Whether a browser, which takes `.` and `..` out of a path, ends on a page: the API sends
/// people on, to whatever provider a tenant names.
fn is_page(path: &str) -> bool {
    url::Url::parse(&format!("http://console{path}")).is_ok_and(|url| {
        let path = url.path();
        !path.starts_with("//") && !path.starts_with("/api/")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_come_back_to_our_own_pages_only() {
        for good in [
            "/",
            "/p/shop/incidents?status=open#top",
            "/p/a//b",
            "/p/shop/logs?q=/../api/x",
        ] {
            assert_eq!(own_path(good), Some(good));
        }
        for bad in [
            "",
            "p/shop",
            "//evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "https://evil.test",
            "javascript:alert(1)",
            "/\t/evil.test",
            "/\r\nLocation: https://evil.test",
            "/ /evil.test",
            "/ü",
            "/api/v1/auth/logout",
            "/./api/v1/auth/oidc/x/start",
            "/p/../api/v1/auth/oidc/x/start",
            "/%2e/api/v1/auth/oidc/x/start",
            "/p/%2E%2e/api/v1/auth/oidc/x/start",
            "/.//evil.test",
            &format!("/{}", "a".repeat(MAX_PATH)),
        ] {
            assert_eq!(own_path(bad), None, "{bad}");
        }
    }
}
