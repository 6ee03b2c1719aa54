//! The telemetry store: metrics, logs and spans as compressed columns in Postgres.
//!
//! What the signals share is here, one file a step of the way:
//! log records → `bodies` (unpacked, repeats dropped) → the signal's own codec →
//! `level0` (a row per flush and project) → `compaction` → level 1 → `retention`;
//! `snapshot` is how queries see both levels at once. `bytes` is what codecs are
//! written with.

pub(crate) mod bodies;
pub(crate) mod bytes;
pub mod compaction;
pub(crate) mod level0;
pub mod logs;
pub mod metrics;
pub(crate) mod repeats;
pub mod retention;
pub(crate) mod snapshot;
pub mod spans;
pub(crate) mod taken;

use std::sync::Arc;

/// What each signal does in compaction; one line each.
fn compacting() -> Vec<Arc<dyn compaction::Compact>> {
    vec![
        Arc::new(metrics::MetricsCompact::default()),
        Arc::new(logs::LogsCompact),
        Arc::new(spans::SpansCompact),
    ]
}
