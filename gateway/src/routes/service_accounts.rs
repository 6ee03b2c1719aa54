//! `/api/v1/service-accounts`: programs that act in the project, each with keys of
//! its own, which end with it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use projections::service_accounts::{self, ServiceAccount};
use schemas::context::Context;
use schemas::ids::ServiceAccountId;
use schemas::scope::Scope;
use schemas::service_account::{
    CreateServiceAccount, DisableServiceAccount, ServiceAccountCommand,
};
use schemas::service_account_keys::{EndServiceAccountKeys, ServiceAccountKeysCommand};
use schemas::topic::Topic;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::api_keys::revoke_all;
use crate::Gateway;
use crate::dispatch::Command;
use crate::error::{Error, FieldError, Pending, Problem};
use crate::given_names::{giving, taken};
use crate::operations::Allowed;
use crate::paging::{Listed, Paging};
use crate::parameters::{Path, Query};
use crate::request::{Asked, NoFields, Question};

const LIST: &str = "service_accounts";
const DISABLED: &str = "the service account was disabled";
const WHAT: &str = "a service account";
/// So many accounts in use a project has at most.
const MOST: u32 = 500;

/// A page of the list.
pub type ServiceAccountPage = Listed<ServiceAccount>;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewServiceAccount {
    #[schema(example = "deploys")]
    pub name: String,
    #[serde(default)]
    #[schema(example = "The pipeline of the shop")]
    pub description: String,
}

/// The project's service accounts, oldest first
#[utoipa::path(get, path = "/api/v1/service-accounts", operation_id = "list_service_accounts", tag = "tenant",
    params(Paging),
    responses((status = 200, body = ServiceAccountPage)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(paging): Query<Paging>,
) -> Result<Json<ServiceAccountPage>, Error> {
    let scope = allowed.scope();
    let after = paging.after(&gateway, scope, LIST)?;
    let page = service_accounts::list(&gateway.db, scope, after, paging.limit()?).await?;
    Ok(Json(Listed::of(&gateway, scope, LIST, page)?))
}

/// Create a service account
///
/// Its name is its own among those of the project that are in use, in whatever case.
#[utoipa::path(post, path = "/api/v1/service-accounts", operation_id = "create_service_account", tag = "tenant",
    request_body = NewServiceAccount,
    responses((status = 201, body = ServiceAccount), (status = 202, body = Pending), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
pub async fn create(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<NewServiceAccount>,
) -> Result<Response, Error> {
    let scope = allowed.scope();
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let id = ServiceAccountId(command.created());
    let name = asked.body.name.trim();
    let held = ServiceAccountId::named(scope.project(), name);
    let give = async {
        free_for(&gateway, scope, id, name).await?;
        let message = ServiceAccountCommand::from(CreateServiceAccount {
            name: name.to_owned(),
            description: asked.body.description.trim().to_owned(),
        });
        let topic = Topic::IdentityCommands;
        let settled = gateway.send(&command, topic, id, message).await?;
        gateway.shown(&settled, &[LIST]).await?;
        let found = service_accounts::get(&gateway.db, scope, id).await?;
        let account = found.ok_or(Error::NotYet(settled.command))?;
        Ok((StatusCode::CREATED, Json(account)).into_response())
    };
    giving(&gateway, held, WHAT, &command, give).await
}

/// Refuses `name` where an account in use other than `id` has it, and one account more
/// than a project has at most.
async fn free_for(
    gateway: &Gateway,
    scope: &Scope,
    id: ServiceAccountId,
    name: &str,
) -> Result<(), Error> {
    let known = service_accounts::in_use(&gateway.db, scope, MOST).await?;
    if known.iter().any(|(known, _)| *known == id) {
        return Ok(());
    }
    let wanted = ServiceAccountId::named(scope.project(), name);
    let same = |called: &str| ServiceAccountId::named(scope.project(), called) == wanted;
    if known.iter().any(|(_, called)| same(called)) {
        return Err(taken(WHAT));
    }
    match known.len() < usize::try_from(MOST).unwrap_or(usize::MAX) {
        true => Ok(()),
        false => Err(Error::refused_here(
            "too_many_service_accounts",
            format!("a project has at most {MOST} service accounts in use"),
        )),
    }
}

/// Disable a service account
///
/// Revokes its keys for good, those that are being made at the same moment too.
#[utoipa::path(delete, path = "/api/v1/service-accounts/{id}", operation_id = "disable_service_account",
    tag = "tenant", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 202, body = Pending), (status = 404, body = Problem)))]
pub async fn disable(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<Option<NoFields>>,
) -> Result<StatusCode, Error> {
    let scope = allowed.scope();
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let message = ServiceAccountCommand::from(DisableServiceAccount { reason: None });
    let topic = Topic::IdentityCommands;
    let settled = gateway
        .send(&command, topic, ServiceAccountId(id), message)
        .await?;
    end_keys(&gateway, scope, &asked.question, ServiceAccountId(id)).await?;
    gateway.shown(&settled, &[LIST]).await?;
    // None of them is good any more; each is told in the audit by its name.
    let own = |key: &projections::api_keys::ApiKey| key.service_account_id == Some(id);
    revoke_all(&gateway, scope, &asked.question, DISABLED, own).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the keys of an account by one fact for the keyring, whatever of them is known
/// here. Where this is not reached, worker `service_account_key_ender` gives the command.
async fn end_keys(
    gateway: &Gateway,
    scope: &Scope,
    question: &Question,
    id: ServiceAccountId,
) -> Result<(), Error> {
    // One request, but a command of its own.
    let mut question = question.clone();
    question.expected_version = None;
    question.route.push_str(" keys");
    let command = Command::new(scope, &question, &Context::ambient(&gateway.clock));
    let reason = Some(DISABLED.to_owned());
    let message = ServiceAccountKeysCommand::from(EndServiceAccountKeys { reason });
    let topic = Topic::IdentityCommands;
    gateway.send(&command, topic, id, message).await?;
    Ok(())
}

/// Refuses a key for an account that is not here or is disabled.
pub(super) async fn usable(
    gateway: &Gateway,
    scope: &Scope,
    account: Option<ServiceAccountId>,
) -> Result<(), Error> {
    let Some(id) = account else {
        return Ok(());
    };
    let found = service_accounts::get(&gateway.db, scope, id).await?;
    match found.is_some_and(|account| account.disabled_at.is_none()) {
        true => Ok(()),
        false => Err(Error::Invalid(vec![FieldError::new(
            "service_account_id",
            "is no service account of this project that is in use",
        )])),
    }
}
