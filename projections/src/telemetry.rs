//! The telemetry store: metrics, logs and spans as compressed columns in Postgres.
//!
//! What the signals share is here, one file a step of the way:
//! log records → `bodies` (unpacked, through the `sieve` of repeats and deletions) → the signal's own codec →
//! `level0` (a row per flush and project) → `compaction` → level 1 → `retention`;
//! `snapshot` is how queries see both levels at once, `arrival` which items were there at a time. `bytes` is what codecs are
//! written with.

pub(crate) mod arrival;
pub(crate) mod aside;
pub(crate) mod bodies;
pub(crate) mod bytes;
pub mod classes;
pub mod compaction;
pub mod deletions;
pub(crate) mod floors;
pub(crate) mod level0;
pub mod logs;
pub mod metrics;
pub mod policies;
pub(crate) mod repeats;
pub mod retention;
pub(crate) mod sieve;
pub(crate) mod snapshot;
pub mod spans;
pub(crate) mod taken;
pub(crate) mod turns;

use std::sync::Arc;

use schemas::topic::Topic;

use crate::Settings;
use crate::runtime::Projection;
use floors::Floors;

/// A signal as compaction and replay see it.
pub(crate) struct Signal {
    /// Of the projection, and as in table names.
    pub(crate) name: &'static str,
    pub(crate) topic: Topic,
    pub(crate) compact: Arc<dyn compaction::Compact>,
    /// Tables of counts by `minute`.
    pub(crate) rollups: &'static [&'static str],
    above: fn(&Settings, Arc<Floors>) -> Arc<dyn Projection>,
}

impl Signal {
    /// The fold of a replay.
    pub(crate) fn fold_above(
        &self,
        settings: &Settings,
        floors: Arc<Floors>,
    ) -> Arc<dyn Projection> {
        (self.above)(settings, floors)
    }
}

/// Every signal.
pub(crate) fn signals() -> Vec<Signal> {
    vec![
        Signal {
            name: metrics::SIGNAL,
            topic: Topic::TelemetryMetrics,
            compact: Arc::new(metrics::MetricsCompact::default()),
            rollups: &[],
            above: |settings, floors| {
                let fold = metrics::Metrics::new(settings.active_series, settings.telemetry_linger);
                Arc::new(fold.above(floors))
            },
        },
        Signal {
            name: logs::SIGNAL,
            topic: Topic::TelemetryLogs,
            compact: Arc::new(logs::LogsCompact::default()),
            rollups: &["log_counts"],
            above: |settings, floors| {
                Arc::new(logs::Logs::new(settings.telemetry_linger).above(floors))
            },
        },
        Signal {
            name: spans::SIGNAL,
            topic: Topic::TelemetryTraces,
            compact: Arc::new(spans::SpansCompact),
            rollups: &["span_red", "service_edges"],
            above: |settings, floors| {
                Arc::new(spans::Spans::new(settings.telemetry_linger).above(floors))
            },
        },
    ]
}
