//! How many records there are, over time and by service.

use axum::Json;
use axum::extract::State;
use projections::telemetry::logs::{self, Service, Stats};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::which::Which;
use crate::Gateway;
use crate::as_of::{AsOf, NoAsOf};
use crate::error::{Error, Problem};
use crate::operations::Allowed;
use crate::parameters::Query;

const NS: i64 = 1_000_000_000;
/// Lengths of buckets that people can read, in seconds.
const STEPS: [i64; 16] = [
    1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000,
    31_536_000,
];
const DEFAULT_BUCKETS: i64 = 60;
const MAX_BUCKETS: i64 = 1_000;

/// How fine.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Resolution {
    /// About how many buckets; 60 unless told, at most 1000.
    pub buckets: Option<i64>,
}

/// Counts of log records over time, by level
///
/// Buckets begin at multiples of their length, which is the next of 1 s, 5 s, 10 s,
/// 30 s, 1 min, 5 min, ... that gives no more buckets than asked for.
#[utoipa::path(get, path = "/api/v1/logs/stats", operation_id = "log_stats", tag = "logs",
    params(Which, AsOf, Resolution),
    responses((status = 200, body = Stats), (status = 400, body = Problem)))]
pub async fn over_time(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Query(which): Query<Which>,
    Query(as_of): Query<AsOf>,
    Query(resolution): Query<Resolution>,
) -> Result<Json<Stats>, Error> {
    let query = which.query(&gateway, as_of.ns()?)?;
    let buckets = resolution
        .buckets
        .unwrap_or(DEFAULT_BUCKETS)
        .clamp(1, MAX_BUCKETS);
    let range = query.to_ns.saturating_sub(query.from_ns);
    let step_ns = readable_step(range, buckets);
    let stats = logs::stats(&gateway.db, allowed.scope(), &query, step_ns).await?;
    Ok(Json(stats))
}

/// In nanoseconds.
pub(in crate::routes) fn readable_step(range_ns: i64, buckets: i64) -> i64 {
    let least = range_ns / NS / buckets;
    let longest = STEPS[STEPS.len() - 1];
    let step = STEPS.into_iter().find(|step| *step >= least);
    step.unwrap_or(longest) * NS
}

/// The services that sent logs.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogServices {
    /// Those with most records first.
    pub items: Vec<Service>,
}

/// Services with log records in a range of time, to the minute
#[utoipa::path(get, path = "/api/v1/logs/services", operation_id = "log_services", tag = "logs",
    params(Which), responses((status = 200, body = LogServices), (status = 400, body = Problem)))]
pub async fn services(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    _: NoAsOf,
    Query(which): Query<Which>,
) -> Result<Json<LogServices>, Error> {
    let query = which.query(&gateway, None)?;
    let scope = allowed.scope();
    let items = logs::services(&gateway.db, scope, query.from_ns, query.to_ns).await?;
    Ok(Json(LogServices { items }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_have_lengths_that_people_can_read() {
        assert_eq!(readable_step(3_600 * NS, 60), 60 * NS);
        assert_eq!(readable_step(3_600 * NS, 50), 300 * NS);
        assert_eq!(readable_step(10 * NS, 60), NS);
        assert_eq!(readable_step(i64::MAX, 1), 31_536_000 * NS);
    }
}
