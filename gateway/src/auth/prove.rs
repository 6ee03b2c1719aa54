//! `POST /api/v1/auth/prove`: say again who you are, for what is dangerous.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::proof::{self, Purpose, Shown};
use super::secret::Secret;
use super::vault::{logins, sessions};
use crate::Gateway;
use crate::error::{Error, Problem};
use crate::operations::Allowed;
use crate::request::Asked;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    #[schema(value_type = String, example = "correct horse battery staple")]
    pub password: Secret,
    /// Of the second factor, or a recovery code; for accounts that have one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub code: Option<Secret>,
}

/// Prove who you are
///
/// What is dangerous, such as turning the second factor off, needs a proof of the
/// last quarter of an hour. Beginning a session is one too.
#[utoipa::path(post, path = "/api/v1/auth/prove", operation_id = "prove", tag = "auth",
    request_body = Proof,
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 429, body = Problem)))]
pub async fn prove(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<Proof>,
) -> Result<StatusCode, Error> {
    let (user, session) = (allowed.person()?, proof::session_of(&allowed)?);
    let Proof { password, code } = asked.body;
    let login = logins::of_user(&gateway.db, user).await?;
    let shown = Shown { password, code };
    let purpose = Purpose {
        operation: "Prove",
        request: &asked.question.request,
        scope: Some(allowed.scope()),
    };
    let counted = proof::counted(user);
    proof::check(&gateway, purpose, &counted, login.as_ref(), shown).await?;
    sessions::proven(&gateway.db, session, gateway.clock.now()).await?;
    gateway
        .tell_own(&allowed, purpose.request, purpose.operation)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
