//! `/api/v1/incidents`: the list, one incident, declaring one, and the overview.

pub mod alerts;
pub mod edits;
mod named;
pub mod timeline;
pub mod transitions;

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use projections::incidents::{self, Filter, Incident, Order, Stats};
use schemas::context::Context;
use schemas::ids::{IncidentId, UserId};
use schemas::incident::{IncidentCommand, IncidentSource, IncidentStatus, OpenIncident};
use schemas::scope::Scope;
use schemas::severity::Severity;
use schemas::topic::Topic;
use serde::Deserialize;
use tokio::time::{Instant, interval};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::Gateway;
use crate::dispatch::Command;
use crate::error::{Error, FieldError, Pending, Problem};
use crate::etag;
use crate::operations::Allowed;
use crate::outcomes::Settled;
use crate::paging::{Listed, Paging};
use crate::parameters::{Query, in_order, named_in_order};
use crate::request::Asked;
use named::Named;

const LIST: &str = "incidents";
/// Their cursors are no cursors of the first.
const LIST_OLDEST: &str = "incidents, oldest first";
const LIST_WORST: &str = "incidents, worst first";

/// A page of the list.
pub type IncidentPage = Listed<Incident>;

/// How often it is looked whether a declared incident has its number.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the overview covers unless told.
const OVERVIEW_DAYS: i64 = 30;

/// Which incidents.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// One or more of detected, acknowledged, investigating, mitigated, resolved,
    /// learned, merged, separated by commas; `open` is every status before resolved.
    pub status: Option<String>,
    /// One or more of SEV1, SEV2, SEV3, SEV4, separated by commas.
    pub severity: Option<String>,
    /// Part of the title, or a number such as `INC-12`.
    pub q: Option<String>,
    pub assignee: Option<Uuid>,
    /// Opened at or after.
    pub from: Option<DateTime<Utc>>,
    /// Opened before.
    pub to: Option<DateTime<Utc>>,
    /// Resolved at or after, and not opened again since.
    pub resolved_from: Option<DateTime<Utc>>,
    /// Resolved before, and not opened again since.
    pub resolved_to: Option<DateTime<Utc>>,
}

/// Which incidents come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncidentOrder {
    NewestFirst,
    OldestFirst,
    /// By severity; the newest of one severity first.
    WorstFirst,
}

/// A cursor goes on in the order that it is of.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Ordered {
    /// `newest_first` unless told; `worst_first` is by severity, the newest of one severity first.
    #[param(inline)]
    pub order: Option<IncidentOrder>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewIncident {
    #[schema(example = "Checkout answers 5xx")]
    pub title: String,
    #[schema(value_type = crate::openapi::words::Severity)]
    pub severity: Severity,
    #[serde(default)]
    pub description: Option<String>,
}

/// From when until when.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Range {
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

/// Incidents, newest first unless told
#[utoipa::path(get, path = "/api/v1/incidents", operation_id = "list_incidents", tag = "incidents",
    params(Which, Ordered, Paging), responses((status = 200, body = IncidentPage)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
    Query(ordered): Query<Ordered>,
    Query(paging): Query<Paging>,
) -> Result<Json<IncidentPage>, Error> {
    let scope = allowed.scope();
    let (list, order) = match ordered.order {
        Some(IncidentOrder::NewestFirst) | None => (LIST, Order::NewestFirst),
        Some(IncidentOrder::OldestFirst) => (LIST_OLDEST, Order::OldestFirst),
        Some(IncidentOrder::WorstFirst) => (LIST_WORST, Order::WorstFirst),
    };
    let after = paging.after(&gateway, scope, list)?;
    let (filter, limit) = (which.filter()?, paging.limit()?);
    let page = incidents::list(&gateway.db, scope, &filter, order, after, limit).await?;
    Ok(Json(Listed::of(&gateway, scope, list, page)?))
}

/// Declare an incident
#[utoipa::path(post, path = "/api/v1/incidents", operation_id = "declare_incident", tag = "incidents",
    request_body = NewIncident,
    responses((status = 201, body = Incident), (status = 202, body = Pending), (status = 422, body = Problem)))]
pub async fn declare(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<NewIncident>,
) -> Result<Response, Error> {
    let scope = allowed.scope();
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let id = IncidentId(command.created());
    let message = IncidentCommand::from(OpenIncident {
        title: asked.body.title,
        description: asked.body.description,
        severity: asked.body.severity,
        source: IncidentSource::Manual,
        episode: None,
        group_key: None,
    });
    let topic = Topic::IncidentCommands;
    let settled = gateway.send(&command, topic, id, message).await?;
    let incident = shown(&gateway, scope, id, &settled).await?;
    let incident = numbered(&gateway, scope, incident).await?;
    let tag = etag::header(incident.version);
    let place = [(LOCATION, format!("/api/v1/incidents/{}", incident.id))];
    Ok((StatusCode::CREATED, tag, place, Json(incident)).into_response())
}

/// Numbers for the overview
#[utoipa::path(get, path = "/api/v1/incidents/stats", operation_id = "incident_stats", tag = "incidents",
    params(Range), responses((status = 200, body = Stats)))]
pub async fn stats(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(range): Query<Range>,
) -> Result<Json<Stats>, Error> {
    in_order(range.from, range.to)?;
    let to = range.to.unwrap_or_else(|| gateway.clock.now().datetime());
    let from = range.from.unwrap_or(to - TimeDelta::days(OVERVIEW_DAYS));
    Ok(Json(
        incidents::stats(&gateway.db, allowed.scope(), from, to).await?,
    ))
}

/// One incident
#[utoipa::path(get, path = "/api/v1/incidents/{id}", operation_id = "get_incident", tag = "incidents",
    params(("id" = String, Path, description = "Its id, or its key such as `INC-12`")),
    responses((status = 200, body = Incident), (status = 404, body = Problem)))]
pub async fn get(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Named(id): Named,
) -> Result<Response, Error> {
    let found = incidents::get(&gateway.db, allowed.scope(), IncidentId(id)).await?;
    let incident = found.ok_or(Error::NotFound)?;
    Ok((etag::header(incident.version), Json(incident)).into_response())
}

/// The incident once it has its number, which follows by a command of its own: whoever
/// declares one wants to name it. Without it where it does not come in a moment.
async fn numbered(gateway: &Gateway, scope: &Scope, declared: Incident) -> Result<Incident, Error> {
    let mut incident = declared;
    let mut look = interval(LOOK_EVERY);
    let until = Instant::now() + gateway.config.number_wait;
    while incident.number.is_none() && Instant::now() < until {
        look.tick().await;
        let found = incidents::get(&gateway.db, scope, IncidentId(incident.id)).await?;
        incident = found.unwrap_or(incident);
    }
    Ok(incident)
}

/// The incident as it is after a command.
pub(super) async fn shown(
    gateway: &Gateway,
    scope: &Scope,
    id: IncidentId,
    settled: &Settled,
) -> Result<Incident, Error> {
    gateway.shown(settled, &[LIST]).await?;
    let found = incidents::get(&gateway.db, scope, id).await?;
    // Accepted, and yet not in the read model: it is parked, or being rebuilt.
    found.ok_or(Error::NotYet(settled.command))
}

impl Which {
    fn filter(&self) -> Result<Filter, Error> {
        in_order(self.from, self.to)?;
        named_in_order(
            ("resolved_from", self.resolved_from),
            ("resolved_to", self.resolved_to),
        )?;
        Ok(Filter {
            status: self.statuses()?,
            severity: words(self.severity.as_deref())
                .map(|name| {
                    let values = Severity::ALL.map(Severity::name);
                    Severity::parse(name).ok_or_else(|| unknown("severity", name, &values))
                })
                .collect::<Result<_, _>>()?,
            q: self.q.clone().filter(|q| !q.trim().is_empty()),
            assignee: self.assignee.map(UserId),
            from: self.from,
            to: self.to,
            resolved_from: self.resolved_from,
            resolved_to: self.resolved_to,
        })
    }

    fn statuses(&self) -> Result<Vec<IncidentStatus>, Error> {
        let mut statuses = Vec::new();
        for name in words(self.status.as_deref()) {
            match IncidentStatus::parse(name) {
                Some(status) => statuses.push(status),
                None if name == "open" => statuses.extend(open()),
                None => {
                    let values = IncidentStatus::ALL.map(IncidentStatus::name);
                    let values = [&values[..], &["open"]].concat();
                    return Err(unknown("status", name, &values));
                }
            }
        }
        Ok(statuses)
    }
}

fn open() -> impl Iterator<Item = IncidentStatus> {
    IncidentStatus::ALL
        .into_iter()
        .filter(|status| status.is_open())
}

fn words(list: Option<&str>) -> impl Iterator<Item = &str> {
    let words = list.unwrap_or_default().split(',').map(str::trim);
    words.filter(|word| !word.is_empty())
}

fn unknown(field: &str, word: &str, values: &[&str]) -> Error {
    let values = values.join(", ");
    let message = format!("`{word}` is none of its values: {values}");
    Error::Malformed(FieldError::new(field, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_means_every_status_before_resolved() {
        let which = Which {
            status: Some("open, resolved".to_owned()),
            ..Which::default()
        };
        use IncidentStatus::{Acknowledged, Detected, Investigating, Mitigated, Resolved};
        let expected = [Detected, Acknowledged, Investigating, Mitigated, Resolved];
        assert_eq!(which.filter().unwrap().status, expected);
    }

    #[test]
    fn an_unknown_word_is_refused_by_field() {
        let which = Which {
            severity: Some("SEV9".to_owned()),
            ..Which::default()
        };
        let Err(Error::Malformed(refused)) = which.filter() else {
            panic!("it is refused");
        };
        let expected = "`SEV9` is none of its values: SEV1, SEV2, SEV3, SEV4";
        assert_eq!(
            (refused.field.as_str(), refused.message.as_str()),
            ("severity", expected)
        );
    }

    #[test]
    fn a_range_that_is_turned_around_is_refused_by_its_own_name() {
        let which = Which {
            resolved_from: DateTime::from_timestamp(2, 0),
            resolved_to: DateTime::from_timestamp(1, 0),
            ..Which::default()
        };
        let Err(Error::Malformed(refused)) = which.filter() else {
            panic!("it is refused");
        };
        let expected = "`1970-01-01T00:00:02Z` lies after `resolved_to`, `1970-01-01T00:00:01Z`";
        assert_eq!(
            (refused.field.as_str(), refused.message.as_str()),
            ("resolved_from", expected)
        );
    }
}
