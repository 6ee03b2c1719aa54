//! The lines around a line.

use axum::Json;
use axum::extract::State;
use projections::telemetry::logs::{self, Record};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Gateway;
use crate::as_of::NoAsOf;
use crate::error::{Error, Problem};
use crate::operations::Allowed;
use crate::parameters::{Path, Query};

const DEFAULT_LINES: usize = 10;
const MAX_LINES: usize = 200;

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Lines {
    /// Records before it; 10 unless told, at most 200.
    pub before: Option<usize>,
    /// Records after it; 10 unless told, at most 200.
    pub after: Option<usize>,
}

/// A record among its neighbours.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogContext {
    /// Oldest first, the record itself among them.
    pub items: Vec<Record>,
    /// Where in `items` the record is.
    pub index: usize,
}

/// A log record with those before and after it of the same resource or stream
#[utoipa::path(get, path = "/api/v1/logs/{id}/context", operation_id = "log_context", tag = "logs",
    params(("id" = String, Path), Lines),
    responses((status = 200, body = LogContext), (status = 404, body = Problem)))]
pub async fn get(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    _: NoAsOf,
    Path(id): Path<String>,
    Query(lines): Query<Lines>,
) -> Result<Json<LogContext>, Error> {
    let place = id.parse().map_err(|_| Error::NotFound)?;
    let count = |lines: Option<usize>| lines.unwrap_or(DEFAULT_LINES).min(MAX_LINES);
    let (before, after) = (count(lines.before), count(lines.after));
    let found = logs::around(&gateway.db, allowed.scope(), place, before, after).await?;
    let found = found.ok_or(Error::NotFound)?;
    let index = found.before.len();
    let mut items = found.before;
    items.push(found.record);
    items.extend(found.after);
    Ok(Json(LogContext { items, index }))
}
