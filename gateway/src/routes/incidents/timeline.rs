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

use super::named::Named;
use crate::Gateway;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::operations::Allowed;
use crate::order::{Order, Ordered};
use crate::paging::{Listed, Paging};
use crate::parameters::Query;
use crate::request::Asked;

const LIST: &str = "timeline";
/// Its cursors are no cursors of the other.
const LIST_NEWEST: &str = "timeline, newest first";

/// A page of the list.
pub type TimelineEntryPage = Listed<TimelineEntry>;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComment {
    #[schema(example = "looking at the deploy of 02:31")]
    pub body: String,
}

/// What happened, oldest first unless told
#[utoipa::path(get, path = "/api/v1/incidents/{id}/timeline", operation_id = "incident_timeline",
    tag = "incidents", params(("id" = String, Path, description = "Its id, or its key such as `INC-12`"), Ordered, Paging),
    responses((status = 200, body = TimelineEntryPage), (status = 404, body = Problem)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
    Query(ordered): Query<Ordered>,
    Query(paging): Query<Paging>,
) -> Result<Json<TimelineEntryPage>, Error> {
    let (scope, id) = (allowed.scope(), IncidentId(id));
    incidents::get(&gateway.db, scope, id)
        .await?
        .ok_or(Error::NotFound)?;
    let (db, limit) = (&gateway.db, paging.limit()?);
    let (list, newest_first) = match ordered.order {
        Some(Order::NewestFirst) => (LIST_NEWEST, true),
        Some(Order::OldestFirst) | None => (LIST, false),
    };
    let after = paging.after(&gateway, scope, list)?;
    let page = match newest_first {
        true => timeline::list_newest(db, scope, id, after, limit).await?,
        false => timeline::list(db, scope, id, after, limit).await?,
    };
    Ok(Json(Listed::of(&gateway, scope, list, page)?))
}

/// Say something about it
#[utoipa::path(post, path = "/api/v1/incidents/{id}/comments", operation_id = "comment_on_incident",
    tag = "incidents", params(("id" = String, Path, description = "Its id, or its key such as `INC-12`")), request_body = NewComment,
    responses((status = 201, body = TimelineEntry), (status = 202, body = Pending),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn comment(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
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
