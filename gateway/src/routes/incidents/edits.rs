//! Changing what an incident says, and merging one into another.

use axum::extract::State;
use axum::response::Response;
use projections::incidents::{self, Incident};
use projections::members;
use schemas::ids::{IncidentId, UserId};
use schemas::incident::{
    AssignIncident, ChangeIncidentSeverity, ChangeIncidentTitle, RequestMerge,
};
use schemas::severity::Severity;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::named::Named;
use super::transitions::work;
use crate::Gateway;
use crate::error::{Error, FieldError, Pending, Problem};
use crate::operations::Allowed;
use crate::request::Asked;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSeverity {
    #[schema(value_type = crate::openapi::words::Severity)]
    pub severity: Severity,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTitle {
    #[schema(example = "Checkout is down")]
    pub title: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    /// None = nobody.
    pub user_id: Option<Uuid>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// The incident that takes this one's alerts over.
    pub into: Uuid,
}

/// Say how bad it is
#[utoipa::path(put, path = "/api/v1/incidents/{id}/severity", operation_id = "set_incident_severity",
    tag = "incidents", params(("id" = String, Path, description = "Its id, or its key such as `INC-12`")), request_body = ChangeSeverity,
    responses((status = 200, body = Incident), (status = 202, body = Pending), (status = 412, body = Problem)))]
pub async fn set_severity(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
    asked: Asked<ChangeSeverity>,
) -> Result<Response, Error> {
    let severity = asked.body.severity;
    work(
        &gateway,
        &allowed,
        id,
        &asked.question,
        ChangeIncidentSeverity { severity },
    )
    .await
}

/// Say what it is
#[utoipa::path(put, path = "/api/v1/incidents/{id}/title", operation_id = "set_incident_title",
    tag = "incidents", params(("id" = String, Path, description = "Its id, or its key such as `INC-12`")), request_body = ChangeTitle,
    responses((status = 200, body = Incident), (status = 202, body = Pending), (status = 412, body = Problem)))]
pub async fn set_title(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
    asked: Asked<ChangeTitle>,
) -> Result<Response, Error> {
    let title = asked.body.title;
    work(
        &gateway,
        &allowed,
        id,
        &asked.question,
        ChangeIncidentTitle { title },
    )
    .await
}

/// Say whose it is
#[utoipa::path(put, path = "/api/v1/incidents/{id}/assignee", operation_id = "set_incident_assignee",
    tag = "incidents", params(("id" = String, Path, description = "Its id, or its key such as `INC-12`")), request_body = Assign,
    responses((status = 200, body = Incident), (status = 202, body = Pending),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn set_assignee(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
    asked: Asked<Assign>,
) -> Result<Response, Error> {
    let assignee = asked.body.user_id.map(UserId);
    if let Some(user) = assignee {
        // What is not there is told before what is wrong with the request.
        let incident = incidents::get(&gateway.db, allowed.scope(), IncidentId(id)).await?;
        incident.ok_or(Error::NotFound)?;
        let member = members::get(&gateway.db, &gateway.people(), allowed.scope(), user).await?;
        member.ok_or_else(|| {
            Error::Invalid(vec![FieldError::new(
                "user_id",
                "is no member of this tenant",
            )])
        })?;
    }
    work(
        &gateway,
        &allowed,
        id,
        &asked.question,
        AssignIncident { assignee },
    )
    .await
}

/// Merge two incidents
///
/// The incident with the lower id survives, which need not be the older one, and takes
/// over the other's alerts and its severity where that is worse, whichever of the two
/// the request was sent to. The answer is the incident that goes; it shows `merged` once
/// the survivor has agreed.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/merge", operation_id = "merge_incident",
    tag = "incidents", params(("id" = String, Path, description = "Its id, or its key such as `INC-12`")), request_body = Merge,
    responses((status = 200, body = Incident), (status = 202, body = Pending), (status = 409, body = Problem)))]
pub async fn merge(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
    asked: Asked<Merge>,
) -> Result<Response, Error> {
    for incident in [id, asked.body.into] {
        let found = incidents::get(&gateway.db, allowed.scope(), IncidentId(incident)).await?;
        found.ok_or(Error::NotFound)?;
    }
    let mut question = asked.question;
    let (source, into) = match id >= asked.body.into {
        true => (id, asked.body.into),
        false => {
            // The version that the caller saw is not the one of the incident that goes.
            question.expected_version = None;
            (asked.body.into, id)
        }
    };
    let into = IncidentId(into);
    work(&gateway, &allowed, source, &question, RequestMerge { into }).await
}
