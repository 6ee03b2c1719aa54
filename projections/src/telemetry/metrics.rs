//! Metrics: samples of series in columns, found by labels.
//!
//! Writing: `sink` (bodies → level-0 sections), `registry` (series → ordinals),
//! `series_block`, `segment` with `values`, `times`, `histograms`. Compaction:
//! `compact`. Reading: `index` (labels → series), `source` (promql's store).

mod exemplars;
mod fold;
mod histograms;
mod registry;
mod segment;
mod series_block;
mod sink;
mod times;
mod values;

pub use fold::Metrics;

/// As in table names and `compacted.signal`.
pub(crate) const SIGNAL: &str = "metrics";
