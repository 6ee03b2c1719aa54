//! What happened to an incident, and what people say about it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use projections::incidents;
use projections::timeline::{self, TimelineEntry};
use schemas::context::Context;
use schemas::ids::{CommentId, IncidentId};
use schemas::incident::{CommentIncident, IncidentCommand};
use schemas::topic::Topic;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Gateway;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::operations::Allowed;
use crate::paging::{Listed, Paging};
use crate::parameters::{Path, Query};
use crate::request::Asked;

const LIST: &str = "timeline";

/// A page of the list.
pub type TimelineEntryPage = Listed<TimelineEntry>;

#[derive(Debug, Deserialize, ToSchema)]
pub struct NewComment {
    #[schema(example = "looking at the deploy of 02:31")]
    pub body: String,
}

/// What happened, oldest first
#[utoipa::path(get, path = "/api/v1/incidents/{id}/timeline", operation_id = "incident_timeline",
    tag = "incidents", params(("id" = Uuid, Path), Paging),
    responses((status = 200, body = TimelineEntryPage), (status = 404, body = Problem)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    Query(paging): Query<Paging>,
) -> Result<Json<TimelineEntryPage>, Error> {
    let (scope, id) = (allowed.scope(), IncidentId(id));
    incidents::get(&gateway.db, scope, id)
        .await?
        .ok_or(Error::NotFound)?;
    let after = paging.after(&gateway, scope, LIST)?;
    let page = timeline::list(&gateway.db, scope, id, after, paging.limit()).await?;
    Ok(Json(Listed::of(&gateway, scope, LIST, page)?))
}

/// Say something about it
#[utoipa::path(post, path = "/api/v1/incidents/{id}/comments", operation_id = "comment_on_incident",
    tag = "incidents", params(("id" = Uuid, Path)), request_body = NewComment,
    responses((status = 201, body = TimelineEntry), (status = 202, body = Pending),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn comment(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<Uuid>,
    asked: Asked<NewComment>,
) -> Result<Response, Error> {
    let (scope, id) = (allowed.scope(), IncidentId(id));
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let comment = CommentId(command.created());
    let message = IncidentCommand::from(CommentIncident {
        comment,
        body: asked.body.body,
    });
    let topic = Topic::IncidentCommands;
    let settled = gateway.send(&command, topic, id, message).await?;
    gateway.shown(&settled, &[LIST]).await?;
    let found = timeline::comment(&gateway.db, scope, id, comment).await?;
    let entry = found.ok_or(Error::NotYet(settled.command))?;
    Ok((StatusCode::CREATED, Json(entry)).into_response())
}
