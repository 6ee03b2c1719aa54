//! `POST /api/v1/auth/refresh`: a new access token, for the same project or another.

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use schemas::ids::{ProjectId, TenantId};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::audit::Happened;
use super::secret::Secret;
use super::session::{self, Proven, Session};
use super::single_sign_on::recheck::recheck;
use super::vault::refresh_tokens::{self, Holder, Rotated};
use super::vault::sessions;
use super::{cookies, csrf, ending, lifetime};
use crate::Gateway;
use crate::client::Client;
use crate::error::{Error, Problem};
use crate::request::{Asked, RequestId};

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// Programs without cookies send it here.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub refresh_token: Option<Secret>,
    /// The project to work in from now on.
    #[serde(default)]
    pub project_id: Option<Uuid>,
    /// The tenant to work in from now on, for people who belong to several.
    #[serde(default)]
    pub tenant_id: Option<Uuid>,
}

/// Go on with a session
///
/// Each refresh token is good once. Using one again ends the session everywhere,
/// except within ten seconds, for tabs that refresh at the same moment. However often it
/// is refreshed, a session ends a while after its sign-in (`ends_at` of `/auth/sessions`).
#[utoipa::path(post, path = "/api/v1/auth/refresh", operation_id = "refresh", tag = "auth",
    request_body(content = Option<Refresh>),
    responses((status = 200, body = Session), (status = 401, body = Problem),
        (status = 404, body = Problem),
        (status = 429, body = Problem)))]
pub async fn refresh(
    State(gateway): State<Gateway>,
    client: Client,
    headers: HeaderMap,
    asked: Asked<Option<Refresh>>,
) -> Result<Response, Error> {
    let body = asked.body.unwrap_or_default();
    let place = (body.tenant_id.map(TenantId), body.project_id.map(ProjectId));
    let text = presented(&gateway, body.refresh_token, &headers)?;
    let now = gateway.clock.now();
    let holder = refresh_tokens::going_on(&gateway.db, &text, now).await?;
    let end = lifetime::end_of(&gateway, &holder).await?;
    // What can fail is asked before the token is used up.
    let proven = match recheck(&gateway, &holder, &asked.question.request).await? {
        Some(tenant) => prove_there(&gateway, &holder, tenant, place).await?,
        None => match prove(&gateway, &holder, place).await {
            // Whoever goes on where they are has to come in anew.
            Err(Error::SignOnNeeded) if place.0.is_none() => {
                return Err(Error::SessionOver(
                    "members sign in by the organisation's provider",
                ));
            }
            other => other?,
        },
    };
    let subject = &proven.subject;
    let place = (subject.tenant, subject.project);
    let rotated = refresh_tokens::rotate(&gateway.db, &gateway.master, &text, place, now).await?;
    let Rotated::To(successor) = rotated else {
        return Err(stolen(&gateway, &proven, &asked.question.request).await?);
    };
    sessions::seen(&gateway.db, &Holder::from(subject), &client, now).await?;
    session::answer(&gateway, StatusCode::OK, proven, (&successor, end))
}

/// What the holder is in the wanted place, or in the one they were in.
async fn prove(
    gateway: &Gateway,
    holder: &Holder,
    (tenant, project): (Option<TenantId>, Option<ProjectId>),
) -> Result<Proven, Error> {
    let (user, family) = (holder.user, holder.family);
    if tenant.is_some() || project.is_some() {
        let to = tenant.unwrap_or(holder.tenant);
        let proven = session::prove(gateway, to, user, family, project).await?;
        if proven.is_some() || tenant.is_some() {
            return proven.ok_or(Error::NotFound);
        }
    }
    let (tenant, project) = (holder.tenant, Some(holder.project));
    match session::prove_anywhere(gateway, tenant, user, family, project).await? {
        Some(proven) => Ok(proven),
        None => {
            ending::session(gateway, family).await?;
            Err(Error::SessionOver("the account has left the tenant"))
        }
    }
}

/// The same for a session that a provider vouched for, which stays in its tenant.
async fn prove_there(
    gateway: &Gateway,
    holder: &Holder,
    there: TenantId,
    (tenant, project): (Option<TenantId>, Option<ProjectId>),
) -> Result<Proven, Error> {
    if tenant.is_some_and(|tenant| tenant != there) {
        return Err(Error::NotFound);
    }
    let (user, family) = (holder.user, holder.family);
    let wanted = Some(project.unwrap_or(holder.project));
    let proven = match session::prove(gateway, there, user, family, wanted).await {
        // The project was archived meanwhile; the tenant has another.
        Err(Error::NotFound) if project.is_none() => {
            session::prove(gateway, there, user, family, None).await
        }
        other => other,
    };
    match proven? {
        Some(proven) => Ok(proven),
        None => {
            ending::session(gateway, family).await?;
            Err(Error::SessionOver("the account has left the tenant"))
        }
    }
}

/// Two hold the token: nobody goes on with it, and the audit says so.
async fn stolen(gateway: &Gateway, proven: &Proven, request: &RequestId) -> Result<Error, Error> {
    let session = proven.subject.session;
    ending::session(gateway, session).await?;
    let happened = Happened {
        operation: "RefreshSession",
        target_type: "session",
        target_id: &session.to_string(),
        refused: Some("refresh_token_reused"),
    };
    let scope = proven.subject.scope();
    gateway.tell(&scope, request, happened).await?;
    Ok(Error::SessionOver("the refresh token was used twice"))
}

/// The token of the body, or the one of the cookie if our own page sent it.
fn presented(
    gateway: &Gateway,
    body: Option<Secret>,
    headers: &HeaderMap,
) -> Result<Secret, Error> {
    if let Some(text) = body {
        return Ok(text);
    }
    let url = &gateway.config.public_url;
    let cookie = cookies::refresh(url, headers);
    let cookie = cookie.ok_or(Error::SessionOver("there is no refresh token"))?;
    csrf::check_session(url, &Method::POST, headers)?;
    Ok(Secret::new(cookie))
}
