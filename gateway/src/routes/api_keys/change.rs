//! `PATCH /api/v1/api-keys/{id}`: another name or other scopes for a key that goes on.

use axum::Json;
use axum::extract::State;
use projections::api_keys::{self, ApiKey};
use schemas::api_key::{ApiKeyCommand, ChangeApiKey};
use schemas::context::Context;
use schemas::ids::ApiKeyId;
use schemas::topic::Topic;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{LIST, name_problems, no_more_than_own, scope_problems};
use crate::Gateway;
use crate::auth::register::refuse_if;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::openapi::words::KeyScope;
use crate::operations::Allowed;
use crate::parameters::Path;
use crate::request::Asked;

/// What is not given stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyChange {
    #[serde(default)]
    #[schema(example = "alertmanager-eu")]
    pub name: Option<String>,
    #[serde(default)]
    pub scopes: Option<Vec<KeyScope>>,
}

/// Change a key
///
/// Its secret stays. What it may do from now on holds within a second everywhere, and
/// closes the sockets that it has open.
#[utoipa::path(patch, path = "/api/v1/api-keys/{id}", operation_id = "change_api_key", tag = "tenant",
    params(("id" = Uuid, Path)), request_body = ApiKeyChange,
    responses((status = 200, body = ApiKey), (status = 202, body = Pending), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn change(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<ApiKeyChange>,
) -> Result<Json<ApiKey>, Error> {
    let (scope, id) = (allowed.scope(), ApiKeyId(id));
    let ApiKeyChange { name, scopes } = asked.body;
    let name = name.map(|name| name.trim().to_owned());
    let wrong = name.as_deref().map(name_problems).unwrap_or_default();
    let wrong = wrong
        .into_iter()
        .chain(scopes.as_deref().and_then(scope_problems));
    refuse_if(wrong.collect())?;
    let held = api_keys::get(&gateway.db, scope, id).await?;
    let held = held.ok_or(Error::NotFound)?;
    let mut question = asked.question;
    if let Some(scopes) = &scopes {
        let wanted = || scopes.iter().map(|scope| scope.name());
        let added = wanted().filter(|scope| !held.scopes.iter().any(|has| has == scope));
        no_more_than_own(&allowed, added)?;
        // What the caller could not give is left to a key that still has it: somebody else
        // may have taken it away, and it is not shown yet.
        if no_more_than_own(&allowed, wanted()).is_err() {
            question.expected_version.get_or_insert(held.version);
        }
    }
    let command = Command::new(scope, &question, &Context::ambient(&gateway.clock));
    let message = ApiKeyCommand::from(ChangeApiKey {
        name,
        scopes: scopes.map(|all| all.iter().map(|scope| scope.name().to_owned()).collect()),
    });
    let topic = Topic::IdentityCommands;
    let settled = gateway.send(&command, topic, id, message).await?;
    gateway.shown(&settled, &[LIST]).await?;
    let found = api_keys::get(&gateway.db, scope, id).await?;
    found.map(Json).ok_or(Error::NotYet(settled.command))
}
