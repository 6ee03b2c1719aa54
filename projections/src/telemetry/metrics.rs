//! Metrics: samples of series in columns, found by labels.
//!
//! Writing: `sink` (bodies → level-0 sections), `registry` (series → ordinals),
//! `series_block`, `segment` with `values`, `times`, `histograms`, `arrivals`. Compaction:
//! `compact` with `sections`, `day_series`, `merge`, `coarsen` with `coarse`, `coarse_histograms` and
//! `standing`. Reading:
//! `store` (promql's), `matching`, `index` (labels → series) in a `cache`, `fetch` (rows
//! of both levels), `segments` (a cache of them), `selected` (series by series).

mod arrivals;
mod cache;
mod coarse;
mod coarse_histograms;
mod coarsen;
mod compact;
mod day_series;
mod exemplars;
mod fetch;
mod fold;
mod histograms;
mod index;
mod matching;
mod merge;
mod registry;
mod sections;
mod segment;
mod segments;
mod selected;
pub(crate) mod series_block;
mod sink;
mod standing;
mod store;
mod times;
mod values;

pub(crate) use compact::MetricsCompact;
pub use fold::Metrics;
pub use store::{Limits, Store, Stores};

/// As in table names and `compacted.signal`.
pub(crate) const SIGNAL: &str = "metrics";
