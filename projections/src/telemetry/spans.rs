//! Traces: spans in columnar segments, and the small tables that dashboards ask.

mod bloom;
mod bytes;
#[cfg(test)]
mod samples;
mod segment;
pub mod span;
mod table;
mod texts;
