//! Every projection; one line each.

use std::sync::Arc;
use std::time::Duration;

use crate::runtime::{Projection, consumer_of};

/// What a deployment may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Distinct series of a project and day; new ones beyond it are dropped.
    pub active_series: u32,
    /// Least time between two flushes of telemetry while little arrives.
    pub telemetry_linger: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            active_series: 1_000_000,
            telemetry_linger: Duration::from_millis(150),
        }
    }
}

/// All projections, each the owner of its own tables.
pub fn registry() -> Vec<Arc<dyn Projection>> {
    registry_with(&Settings::default())
}

/// The same with other settings than the default.
pub fn registry_with(settings: &Settings) -> Vec<Arc<dyn Projection>> {
    let linger = settings.telemetry_linger;
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
        Arc::new(crate::single_sign_on::SingleSignOn),
        Arc::new(crate::saved_views::SavedViews),
        Arc::new(crate::monitoring_integrations::MonitoringIntegrations),
        Arc::new(crate::telemetry_limits::TelemetryLimits),
        Arc::new(crate::usage::Usage),
        Arc::new(crate::audit::Audit),
        Arc::new(crate::outcomes::Outcomes),
        Arc::new(crate::telemetry::policies::TelemetryPolicies),
        Arc::new(crate::telemetry::metrics::Metrics::new(
            settings.active_series,
            linger,
        )),
        Arc::new(crate::telemetry::logs::Logs::new(linger)),
        Arc::new(crate::telemetry::spans::Spans::new(linger)),
    ]
}

/// The names under which all projections tell the log how far they are.
pub fn consumers() -> impl Iterator<Item = String> {
    let projections = registry().into_iter();
    projections.map(|projection| consumer_of(projection.name()))
}
