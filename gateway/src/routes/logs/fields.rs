//! Which fields records have, and their values.

use axum::Json;
use axum::extract::State;
use projections::telemetry::logs::{self, FieldValues, Fields};
use serde::Deserialize;
use utoipa::IntoParams;

use super::which::Which;
use crate::Gateway;
use crate::as_of::AsOf;
use crate::error::{Error, Problem};
use crate::operations::Allowed;
use crate::paging::capped;
use crate::parameters::{Path, Query};

const DEFAULT_VALUES: u32 = 20;
const MAX_VALUES: u32 = 1_000;

/// Names of the fields of log records, from a sample of the newest
#[utoipa::path(get, path = "/api/v1/logs/fields", operation_id = "log_fields", tag = "logs",
    params(Which, AsOf), responses((status = 200, body = Fields), (status = 400, body = Problem)))]
pub async fn names(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
    Query(as_of): Query<AsOf>,
) -> Result<Json<Fields>, Error> {
    let query = which.query(&gateway, as_of.ns()?)?;
    let found = logs::names(&gateway.db, allowed.scope(), &query).await?;
    Ok(Json(found))
}

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Limit {
    /// How many at most: 20 values unless told and no more than 1000, 50 patterns and no
    /// more than 500.
    #[param(minimum = 1)]
    pub limit: Option<u32>,
}

/// The most frequent values of one field, from a sample of the newest log records
///
/// `service`, `level`, `trace_id`, `span_id` and `resource.<name>` are fields too.
#[utoipa::path(get, path = "/api/v1/logs/fields/{name}", operation_id = "log_field_values", tag = "logs",
    params(("name" = String, Path), Which, AsOf, Limit),
    responses((status = 200, body = FieldValues), (status = 400, body = Problem)))]
pub async fn values(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(name): Path<String>,
    Query(which): Query<Which>,
    Query(as_of): Query<AsOf>,
    Query(limit): Query<Limit>,
) -> Result<Json<FieldValues>, Error> {
    let query = which.query(&gateway, as_of.ns()?)?;
    let limit = capped(limit.limit.unwrap_or(DEFAULT_VALUES), MAX_VALUES)? as usize;
    let found = logs::values(&gateway.db, allowed.scope(), &query, &name, limit).await?;
    Ok(Json(found))
}
