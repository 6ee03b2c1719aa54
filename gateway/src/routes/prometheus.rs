//! `/prometheus/api/v1`: the HTTP API of Prometheus over the metrics of a project, so
//! that whatever speaks to a Prometheus server speaks to us.

pub mod catalogue;
mod names;
mod parameters;
pub mod query;
mod reply;
pub mod status;

use std::sync::Arc;

use promql::source::MetricStore;

use crate::Gateway;
use crate::operations::Allowed;
use reply::Failure;

/// With `as_of_ms` as its metrics were known then.
fn store(
    gateway: &Gateway,
    allowed: &Allowed,
    as_of_ms: Option<i64>,
) -> Result<Arc<dyn MetricStore>, Failure> {
    let store = gateway.queries.store(allowed.scope(), as_of_ms);
    store.ok_or_else(|| Failure::Unavailable("no metrics are kept here".to_owned()))
}
