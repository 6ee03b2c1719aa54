//! `POST /api/v1/incidents/{id}/<action>`: moving an incident on. Each takes an
//! optional note, honours `If-Match`, and answers with the incident or, where the
//! step is not legal, 409 with the steps that are.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use projections::incidents::Incident;
use schemas::context::Context;
use schemas::ids::IncidentId;
use schemas::incident::{
    AcknowledgeIncident, IncidentCommand, InvestigateIncident, LearnIncident, MitigateIncident,
    ReopenIncident, ResolveIncident,
};
use schemas::topic::Topic;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::named::Named;
use super::shown;
use crate::Gateway;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::etag;
use crate::operations::Allowed;
use crate::request::{Asked, Question};

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    #[serde(default)]
    pub note: Option<String>,
}

/// Somebody is on it
#[utoipa::path(post, path = "/api/v1/incidents/{id}/acknowledge", operation_id = "acknowledge_incident",
    tag = "incidents", params(("id" = String, Path, description = "Its id, or its key such as `INC-12`")), request_body(content = Option<Note>),
    responses((status = 200, body = Incident), (status = 202, body = Pending),
        (status = 409, body = Problem), (status = 412, body = Problem)))]
pub async fn acknowledge(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
    asked: Asked<Option<Note>>,
) -> Result<Response, Error> {
    let note = noted(&asked);
    work(
        &gateway,
        &allowed,
        id,
        &asked.question,
        AcknowledgeIncident { note },
    )
    .await
}

/// The cause is being looked for
#[utoipa::path(post, path = "/api/v1/incidents/{id}/investigate", operation_id = "investigate_incident",
    tag = "incidents", params(("id" = String, Path, description = "Its id, or its key such as `INC-12`")), request_body(content = Option<Note>),
    responses((status = 200, body = Incident), (status = 202, body = Pending),
        (status = 409, body = Problem), (status = 412, body = Problem)))]
pub async fn investigate(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
    asked: Asked<Option<Note>>,
) -> Result<Response, Error> {
    let note = noted(&asked);
    work(
        &gateway,
        &allowed,
        id,
        &asked.question,
        InvestigateIncident { note },
    )
    .await
}

/// The effect is gone, the cause perhaps not
#[utoipa::path(post, path = "/api/v1/incidents/{id}/mitigate", operation_id = "mitigate_incident",
    tag = "incidents", params(("id" = String, Path, description = "Its id, or its key such as `INC-12`")), request_body(content = Option<Note>),
    responses((status = 200, body = Incident), (status = 202, body = Pending),
        (status = 409, body = Problem), (status = 412, body = Problem)))]
pub async fn mitigate(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
    asked: Asked<Option<Note>>,
) -> Result<Response, Error> {
    let note = noted(&asked);
    work(
        &gateway,
        &allowed,
        id,
        &asked.question,
        MitigateIncident { note },
    )
    .await
}

/// It is over
#[utoipa::path(post, path = "/api/v1/incidents/{id}/resolve", operation_id = "resolve_incident",
    tag = "incidents", params(("id" = String, Path, description = "Its id, or its key such as `INC-12`")), request_body(content = Option<Note>),
    responses((status = 200, body = Incident), (status = 202, body = Pending),
        (status = 409, body = Problem), (status = 412, body = Problem)))]
pub async fn resolve(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
    asked: Asked<Option<Note>>,
) -> Result<Response, Error> {
    let note = noted(&asked);
    work(
        &gateway,
        &allowed,
        id,
        &asked.question,
        ResolveIncident { note },
    )
    .await
}

/// What was to be learned is written down
#[utoipa::path(post, path = "/api/v1/incidents/{id}/learn", operation_id = "learn_incident",
    tag = "incidents", params(("id" = String, Path, description = "Its id, or its key such as `INC-12`")), request_body(content = Option<Note>),
    responses((status = 200, body = Incident), (status = 202, body = Pending),
        (status = 409, body = Problem), (status = 412, body = Problem)))]
pub async fn learn(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
    asked: Asked<Option<Note>>,
) -> Result<Response, Error> {
    let note = noted(&asked);
    work(
        &gateway,
        &allowed,
        id,
        &asked.question,
        LearnIncident { note },
    )
    .await
}

/// It is not over after all
#[utoipa::path(post, path = "/api/v1/incidents/{id}/reopen", operation_id = "reopen_incident",
    tag = "incidents", params(("id" = String, Path, description = "Its id, or its key such as `INC-12`")), request_body(content = Option<Note>),
    responses((status = 200, body = Incident), (status = 202, body = Pending),
        (status = 409, body = Problem), (status = 412, body = Problem)))]
pub async fn reopen(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
    asked: Asked<Option<Note>>,
) -> Result<Response, Error> {
    let note = noted(&asked);
    work(
        &gateway,
        &allowed,
        id,
        &asked.question,
        ReopenIncident { note },
    )
    .await
}

/// Sends a command to an incident and answers with what became of it.
pub(super) async fn work(
    gateway: &Gateway,
    allowed: &Allowed,
    id: Uuid,
    question: &Question,
    message: impl Into<IncidentCommand>,
) -> Result<Response, Error> {
    let scope = allowed.scope();
    let id = IncidentId(id);
    let command = Command::new(scope, question, &Context::ambient(&gateway.clock));
    let message: IncidentCommand = message.into();
    let topic = Topic::IncidentCommands;
    let settled = gateway.send(&command, topic, id, message).await?;
    let incident = shown(gateway, scope, id, &settled).await?;
    Ok((etag::header(incident.version), Json(incident)).into_response())
}

fn noted(asked: &Asked<Option<Note>>) -> Option<String> {
    let note = asked.body.as_ref().and_then(|body| body.note.clone());
    note.filter(|text| !text.trim().is_empty())
}
