//! `POST /api/v1/auth/initial-password`: a password of one's own for an account that
//! somebody else has made. They know the first one, so it is good for nothing else, and
//! not for long.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use schemas::context::Context;
use schemas::tenant::{ReplaceInitialPassword, TenantCommand};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde::Deserialize;
use utoipa::ToSchema;

use super::proof::{self, Purpose, Shown};
use super::register::refuse_if;
use super::secret::Secret;
use super::session::{self, Session};
use super::vault::logins;
use super::{ending, password};
use crate::Gateway;
use crate::client::Client;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::request::Asked;

/// How long there is to replace one: a holiday, not a quarter.
const GOOD_MS: i64 = 7 * 86_400_000;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOwnPassword {
    #[schema(example = "grace@example.com")]
    pub email: String,
    /// The one that the account was made with.
    #[schema(value_type = String, example = "correct horse battery staple")]
    pub password: Secret,
    /// 8 to 256 characters, none of the common ones, and another one than before.
    #[schema(value_type = String, example = "another horse, another staple")]
    pub new_password: Secret,
}

/// Until when a password that is set now can be replaced.
pub fn good_until(now: Timestamp) -> Timestamp {
    now.plus_millis(GOOD_MS)
}

/// Replace the password that an account was made with
///
/// What a login with such a password is told to do (`password_change_required`), within
/// seven days. Begins a session and ends every other one. Wrong passwords are counted
/// together with those of `login`.
#[utoipa::path(post, path = "/api/v1/auth/initial-password", operation_id = "replace_initial_password",
    tag = "auth", request_body = NewOwnPassword,
    responses((status = 200, body = Session), (status = 202, body = Pending), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem)))]
pub async fn replace(
    State(gateway): State<Gateway>,
    client: Client,
    headers: HeaderMap,
    asked: Asked<NewOwnPassword>,
) -> Result<Response, Error> {
    let Asked { body, question } = asked;
    let address = gateway.keys()?.email(&body.email);
    let found = logins::find(&gateway.db, &address).await?;
    let shown = Shown {
        password: body.password.clone(),
        code: None,
    };
    let purpose = Purpose::session(&question.request);
    proof::check_initial(&gateway, purpose, &address, found.as_ref(), shown).await?;
    let login = found.ok_or(Error::BadCredentials)?;
    let context = Context::ambient(&gateway.clock);
    let (tenant, user) = (login.tenant, login.user);
    let found = session::prove_anywhere(&gateway, tenant, user, context.id(), None).await;
    let proven = proof::admitted(&gateway, purpose, &login, found).await?;
    let proven = proven.ok_or(Error::BadCredentials)?;
    let own = [proven.user.email.as_str(), proven.user.name.as_str()];
    let problem = password::problem(&body.password, &body.new_password, &own);
    refuse_if(problem.into_iter().collect())?;
    let hash = gateway.passwords.hash(body.new_password).await?;
    // The log first: should the vault not follow, the next login asks for it again.
    let command = Command::new(&proven.subject.scope(), &question, &context);
    let message = TenantCommand::from(ReplaceInitialPassword { user });
    let topic = Topic::IdentityCommands;
    let settled = gateway
        .send(&command, topic, proven.subject.tenant, message)
        .await?;
    let (known, new) = (&login.password_hash, &hash);
    if !logins::replace_initial(&gateway.db, user, known, new).await? {
        // Somebody else was faster, and it is their password now.
        return Err(Error::BadCredentials);
    }
    ending::others(&gateway, user, None).await?;
    gateway.shown(&settled, &["members"]).await?;
    let from = (&client, &headers, &question.request);
    session::open(&gateway, StatusCode::OK, proven, from).await
}
