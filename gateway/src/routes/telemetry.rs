//! `/api/v1/telemetry`: how long a project keeps its metrics, logs and traces, and
//! deleting them.

use access::permissions::Action;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use projections::telemetry::deletions::{self, Deletion};
use projections::telemetry::policies::{self, Rule};
use schemas::context::Context;
use schemas::ids::ProjectId;
use schemas::tenant::{DeleteTelemetry, SetTelemetryRetention, TenantCommand};
use schemas::topic::Topic;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Gateway;
use crate::auth::proof;
use crate::dispatch::Command;
use crate::error::{Error, FieldError, Pending, Problem};
use crate::operations::Allowed;
use crate::outcomes::Settled;
use crate::request::{Asked, Question};

const MOST_DELETIONS: u32 = 100;

/// How long the project keeps its telemetry.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetentionRules {
    pub items: Vec<Rule>,
    /// Days that can be chosen.
    pub days: Vec<i32>,
}

/// One rule: the closest to a stream holds.
// A stream that is misspelt would be the whole signal, days that are would be no rule.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SetTelemetryRetention)]
pub struct SetRetention {
    /// metrics, `metrics_5m`, `metrics_1h`, logs, traces
    #[schema(example = "logs")]
    pub signal: String,
    /// A metric's or a service's name, or the beginning of one before a `*`; empty
    /// for the whole signal.
    #[serde(default)]
    #[schema(example = "debug-*")]
    pub stream: String,
    /// 1, 3, 7, 15, 30, 90 or 400; null takes the rule away.
    #[schema(example = 7)]
    pub days: Option<i32>,
    // The list has it, and whoever sends a rule back with other days sends it along.
    #[serde(default, rename = "default")]
    #[schema(ignore)]
    _default: IgnoredAny,
}

/// What is to go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeleteTelemetry)]
pub struct NewDeletion {
    /// `project`: the one that the credential is for. `tenant`: all projects, which takes
    /// leave for `tenant_telemetry.delete`.
    #[schema(example = "project")]
    pub of: String,
}

/// The newest deletions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deletions {
    pub items: Vec<Deletion>,
}

/// How long the project keeps metrics, logs and traces
#[utoipa::path(get, path = "/api/v1/telemetry/retention", operation_id = "list_telemetry_retention", tag = "telemetry",
    responses((status = 200, body = RetentionRules)))]
pub async fn rules(
    State(gateway): State<Gateway>,
    allowed: Allowed,
) -> Result<Json<RetentionRules>, Error> {
    shown(&gateway, &allowed).await.map(Json)
}

/// Set how long a signal or a stream of it is kept
///
/// Segments that are stored are divided anew, some at a time.
#[utoipa::path(put, path = "/api/v1/telemetry/retention", operation_id = "set_telemetry_retention", tag = "telemetry",
    request_body = SetRetention,
    responses((status = 200, body = RetentionRules), (status = 202, body = Pending),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn set_rule(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<SetRetention>,
) -> Result<Json<RetentionRules>, Error> {
    let SetRetention {
        signal,
        stream,
        days,
        ..
    } = asked.body;
    let message = SetTelemetryRetention {
        project: allowed.scope().project(),
        signal,
        stream: stream.trim().to_owned(),
        days,
    };
    let settled = send(&gateway, &allowed, &asked.question, message).await?;
    gateway.shown(&settled, &[policies::NAME]).await?;
    shown(&gateway, &allowed).await.map(Json)
}

/// Deletions of telemetry, the newest first
#[utoipa::path(get, path = "/api/v1/telemetry/deletions", operation_id = "list_telemetry_deletions", tag = "telemetry",
    responses((status = 200, body = Deletions)))]
pub async fn list_deletions(
    State(gateway): State<Gateway>,
    allowed: Allowed,
) -> Result<Json<Deletions>, Error> {
    let items = deletions::list(&gateway.db, allowed.scope(), MOST_DELETIONS).await?;
    Ok(Json(Deletions { items }))
}

/// Delete all metrics, logs and traces that were received until now
///
/// What comes afterwards is kept. `done_at` in the list of deletions says when nothing
/// of it can be asked for any more; the log forgets the bodies in its own time. Needs a
/// fresh proof.
#[utoipa::path(post, path = "/api/v1/telemetry/deletions", operation_id = "delete_telemetry", tag = "telemetry",
    request_body = NewDeletion,
    responses((status = 201, body = Deletions), (status = 202, body = Pending),
        (status = 400, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub async fn delete(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<NewDeletion>,
) -> Result<Response, Error> {
    let project: Option<ProjectId> = match asked.body.of.as_str() {
        "project" => Some(allowed.scope().project()),
        "tenant" => {
            allowed.also(Action::DeleteTenantTelemetry)?;
            None
        }
        other => {
            let message = format!("`{other}` is neither project nor tenant");
            return Err(Error::Malformed(FieldError::new("of", message)));
        }
    };
    proof::needed(&gateway, &allowed).await?;
    let message = DeleteTelemetry { project };
    let settled = send(&gateway, &allowed, &asked.question, message).await?;
    gateway.shown(&settled, &[policies::NAME]).await?;
    let items = deletions::list(&gateway.db, allowed.scope(), MOST_DELETIONS).await?;
    Ok((StatusCode::CREATED, Json(Deletions { items })).into_response())
}

async fn shown(gateway: &Gateway, allowed: &Allowed) -> Result<RetentionRules, Error> {
    Ok(RetentionRules {
        items: policies::rules(&gateway.db, allowed.scope()).await?,
        days: schemas::tenant::RETENTION_DAYS.to_vec(),
    })
}

async fn send(
    gateway: &Gateway,
    allowed: &Allowed,
    question: &Question,
    message: impl Into<TenantCommand>,
) -> Result<std::sync::Arc<Settled>, Error> {
    let scope = allowed.scope();
    let command = Command::new(scope, question, &Context::ambient(&gateway.clock));
    let message: TenantCommand = message.into();
    gateway
        .send(&command, Topic::IdentityCommands, scope.tenant(), message)
        .await
}
