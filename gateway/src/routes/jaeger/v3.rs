//! `/jaeger/api/v3`: the same traces in the JSON of OTLP, as Jaeger's `api_v3` has it
//! over HTTP. Grafana speaks it with `jaegerEnableGrpcEndpoint`.

mod asked;
mod otlp;

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use projections::db::QueryError;
use projections::telemetry::spans::{overview, trace};
use serde_json::{Value, json};

use super::{Failure, by_kind};
use crate::Gateway;
use crate::dialects;
use crate::operations::Allowed;
use crate::parameters::Path;
use crate::routes::traces::trace_id;
use crate::streamed;

/// What Jaeger answers instead.
#[derive(Debug)]
pub struct Refused(Failure);

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<QueryError> for Refused {
    fn from(error: QueryError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        let (status, message) = self.0.told();
        (status, Json(dialects::of_grpc(status, &message))).into_response()
    }
}

/// Services that sent spans
#[utoipa::path(get, path = "/jaeger/api/v3/services", operation_id = "jaeger_v3_services", tag = "jaeger",
    responses((status = 200, body = Value)))]
pub async fn services(
    State(gateway): State<Gateway>,
    allowed: Allowed,
) -> Result<Json<Value>, Refused> {
    let times = super::asked::lately(&gateway);
    let found = overview::services(&gateway.db, allowed.scope(), times).await?;
    let names: Vec<_> = found.into_iter().map(|one| one.service).collect();
    Ok(Json(json!({"services": names})))
}

/// Operations of a service, with the kinds of their spans
#[utoipa::path(get, path = "/jaeger/api/v3/operations", operation_id = "jaeger_v3_operations", tag = "jaeger",
    params(("service" = String, Query),
        ("span_kind" = Option<String>, Query, description = "Only with such spans: server, client, ...; also `spanKind`")),
    responses((status = 200, body = Value), (status = 400, body = Value)))]
pub async fn operations(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refused> {
    let query = query.as_deref().unwrap_or_default();
    let names = ["spanKind", "span_kind"];
    let (service, kind) = super::asked::operations(query, &names)?;
    let (scope, kind) = (allowed.scope(), kind.as_deref());
    // As Jaeger has it here.
    let found = by_kind(&gateway, scope, &service, kind, "internal").await?;
    Ok(Json(json!({"operations": found})))
}

/// Traces with a span as asked for, in the JSON of OTLP
///
/// Each parameter may also be named as `query.serviceName`. Where fewer traces are
/// answered than were found, `warnings` says so.
#[utoipa::path(get, path = "/jaeger/api/v3/traces", operation_id = "jaeger_v3_traces", tag = "jaeger",
    params(("query.service_name" = Option<String>, Query), ("query.operation_name" = Option<String>, Query),
        ("query.attributes" = Option<String>, Query, description = "A JSON object of names and values"),
        ("query.start_time_min" = Option<String>, Query, description = "Such as 2026-11-01T02:41:00Z"),
        ("query.start_time_max" = Option<String>, Query, description = "Such as 2026-11-01T02:41:00Z"),
        ("query.duration_min" = Option<String>, Query, description = "Such as 100ms"),
        ("query.duration_max" = Option<String>, Query, description = "Such as 1.5s"),
        ("query.search_depth" = Option<u32>, Query, description = "How many traces: 100 unless told, 1,500 at most")),
    responses((status = 200, body = Value), (status = 400, body = Value)))]
pub async fn traces(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let asked = asked::traces(&gateway, query.as_deref().unwrap_or_default())?;
    let found = asked.find(&gateway, allowed.scope()).await?;
    let said = otlp::traces(&found.traces, asked.left_out(&found));
    Ok(streamed::json(&said, found.held))
}

/// One trace, in the JSON of OTLP
#[utoipa::path(get, path = "/jaeger/api/v3/traces/{trace_id}", operation_id = "jaeger_v3_trace", tag = "jaeger",
    params(("trace_id" = String, Path),
        ("start_time" = Option<String>, Query, description = "It is found without"),
        ("end_time" = Option<String>, Query, description = "It is found without")),
    responses((status = 200, body = Value), (status = 400, body = Value), (status = 404, body = Value)))]
pub async fn trace(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refused> {
    asked::times_of_one(query.as_deref().unwrap_or_default())?;
    let id = trace_id(&id).ok_or(Failure::NotFound)?;
    let found = trace::get(&gateway.db, allowed.scope(), id, None).await?;
    let found = found.ok_or(Failure::NotFound)?;
    Ok(Json(otlp::traces(&[found], None)))
}
