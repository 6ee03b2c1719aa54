//! `POST /api/v1/auth/refresh`: a new access token, for the same project or another.

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use schemas::ids::ProjectId;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::secret::Secret;
use super::session::{self, Session};
use super::vault::refresh_tokens;
use super::{cookies, csrf};
use crate::Gateway;
use crate::error::{Error, Problem};
use crate::request::Asked;

#[derive(Default, Deserialize, ToSchema)]
pub struct Refresh {
    /// Programs without cookies send it here.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub refresh_token: Option<Secret>,
    /// The project to work in from now on.
    #[serde(default)]
    pub project_id: Option<Uuid>,
}

/// Go on with a session
///
/// Each refresh token is good once. Using one again ends the session everywhere,
/// except within ten seconds, for tabs that refresh at the same moment.
#[utoipa::path(post, path = "/api/v1/auth/refresh", operation_id = "refresh", tag = "auth",
    request_body(content = Option<Refresh>),
    responses((status = 200, body = Session), (status = 401, body = Problem)))]
pub async fn refresh(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    asked: Asked<Option<Refresh>>,
) -> Result<Response, Error> {
    let body = asked.body.unwrap_or_default();
    let text = presented(&gateway, body.refresh_token, &headers)?;
    let now = gateway.clock.now();
    let holder = refresh_tokens::holder(&gateway.db, &text).await?;
    let holder = holder.ok_or(Error::SessionOver("the refresh token is not known"))?;
    // What can fail is asked before the token is used up.
    let wanted = body.project_id.map(ProjectId);
    let project = Some(wanted.unwrap_or(holder.project));
    let proven =
        session::prove(&gateway, holder.tenant, holder.user, holder.family, project).await?;
    let Some(proven) = proven else {
        refresh_tokens::end_family(&gateway.db, holder.family, now).await?;
        return Err(Error::SessionOver("the account has left the tenant"));
    };
    let (_, successor) =
        refresh_tokens::rotate(&gateway.db, &gateway.master, &text, wanted, now).await?;
    session::answer(&gateway, StatusCode::OK, proven, &successor)
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
