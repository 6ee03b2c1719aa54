//! The shapes that lines have.

use axum::Json;
use axum::extract::State;
use projections::telemetry::logs::{self, Patterns};

use super::fields::Limit;
use super::which::Which;
use crate::Gateway;
use crate::as_of::AsOf;
use crate::error::{Error, Problem};
use crate::operations::Allowed;
use crate::paging::capped;
use crate::parameters::Query;

const DEFAULT_PATTERNS: u32 = 50;
const MAX_PATTERNS: u32 = 500;

/// The most frequent shapes of log lines, from a sample of the newest
///
/// What differs from line to line is replaced: `<num>`, `<hex>`, `<uuid>`, `<ip>`,
/// `<time>`, and `<*>` for a word.
#[utoipa::path(get, path = "/api/v1/logs/patterns", operation_id = "log_patterns", tag = "logs",
    params(Which, AsOf, Limit),
    responses((status = 200, body = Patterns), (status = 400, body = Problem)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
    Query(as_of): Query<AsOf>,
    Query(limit): Query<Limit>,
) -> Result<Json<Patterns>, Error> {
    let query = which.query(&gateway, as_of.ns()?)?;
    let limit = limit.limit.unwrap_or(DEFAULT_PATTERNS);
    let limit = capped(limit, MAX_PATTERNS)? as usize;
    let found = logs::patterns(&gateway.db, allowed.scope(), &query, limit).await?;
    Ok(Json(found))
}
