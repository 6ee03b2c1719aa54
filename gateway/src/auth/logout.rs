//! `POST /api/v1/auth/logout`.

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::audit::Happened;
use super::session::nobody_yet;
use super::vault::refresh_tokens::{self, Holder};
use super::vault::sessions;
use super::{cookies, csrf, ending};
use crate::Gateway;
use crate::error::Error;
use crate::request::RequestId;

/// End the session
///
/// Takes the cookies away and ends the tokens and sockets of the session.
/// Works without a valid access token, because an expired session ends too.
#[utoipa::path(post, path = "/api/v1/auth/logout", operation_id = "logout", tag = "auth",
    responses((status = 204)))]
pub async fn logout(
    State(gateway): State<Gateway>,
    request: RequestId,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let url = &gateway.config.public_url;
    if let Some(text) = cookies::refresh(url, &headers) {
        csrf::check_session(url, &Method::POST, &headers)?;
        end(&gateway, &text, &request).await?;
    }
    Ok((StatusCode::NO_CONTENT, cookies::clear(url)).into_response())
}

/// Ends the session that a browser has, of whoever, before it is given another: nobody
/// would come back to it, and it could be carried on for a month (ASVS 7.2.4).
pub(super) async fn give_up(
    gateway: &Gateway,
    headers: &HeaderMap,
    request: &RequestId,
) -> Result<(), Error> {
    match cookies::refresh(&gateway.config.public_url, headers) {
        Some(text) => end(gateway, &text, request).await,
        None => Ok(()),
    }
}

/// Ends the session of a refresh token, and tells of it where it was not over before.
async fn end(gateway: &Gateway, text: &str, request: &RequestId) -> Result<(), Error> {
    let Some(holder) = refresh_tokens::holder(&gateway.db, text).await? else {
        return Ok(());
    };
    let began = sessions::began_at(&gateway.db, holder.family).await?;
    ending::session(gateway, holder.family).await?;
    if began.is_some() {
        // Nobody stays signed in because the log is away.
        tokio::spawn(tell(gateway.clone(), holder, request.clone()));
    }
    Ok(())
}

async fn tell(gateway: Gateway, holder: Holder, request: RequestId) {
    let happened = Happened {
        operation: "EndSession",
        target_type: "session",
        target_id: &holder.family.to_string(),
        refused: None,
    };
    let mut at = nobody_yet(holder.tenant, holder.user);
    at.project = holder.project;
    if let Err(error) = gateway.tell(&at.scope(), &request, happened).await {
        tracing::warn!(%error, "a logout is not in the audit");
    }
}
