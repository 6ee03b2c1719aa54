//! `/api/v1/api-keys`: keys for agents and programs.

pub mod change;
pub mod rotate;

use access::api_key::{self, NewKey};
use access::permissions::Action;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use projections::api_keys::{self, ApiKey};
use projections::projects;
use schemas::api_key::{ApiKeyCommand, CreateApiKey, RevokeApiKey};
use schemas::context::Context;
use schemas::ids::{ApiKeyId, ServiceAccountId};
use schemas::names;
use schemas::scope::Scope;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::service_accounts;
use crate::Gateway;
use crate::auth::register::refuse_if;
use crate::dispatch::Command;
use crate::error::{Error, FieldError, Pending, Problem};
use crate::openapi::words::KeyScope;
use crate::operations::Allowed;
use crate::paging::{Listed, Paging};
use crate::parameters::{Path, Query};
use crate::request::{Asked, NoFields, Question};

const LIST: &str = "api_keys";

/// A page of the list.
pub type ApiKeyPage = Listed<ApiKey>;

const MAX_NAME: usize = 100;
/// Keys that are revoked between two looks into the list.
const PAGE: u32 = 200;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    #[schema(example = "alertmanager")]
    pub name: String,
    pub scopes: Vec<KeyScope>,
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
    /// A service account of this project that the key is for.
    #[serde(default)]
    #[schema(example = json!(null))]
    pub service_account_id: Option<Uuid>,
}

/// A key with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedApiKey {
    #[serde(flatten)]
    pub shown: ApiKey,
    pub key: String,
}

/// The project's keys
#[utoipa::path(get, path = "/api/v1/api-keys", operation_id = "list_api_keys", tag = "tenant",
    params(Paging),
    responses((status = 200, body = ApiKeyPage)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(paging): Query<Paging>,
) -> Result<Json<ApiKeyPage>, Error> {
    let scope = allowed.scope();
    let after = paging.after(&gateway, scope, LIST)?;
    let page = api_keys::list(&gateway.db, scope, after, paging.limit()?).await?;
    Ok(Json(Listed::of(&gateway, scope, LIST, page)?))
}

/// Create a key
#[utoipa::path(post, path = "/api/v1/api-keys", operation_id = "create_api_key", tag = "tenant",
    request_body = NewApiKey,
    responses((status = 201, body = CreatedApiKey), (status = 202, body = Pending), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<NewApiKey>,
) -> Result<Response, Error> {
    refuse_if(problems(&gateway, &asked.body))?;
    no_more_than_own(&allowed, asked.body.scopes.iter().map(|scope| scope.name()))?;
    let scope = allowed.scope();
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let id = ApiKeyId(command.created());
    let key = secret(&gateway, &command)?;
    let NewApiKey {
        name,
        scopes,
        expires_at,
        service_account_id,
    } = asked.body;
    let service_account = service_account_id.map(ServiceAccountId);
    service_accounts::usable(&gateway, scope, service_account).await?;
    refuse_archived(&gateway, scope).await?;
    let message = ApiKeyCommand::from(CreateApiKey {
        name: name.trim().to_owned(),
        project: scope.project(),
        hash: hex::encode(key.hash),
        prefix: key.prefix.clone(),
        scopes: scopes.iter().map(|scope| scope.name().to_owned()).collect(),
        expires_at: expires_at.map(Into::into),
        service_account,
    });
    let topic = Topic::IdentityCommands;
    let settled = gateway.send(&command, topic, id, message).await?;
    gateway.shown(&settled, &[LIST]).await?;
    let found = api_keys::get(&gateway.db, scope, id).await?;
    let created = CreatedApiKey {
        shown: found.ok_or(Error::NotYet(settled.command))?,
        key: key.text.to_string(),
    };
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

/// Revoke a key
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", operation_id = "revoke_api_key", tag = "tenant",
    params(("id" = Uuid, Path)),
    responses((status = 204), (status = 202, body = Pending), (status = 404, body = Problem)))]
pub async fn revoke(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<Option<NoFields>>,
) -> Result<StatusCode, Error> {
    let command = Command::new(
        allowed.scope(),
        &asked.question,
        &Context::ambient(&gateway.clock),
    );
    let message = ApiKeyCommand::from(RevokeApiKey { reason: None });
    let topic = Topic::IdentityCommands;
    let settled = gateway.send(&command, topic, ApiKeyId(id), message).await?;
    gateway.shown(&settled, &[LIST]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revokes the keys of a project that `which` says, one after the other.
pub(super) async fn revoke_all(
    gateway: &Gateway,
    scope: &Scope,
    question: &Question,
    reason: &str,
    which: impl Fn(&ApiKey) -> bool,
) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = api_keys::list(&gateway.db, scope, after, PAGE).await?;
        let good = page.items.iter().filter(|key| !key.is_revoked_itself);
        for key in good.filter(|key| which(key)) {
            let mut question = question.clone();
            // One request, but a command a key.
            question.expected_version = None;
            question.route = format!("{} {}", question.route, key.id);
            let command = Command::new(scope, &question, &Context::ambient(&gateway.clock));
            let reason = Some(reason.to_owned());
            let message = ApiKeyCommand::from(RevokeApiKey { reason });
            let topic = Topic::IdentityCommands;
            gateway
                .send(&command, topic, ApiKeyId(key.id), message)
                .await?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// A key of an archived project is good for nothing, and no longer once it is restored.
async fn refuse_archived(gateway: &Gateway, scope: &Scope) -> Result<(), Error> {
    let project = projects::get(&gateway.db, scope, scope.project()).await?;
    match project.is_some_and(|project| project.archived_at.is_some()) {
        true => Err(Error::refused_here(
            "project_archived",
            "the project is archived: restore it first",
        )),
        false => Ok(()),
    }
}

/// Nobody makes a key that may do more than they: a key reaches over the tenant where
/// an admin of a single project does not. Sending is what keys are for.
fn no_more_than_own<'a>(
    allowed: &Allowed,
    scopes: impl Iterator<Item = &'a str>,
) -> Result<(), Error> {
    for scope in scopes.filter_map(access::permissions::KeyScope::parse) {
        let granted = Action::all().filter(|action| scope.allows(*action));
        for action in granted.filter(|action| !action.roles().is_empty()) {
            allowed.also(action)?;
        }
    }
    Ok(())
}

/// A retry under an idempotency key must show the key that its first attempt made.
fn secret(gateway: &Gateway, command: &Command) -> Result<NewKey, Error> {
    Ok(match command.is_repeatable() {
        true => api_key::derive(&gateway.keys()?.api_key(command.id().0.as_bytes())),
        false => api_key::generate(),
    })
}

fn name_problems(name: &str) -> Vec<FieldError> {
    let length = FieldError::of_length("name", name, &(1..=MAX_NAME));
    let unfit = names::problem(name).map(|problem| FieldError::new("name", problem));
    length.into_iter().chain(unfit).collect()
}

fn scope_problems(scopes: &[KeyScope]) -> Option<FieldError> {
    let none = || FieldError::new("scopes", "must name at least one scope");
    scopes.is_empty().then(none)
}

fn problems(gateway: &Gateway, asked: &NewApiKey) -> Vec<FieldError> {
    let mut wrong = name_problems(asked.name.trim());
    wrong.extend(scope_problems(&asked.scopes));
    let now = gateway.clock.now().datetime();
    if let Some(at) = asked.expires_at.filter(|at| *at <= now) {
        let sent = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        wrong.push(FieldError::quoting("expires_at", &sent, "lies in the past"));
    }
    wrong
}
