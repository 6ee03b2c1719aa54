//! `POST /api/v1/auth/login`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use schemas::context::Context;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ending;
use super::proof::{self, Purpose, Shown};
use super::secret::Secret;
use super::session::{self, Session};
use super::vault::logins;
use crate::Gateway;
use crate::client::Client;
use crate::error::{Error, Problem};
use crate::request::Asked;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    #[schema(example = "ada@example.com")]
    pub email: String,
    #[schema(value_type = String, example = "correct horse battery staple")]
    pub password: Secret,
    /// Of the second factor, or a recovery code; asked for with the rule
    /// `second_factor_needed`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub code: Option<Secret>,
}

/// Begin a session
///
/// A wrong address and a wrong password get the same answer and take as long. After
/// five of them in a row comes a pause, which doubles with each further one. A password
/// that somebody else has set is refused with the rule `password_change_required`. The
/// session of the browser's cookies, where it has one, is over.
#[utoipa::path(post, path = "/api/v1/auth/login", operation_id = "login", tag = "auth",
    request_body = Login,
    responses((status = 200, body = Session), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 429, body = Problem)))]
pub async fn login(
    State(gateway): State<Gateway>,
    client: Client,
    headers: HeaderMap,
    asked: Asked<Login>,
) -> Result<Response, Error> {
    let Login {
        email,
        password,
        code,
    } = asked.body;
    let request = &asked.question.request;
    let address = gateway.keys()?.email(&email);
    let found = logins::find(&gateway.db, &address).await?;
    let shown = Shown { password, code };
    let purpose = Purpose::session(request);
    proof::check(&gateway, purpose, &address, found.as_ref(), shown).await?;
    let login = found.ok_or(Error::BadCredentials)?;
    let family = Context::ambient(&gateway.clock).id();
    let (tenant, user) = (login.tenant, login.user);
    let found = session::prove_anywhere(&gateway, tenant, user, family, None).await;
    let proven = proof::admitted(&gateway, purpose, &login, found).await?;
    let proven = proven.ok_or(Error::BadCredentials)?;
    let from = (&client, &headers, request);
    let answer = session::open(&gateway, StatusCode::OK, proven, from).await?;
    if !is_still_theirs(&gateway, &login).await? {
        ending::session(&gateway, family).await?;
        return Err(proof::told(&gateway, purpose, &login, Error::BadCredentials).await);
    }
    Ok(answer)
}

/// Whether the password is the one that was shown. Who changes it ends all sessions that
/// there are by then: one that began a moment later, with the old password, would stay.
async fn is_still_theirs(gateway: &Gateway, login: &logins::Login) -> Result<bool, Error> {
    let held = logins::of_user(&gateway.db, login.user).await?;
    Ok(held.is_some_and(|held| held.password_hash == login.password_hash))
}
