//! `/api/v1/traces`: traces by id and by what their spans are, and what was counted
//! of them: services, operations, rate, errors and durations, and who calls whom.

mod asked;
mod shown;

use axum::Json;
use axum::extract::{RawQuery, State};
use projections::telemetry::spans::overview::{self, Operation, RedTable, Service, ServiceMap};
use projections::telemetry::spans::{search, trace};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::logs::stats::readable_step;
use crate::Gateway;
use crate::as_of::{AsOf, NoAsOf};
use crate::error::{Error, Problem};
use crate::operations::Allowed;
use crate::paging::{Listed, Paging};
use crate::parameters::{Path, Query};
pub(crate) use asked::trace_id;
use asked::{Range, Which};
use shown::{Durations, Trace, TraceHeatmap, TraceSummary};

const LIST: &str = "traces";
/// Points of a scatter.
const MOST_POINTS: usize = 2_000;
const DEFAULT_COLUMNS: i64 = 60;
const MOST_COLUMNS: i64 = 200;
const DEFAULT_PIECES: u32 = 60;
const MOST_PIECES: u32 = 500;

/// A page of the list.
pub type TraceSummaryPage = Listed<TraceSummary>;

/// Traces with a span as asked for, newest first
#[utoipa::path(get, path = "/api/v1/traces", operation_id = "list_traces", tag = "traces",
    params(Which, ("attr" = Option<Vec<String>>, Query, description = "`name=value` that a field of the span or its resource has; may come often, all must hold"), Range, AsOf, Paging),
    responses((status = 200, body = TraceSummaryPage)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
    Query(range): Query<Range>,
    Query(as_of): Query<AsOf>,
    Query(paging): Query<Paging>,
    RawQuery(query): RawQuery,
) -> Result<Json<TraceSummaryPage>, Error> {
    let as_of_ns = as_of.ns()?;
    let scope = allowed.scope();
    let after = paging.after(&gateway, scope, LIST)?;
    let filter = which.filter(range.times(&gateway, as_of_ns)?, as_of_ns, query.as_deref())?;
    let page = search::search(&gateway.db, scope, &filter, after, paging.limit()?).await?;
    let listed = Listed::of(&gateway, scope, LIST, page)?;
    Ok(Json(Listed {
        items: listed.items.into_iter().map(TraceSummary::of).collect(),
        next_cursor: listed.next_cursor,
    }))
}

/// One trace with all its spans, or those that had arrived by `as_of`
#[utoipa::path(get, path = "/api/v1/traces/{trace_id}", operation_id = "get_trace", tag = "traces",
    params(("trace_id" = String, Path, description = "32 hex digits"), AsOf),
    responses((status = 200, body = Trace), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn get(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(id): Path<String>,
    Query(as_of): Query<AsOf>,
) -> Result<Json<Trace>, Error> {
    let id = trace_id(&id).ok_or(Error::NotFound)?;
    let found = trace::get(&gateway.db, allowed.scope(), id, as_of.ns()?).await?;
    found
        .map(|found| Json(Trace::of(found)))
        .ok_or(Error::NotFound)
}

/// Durations over time: a sample of the traces with a span as asked for
#[utoipa::path(get, path = "/api/v1/traces/durations", operation_id = "list_trace_durations", tag = "traces",
    params(Which, ("attr" = Option<Vec<String>>, Query, description = "`name=value` that a field of the span or its resource has; may come often, all must hold"), Range, AsOf),
    responses((status = 200, body = Durations)))]
pub async fn durations(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
    Query(range): Query<Range>,
    Query(as_of): Query<AsOf>,
    RawQuery(query): RawQuery,
) -> Result<Json<Durations>, Error> {
    let as_of_ns = as_of.ns()?;
    let filter = which.filter(range.times(&gateway, as_of_ns)?, as_of_ns, query.as_deref())?;
    let found = search::roots(&gateway.db, allowed.scope(), &filter, MOST_POINTS).await?;
    Ok(Json(Durations::of(found)))
}

/// How fine a heatmap is.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Columns {
    /// About how many stretches of time; 60 unless told, at most 200.
    pub columns: Option<i64>,
}

/// Spans as asked for, counted by when they began and how long they took
///
/// Stretches of time begin at multiples of `step_seconds`, the next length that people
/// can read; durations have three steps to a decade: 1, 2 and 5. Errors are spans whose
/// status is error.
#[utoipa::path(get, path = "/api/v1/traces/heatmap", operation_id = "get_trace_heatmap", tag = "traces",
    params(Which, ("attr" = Option<Vec<String>>, Query, description = "`name=value` that a field of the span or its resource has; may come often, all must hold"), Columns, Range, AsOf),
    responses((status = 200, body = TraceHeatmap)))]
pub async fn heatmap(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
    Query(columns): Query<Columns>,
    Query(range): Query<Range>,
    Query(as_of): Query<AsOf>,
    RawQuery(query): RawQuery,
) -> Result<Json<TraceHeatmap>, Error> {
    let as_of_ns = as_of.ns()?;
    let times = range.times(&gateway, as_of_ns)?;
    let columns = columns.columns.unwrap_or(DEFAULT_COLUMNS);
    let step_ns = readable_step(
        times.to_ns.saturating_sub(times.from_ns),
        columns.clamp(1, MOST_COLUMNS),
    );
    let filter = which.filter(times, as_of_ns, query.as_deref())?;
    let found = search::heatmap(&gateway.db, allowed.scope(), &filter, step_ns).await?;
    Ok(Json(TraceHeatmap::of(found, step_ns)))
}

/// All of something, without pages.
#[derive(Debug, Serialize, ToSchema)]
pub struct All<T> {
    pub items: Vec<T>,
}

/// Services that sent spans, by name
#[utoipa::path(get, path = "/api/v1/traces/services", operation_id = "list_trace_services", tag = "traces",
    params(Range), responses((status = 200, body = inline(All<Service>))))]
pub async fn services(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    _: NoAsOf,
    Query(range): Query<Range>,
) -> Result<Json<All<Service>>, Error> {
    let times = range.times(&gateway, None)?;
    let items = overview::services(&gateway.db, allowed.scope(), times).await?;
    Ok(Json(All { items }))
}

/// Of which service.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfService {
    pub service: Option<String>,
}

impl OfService {
    fn name(&self) -> Option<&str> {
        self.service.as_deref().filter(|name| !name.is_empty())
    }
}

/// Operations of services, by name
#[utoipa::path(get, path = "/api/v1/traces/operations", operation_id = "list_trace_operations", tag = "traces",
    params(OfService, Range), responses((status = 200, body = inline(All<Operation>))))]
pub async fn operations(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    _: NoAsOf,
    Query(of): Query<OfService>,
    Query(range): Query<Range>,
) -> Result<Json<All<Operation>>, Error> {
    let times = range.times(&gateway, None)?;
    let items = overview::operations(&gateway.db, allowed.scope(), times, of.name()).await?;
    Ok(Json(All { items }))
}

/// How the RED table is divided.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Division {
    /// `operation` (a row each) or `service`.
    pub by: Option<String>,
    /// Into how many pieces the range is cut, about; no piece is shorter than a minute.
    pub points: Option<u32>,
}

/// Rate, errors and durations of services or of their operations, the busiest first
#[utoipa::path(get, path = "/api/v1/traces/red", operation_id = "get_trace_red", tag = "traces",
    params(OfService, Division, Range), responses((status = 200, body = RedTable)))]
pub async fn red(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    _: NoAsOf,
    Query(of): Query<OfService>,
    Query(division): Query<Division>,
    Query(range): Query<Range>,
) -> Result<Json<RedTable>, Error> {
    let times = range.until_now(&gateway)?;
    let by = asked::by(division.by.as_deref())?;
    let pieces = division
        .points
        .unwrap_or(DEFAULT_PIECES)
        .clamp(1, MOST_PIECES);
    let scope = allowed.scope();
    let table = overview::red(&gateway.db, scope, times, by, of.name(), pieces).await?;
    Ok(Json(table))
}

/// Who calls whom, with rate, errors and durations
#[utoipa::path(get, path = "/api/v1/traces/service-map", operation_id = "get_service_map", tag = "traces",
    params(Range), responses((status = 200, body = ServiceMap)))]
pub async fn service_map(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    _: NoAsOf,
    Query(range): Query<Range>,
) -> Result<Json<ServiceMap>, Error> {
    let times = range.until_now(&gateway)?;
    let map = overview::service_map(&gateway.db, allowed.scope(), times).await?;
    Ok(Json(map))
}
