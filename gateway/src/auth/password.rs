//! `POST /api/v1/auth/password`: another password.

use axum::extract::State;
use axum::http::StatusCode;
use projections::members;
use serde::Deserialize;
use utoipa::ToSchema;

use super::proof::{self, Purpose, Shown};
use super::register::refuse_if;
use super::secret::Secret;
use super::vault::logins;
use super::{ending, password_policy};
use crate::Gateway;
use crate::error::{Error, FieldError, Problem};
use crate::operations::Allowed;
use crate::request::Asked;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    #[schema(value_type = String, example = "correct horse battery staple")]
    pub password: Secret,
    /// Of the second factor, for accounts that have one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub code: Option<Secret>,
    /// 8 to 256 characters, and none of the common ones.
    #[schema(value_type = String, example = "another horse, another staple")]
    pub new_password: Secret,
}

/// Change the password
///
/// Ends every other session of the account.
#[utoipa::path(post, path = "/api/v1/auth/password", operation_id = "change_password", tag = "auth",
    request_body = ChangePassword,
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem)))]
pub async fn change(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<ChangePassword>,
) -> Result<StatusCode, Error> {
    let (user, session) = (allowed.person()?, proof::session_of(&allowed)?);
    let body = asked.body;
    let own = members::get(&gateway.db, &gateway.people(), allowed.scope(), user).await?;
    let own = own.iter().flat_map(|own| [&*own.email, &*own.name]);
    let problem = problem(&body.password, &body.new_password, &own.collect::<Vec<_>>());
    refuse_if(problem.into_iter().collect())?;
    let login = logins::of_user(&gateway.db, user).await?;
    let (password, code) = (body.password, body.code);
    let shown = Shown { password, code };
    let purpose = Purpose {
        operation: "ChangePassword",
        request: &asked.question.request,
        scope: Some(allowed.scope()),
    };
    let counted = proof::counted(user);
    proof::check(&gateway, purpose, &counted, login.as_ref(), shown).await?;
    let login = login.ok_or(Error::BadCredentials)?;
    let hash = gateway.passwords.hash(body.new_password).await?;
    if !logins::set_password(&gateway.db, user, &login.password_hash, &hash).await? {
        // Somebody else was faster: what was shown is the password no longer.
        return Err(proof::told(&gateway, purpose, &login, Error::BadCredentials).await);
    }
    ending::others(&gateway, user, Some(session)).await?;
    gateway
        .tell_own(&allowed, purpose.request, purpose.operation)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is wrong with a password that takes the place of `old`.
pub(super) fn problem(old: &str, new: &str, own: &[&str]) -> Option<FieldError> {
    let field = "new_password";
    let same = (old == new).then(|| FieldError::new(field, "must be another one than before"));
    same.or_else(|| password_policy::problem(field, new, own))
}
