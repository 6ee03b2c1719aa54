//! Every projection; one line each.

use std::sync::Arc;

use crate::runtime::Projection;

/// All projections, each the owner of its own tables.
pub fn registry() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(crate::history::History),
        Arc::new(crate::incidents::Incidents),
        Arc::new(crate::timeline::Timeline),
        Arc::new(crate::alerts::Alerts),
        Arc::new(crate::members::Members),
        Arc::new(crate::projects::Projects),
        Arc::new(crate::api_keys::ApiKeys),
        Arc::new(crate::audit::Audit),
        Arc::new(crate::outcomes::Outcomes),
        Arc::new(crate::telemetry::metrics::Metrics::default()),
    ]
}
