//! Traces: spans in columnar segments, and the small tables that dashboards ask.
//!
//! Writing: `fold` (bodies → level 0), `table` (spans in memory), `segment`, with
//! `red` and `edges` counted as they arrive. Compaction: `compact`. Reading: `rows`
//! (both levels), `trace` (one by id), `search`, `overview` (RED, map, names).

mod bloom;
mod bytes;
mod compact;
mod durations;
mod edges;
mod fold;
mod numbers;
pub mod overview;
mod red;
mod rows;
#[cfg(test)]
mod samples;
pub mod search;
mod segment;
pub mod span;
mod table;
pub mod tags;
mod texts;
pub mod trace;

pub(crate) use compact::SpansCompact;
pub use fold::Spans;
pub use rows::Times;

/// As in table names and `compacted.signal`.
pub(crate) const SIGNAL: &str = "spans";

/// The day, since 1970, of a time in nanoseconds.
pub(crate) fn day_of(time_ns: i64) -> i32 {
    let day = time_ns.div_euclid(86_400_000_000_000);
    i32::try_from(day).unwrap_or(i32::MAX)
}
