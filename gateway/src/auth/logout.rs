//! `POST /api/v1/auth/logout`.

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::vault::refresh_tokens;
use super::{cookies, csrf, ending};
use crate::Gateway;
use crate::error::Error;

/// End the session
///
/// Takes the cookies away and ends the tokens and sockets of the session.
/// Works without a valid access token, because an expired session ends too.
#[utoipa::path(post, path = "/api/v1/auth/logout", operation_id = "logout", tag = "auth",
    responses((status = 204)))]
pub async fn logout(State(gateway): State<Gateway>, headers: HeaderMap) -> Result<Response, Error> {
    let url = &gateway.config.public_url;
    if let Some(text) = cookies::refresh(url, &headers) {
        csrf::check_session(url, &Method::POST, &headers)?;
        if let Some(holder) = refresh_tokens::holder(&gateway.db, &text).await? {
            ending::session(&gateway, holder.family).await?;
        }
    }
    Ok((StatusCode::NO_CONTENT, cookies::clear(url)).into_response())
}
