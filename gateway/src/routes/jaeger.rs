//! `/jaeger/api`: the query API of Jaeger's own page, which Grafana's Jaeger source
//! speaks, over the traces of a project.

mod asked;
mod shown;
mod tags;
pub mod v3;

use std::collections::BTreeSet;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, body::Body};
use projections::db::QueryError;
use projections::telemetry::spans::{overview, trace};
use promql::budget::NoMemory;
use schemas::scope::Scope;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Gateway;
use crate::operations::Allowed;
use crate::parameters::Path;
use crate::routes::traces::trace_id;
use crate::streamed;
use asked::Asked;

/// What Jaeger answers instead.
#[derive(Debug)]
pub enum Failure {
    BadRequest(String),
    NotFound,
    Unavailable,
    Failed,
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        tracing::warn!(%error, "a query has no answer");
        match error {
            QueryError::Unavailable(_) => Self::Unavailable,
            QueryError::Failed(_) => Self::Failed,
            QueryError::NoMemory(NoMemory::WithOthers(_)) => Self::Unavailable,
            QueryError::NoMemory(why @ NoMemory::Alone(_)) => Self::BadRequest(why.to_string()),
        }
    }
}

impl Failure {
    fn told(self) -> (StatusCode, String) {
        match self {
            Self::BadRequest(why) => (StatusCode::BAD_REQUEST, why),
            Self::NotFound => (StatusCode::NOT_FOUND, "trace not found".to_owned()),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the traces are not available".to_owned(),
            ),
            Self::Failed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the query failed".to_owned(),
            ),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response<Body> {
        let (status, message) = self.told();
        let errors = json!([{"code": status.as_u16(), "msg": message}]);
        (status, Json(json!({"data": null, "errors": errors}))).into_response()
    }
}

fn answer<T: Serialize>(data: Vec<T>) -> Json<Value> {
    let total = data.len();
    Json(json!({"data": data, "total": total, "limit": 0, "offset": 0, "errors": null}))
}

/// Services that sent spans
#[utoipa::path(get, path = "/jaeger/api/services", operation_id = "jaeger_services", tag = "jaeger",
    responses((status = 200, body = Value)))]
pub async fn services(
    State(gateway): State<Gateway>,
    allowed: Allowed,
) -> Result<Json<Value>, Failure> {
    let times = asked::lately(&gateway);
    let found = overview::services(&gateway.db, allowed.scope(), times).await?;
    Ok(answer(found.into_iter().map(|one| one.service).collect()))
}

/// Operations of a service
#[utoipa::path(get, path = "/jaeger/api/services/{name}/operations", operation_id = "jaeger_operations", tag = "jaeger",
    params(("name" = String, Path)), responses((status = 200, body = Value)))]
pub async fn operations(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let (scope, times) = (allowed.scope(), asked::lately(&gateway));
    let found = overview::operations(&gateway.db, scope, times, Some(&name)).await?;
    Ok(answer(found.into_iter().map(|one| one.operation).collect()))
}

/// Operations, with the kinds of their spans
#[utoipa::path(get, path = "/jaeger/api/operations", operation_id = "jaeger_kinds_of_operations", tag = "jaeger",
    params(("service" = String, Query),
        ("spanKind" = Option<String>, Query, description = "Only with such spans: server, client, ...")),
    responses((status = 200, body = Value), (status = 400, body = Value)))]
pub async fn kinds_of_operations(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let query = query.as_deref().unwrap_or_default();
    let (service, kind) = asked::operations(query, &["spanKind"])?;
    let found = by_kind(&gateway, allowed.scope(), &service, kind.as_deref(), "").await?;
    Ok(answer(found))
}

/// Operations of a service with each kind of their spans; `unspecified` is what spans
/// without a kind are called.
async fn by_kind(
    gateway: &Gateway,
    scope: &Scope,
    service: &str,
    kind: Option<&str>,
    unspecified: &str,
) -> Result<Vec<Value>, QueryError> {
    let times = asked::lately(gateway);
    let found = overview::operations(&gateway.db, scope, times, Some(service)).await?;
    let mut shown = Vec::new();
    for one in &found {
        let kinds = one.kinds.iter().map(|kind| match kind.as_str() {
            "unspecified" => unspecified,
            kind => kind,
        });
        let kinds: BTreeSet<&str> = kinds.collect();
        let wanted = kinds
            .into_iter()
            .filter(|found| kind.is_none_or(|kind| kind == *found));
        shown.extend(wanted.map(|kind| json!({"name": one.operation, "spanKind": kind})));
    }
    Ok(shown)
}

/// Traces with a span as asked for
#[utoipa::path(get, path = "/jaeger/api/traces", operation_id = "jaeger_traces", tag = "jaeger",
    params(("service" = Option<String>, Query), ("operation" = Option<String>, Query),
        ("traceID" = Option<Vec<String>>, Query, description = "These traces, whatever else is asked"),
        ("tags" = Option<String>, Query, description = "A JSON object of names and values, or `name=value` pairs: fields of one span, of its resource or of its events, or what its answer has as tags"),
        ("start" = Option<i64>, Query, description = "Microseconds since 1970"),
        ("end" = Option<i64>, Query, description = "Microseconds since 1970"),
        ("minDuration" = Option<String>, Query, description = "Such as 100ms"),
        ("maxDuration" = Option<String>, Query, description = "Such as 1.5s"),
        ("limit" = Option<u32>, Query, description = "100 unless told; 1,500 are answered at most, which `errors` says")),
    responses((status = 200, body = Value), (status = 400, body = Value)))]
pub async fn traces(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let (query, scope) = (query.as_deref().unwrap_or_default(), allowed.scope());
    let ids = asked::trace_ids(query)?;
    if !ids.is_empty() {
        return Ok(of_ids(&gateway, scope, &ids).await?.into_response());
    }
    let asked = Asked::parse(&gateway, query)?;
    let found = asked.find(&gateway, scope).await?;
    let Json(mut said) = answer(found.traces.iter().map(shown::Trace::of).collect());
    if let Some(why) = asked.left_out(&found) {
        let partial = StatusCode::PARTIAL_CONTENT.as_u16();
        said["errors"] = json!([{"code": partial, "msg": why}]);
    }
    Ok(streamed::json(&said, found.held))
}

/// Those that are there, and an error for each that is not.
async fn of_ids(
    gateway: &Gateway,
    scope: &Scope,
    ids: &[asked::TraceId],
) -> Result<Json<Value>, Failure> {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for id in ids {
        match trace::get(&gateway.db, scope, *id, None).await? {
            Some(trace) => found.push(shown::Trace::of(&trace)),
            None => errors.push(json!({"msg": "trace not found", "traceID": hex::encode(id)})),
        }
    }
    let mut said = answer(found);
    if !errors.is_empty() {
        said["errors"] = errors.into();
    }
    Ok(said)
}

/// One trace
#[utoipa::path(get, path = "/jaeger/api/traces/{trace_id}", operation_id = "jaeger_trace", tag = "jaeger",
    params(("trace_id" = String, Path)),
    responses((status = 200, body = Value), (status = 404, body = Value)))]
pub async fn trace(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    let id = trace_id(&id).ok_or(Failure::NotFound)?;
    let found = trace::get(&gateway.db, allowed.scope(), id, None).await?;
    let found = found.ok_or(Failure::NotFound)?;
    Ok(answer(vec![shown::Trace::of(&found)]))
}

/// Who calls whom
#[utoipa::path(get, path = "/jaeger/api/dependencies", operation_id = "jaeger_dependencies", tag = "jaeger",
    params(("endTs" = Option<i64>, Query, description = "Milliseconds since 1970"),
        ("lookback" = Option<i64>, Query, description = "Milliseconds")),
    responses((status = 200, body = Value), (status = 400, body = Value)))]
pub async fn dependencies(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let times = asked::lookback(&gateway, query.as_deref().unwrap_or_default())?;
    let map = overview::service_map(&gateway.db, allowed.scope(), times).await?;
    let calls = map.edges.into_iter().map(
        |edge| json!({"parent": edge.client, "child": edge.server, "callCount": edge.red.count}),
    );
    Ok(answer(calls.collect()))
}
