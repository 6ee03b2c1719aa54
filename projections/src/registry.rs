//! Every projection; one line each.

use std::sync::Arc;

use crate::runtime::Projection;

/// What a deployment may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Distinct series of a project and day; new ones beyond it are dropped.
    pub active_series: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            active_series: 1_000_000,
        }
    }
}

/// All projections, each the owner of its own tables.
pub fn registry() -> Vec<Arc<dyn Projection>> {
    registry_with(&Settings::default())
}

/// The same with other settings than the default.
pub fn registry_with(settings: &Settings) -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(crate::history::History),
        Arc::new(crate::incidents::Incidents),
        Arc::new(crate::timeline::Timeline),
        Arc::new(crate::alerts::Alerts),
        Arc::new(crate::members::Members),
        Arc::new(crate::invitations::Invitations),
        Arc::new(crate::projects::Projects),
        Arc::new(crate::api_keys::ApiKeys),
        Arc::new(crate::service_accounts::ServiceAccounts),
        Arc::new(crate::saved_views::SavedViews),
        Arc::new(crate::audit::Audit),
        Arc::new(crate::outcomes::Outcomes),
        Arc::new(crate::telemetry::metrics::Metrics::with_active_series(
            settings.active_series,
        )),
        Arc::new(crate::telemetry::logs::Logs::default()),
        Arc::new(crate::telemetry::spans::Spans::default()),
    ]
}
