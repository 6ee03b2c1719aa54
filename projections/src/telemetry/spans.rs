//! Traces: spans in columnar segments, and the small tables that dashboards ask.

mod bloom;
mod bytes;
mod durations;
mod edges;
mod red;
#[cfg(test)]
mod samples;
mod segment;
pub mod span;
mod table;
mod texts;
