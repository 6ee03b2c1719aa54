//! `POST /api/v1/api-keys/{id}/rotate`: another secret, while the old one still works.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use projections::api_keys::{self, ApiKey};
use schemas::api_key::{ApiKeyCommand, CreateApiKey, EndApiKey};
use schemas::context::Context;
use schemas::ids::{ApiKeyId, ServiceAccountId};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{CreatedApiKey, LIST, no_more_than_own, secret};
use crate::Gateway;
use crate::auth::register::refuse_if;
use crate::dispatch::Command;
use crate::error::{Error, FieldError, Pending, Problem};
use crate::operations::Allowed;
use crate::parameters::Path;
use crate::request::{Asked, Question};

const HOUR_MS: i64 = 3_600_000;
const OVERLAP_HOURS: u32 = 24;
const LONGEST_HOURS: u32 = 30 * 24;

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// How long the old key still works; a day unless told, 30 days at most, not at all
    /// with 0.
    #[serde(default)]
    #[schema(example = 24)]
    pub overlap_hours: Option<u32>,
}

/// Rotate a key
///
/// Makes a key with the same name, scopes and lifetime, and lets the old one end after
/// the overlap, in which agents can be given the new one; a key that leaked ends at once
/// with an overlap of 0. Shown this once. What was rotated is not rotated again: rotate
/// the key that took its place.
#[utoipa::path(post, path = "/api/v1/api-keys/{id}/rotate", operation_id = "rotate_api_key", tag = "tenant",
    params(("id" = Uuid, Path)), request_body(content = Option<Rotation>),
    responses((status = 201, body = CreatedApiKey), (status = 202, body = Pending), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn rotate(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<Option<Rotation>>,
) -> Result<Response, Error> {
    let (scope, now) = (allowed.scope(), gateway.clock.now());
    let hours = asked.body.unwrap_or_default().overlap_hours;
    let hours = hours.unwrap_or(OVERLAP_HOURS);
    refuse_if(too_long(hours).into_iter().collect())?;
    let old = api_keys::get(&gateway.db, scope, ApiKeyId(id)).await?;
    let old = old.ok_or(Error::NotFound)?;
    let context = Context::ambient(&gateway.clock);
    // One request, two commands; what the caller expects is said of the old key.
    let mut question = asked.question;
    let route = format!("{} end", question.route);
    let ending = Question {
        route,
        ..question.clone()
    };
    let ending = Command::new(scope, &ending, &context);
    question.expected_version = None;
    let command = Command::new(scope, &question, &context);
    let new = ApiKeyId(command.created());
    // A retry finds its own key there, and is told of it again.
    if api_keys::get(&gateway.db, scope, new).await?.is_none() {
        refuse_revoked(&old)?;
    }
    no_more_than_own(&allowed, old.scopes.iter().map(String::as_str))?;
    let key = secret(&gateway, &command)?;
    let message = ApiKeyCommand::from(CreateApiKey {
        name: old.name.clone(),
        project: scope.project(),
        hash: hex::encode(key.hash),
        prefix: key.prefix.clone(),
        scopes: old.scopes.clone(),
        expires_at: same_lifetime(&old, now),
        service_account: old.service_account_id.map(ServiceAccountId),
    });
    let topic = Topic::IdentityCommands;
    // The old key decides who rotates it, so it goes first: of many at once one is
    // accepted, and nothing is made for the others. A crash between the two leaves a key
    // that ends after the overlap and has no successor. The retry under the same
    // Idempotency-Key makes it. Without one a key has to be created by hand, as before:
    // the secret is told by this answer only and was lost with it in either order, and
    // an end that was asked for is better than a good key that nobody was ever told of.
    let end = ApiKeyCommand::from(EndApiKey {
        expires_at: now.plus_millis(i64::from(hours) * HOUR_MS),
        successor: Some(new),
    });
    let ended = gateway.send(&ending, topic, ApiKeyId(id), end).await?;
    let created = gateway.send(&command, topic, new, message).await?;
    gateway.shown(&created, &[LIST]).await?;
    gateway.shown(&ended, &[LIST]).await?;
    let found = api_keys::get(&gateway.db, scope, new).await?;
    let shown = found.ok_or(Error::NotYet(created.command))?;
    let key = key.text.to_string();
    Ok((StatusCode::CREATED, Json(CreatedApiKey { shown, key })).into_response())
}

fn too_long(hours: u32) -> Option<FieldError> {
    let message = format!("must be at most {LONGEST_HOURS}");
    (hours > LONGEST_HOURS).then(|| FieldError::new("overlap_hours", message))
}

/// A revoked key is not brought back. The key itself refuses that too, but knows nothing
/// of a service account that was disabled or of a project that was archived.
fn refuse_revoked(old: &ApiKey) -> Result<(), Error> {
    match old.revoked_at {
        Some(_) => Err(Error::refused_here(
            "key_revoked",
            "the API key was revoked",
        )),
        None => Ok(()),
    }
}

/// When a key that lives as long as `old` was made to ends, if it begins now. A retry may
/// find that `old` ends with the overlap already.
fn same_lifetime(old: &ApiKey, now: Timestamp) -> Option<Timestamp> {
    let lifetime = old.made_to_expire_at? - old.created_at;
    Some(now.plus_millis(lifetime.num_milliseconds()))
}
