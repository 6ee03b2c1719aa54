//! `POST /api/v1/auth/login`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemas::context::Context;
use serde::Deserialize;
use utoipa::ToSchema;

use super::secret::Secret;
use super::session::{self, Session};
use super::vault::logins;
use crate::Gateway;
use crate::error::{Error, Problem};
use crate::request::Asked;

#[derive(Deserialize, ToSchema)]
pub struct Login {
    #[schema(example = "ada@example.com")]
    pub email: String,
    #[schema(value_type = String, example = "correct horse battery staple")]
    pub password: Secret,
}

/// Begin a session
///
/// A wrong address and a wrong password get the same answer and take as long.
#[utoipa::path(post, path = "/api/v1/auth/login", operation_id = "login", tag = "auth",
    request_body = Login,
    responses((status = 200, body = Session), (status = 401, body = Problem)))]
pub async fn login(State(gateway): State<Gateway>, asked: Asked<Login>) -> Result<Response, Error> {
    let Login { email, password } = asked.body;
    let found = logins::find(&gateway.db, &gateway.keys.email(&email)).await?;
    let hash = found.as_ref().map(|login| login.password_hash.clone());
    if !gateway.passwords.verify(password, hash).await? {
        metrics::counter!("gateway_logins_failed_total").increment(1);
        return Err(Error::BadCredentials);
    }
    let login = found.ok_or(Error::BadCredentials)?;
    let family = Context::ambient(&gateway.clock).id();
    let proven = session::prove(&gateway, login.tenant, login.user, family, None).await?;
    let proven = proven.ok_or(Error::BadCredentials)?;
    session::open(&gateway, StatusCode::OK, proven).await
}
