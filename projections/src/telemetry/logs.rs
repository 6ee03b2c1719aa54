//! Log records: columnar segments, the query over them, and the small table of
//! counts that dashboards ask.

mod bloom;
mod bytes;
pub mod record;
#[cfg(test)]
mod samples;
mod segment;
mod table;
mod texts;
mod tokens;
