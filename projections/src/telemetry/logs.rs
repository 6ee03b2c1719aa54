//! Log records: columnar segments, the query over them, and the small table of
//! counts that dashboards ask.
//!
//! Writing: `sink` (bodies → `table`), `segment` (with `texts`, `tokens`, `bloom`),
//! `counts`; `compact` makes level 1. Reading: `filter` (what a person wrote),
//! `scan` (segments of both levels, as far as a query goes), `matching` (a filter
//! over one segment), and then what is asked: `search`, `stats`, `fields`,
//! `streams`, `patterns`, `walk` (all records, or their sizes alone), `tail`.

mod bloom;
mod blooms;
mod compact;
mod counts;
mod fields;
mod filter;
mod fold;
mod frames;
mod matching;
mod patterns;
mod record;
mod rows;
#[cfg(test)]
mod samples;
mod scan;
mod search;
mod segment;
mod sink;
mod stats;
mod streams;
mod table;
mod tail;
mod texts;
mod tokens;
mod walk;

use std::time::Duration;

pub(crate) use blooms::Blooms;
pub(crate) use compact::LogsCompact;
pub use counts::{Service, services};
pub use fields::{FieldName, FieldValue, FieldValues, Fields, names, values};
pub use filter::{BadPattern, BadQuery, Filter, Range, label_name};
pub use fold::Logs;
pub use patterns::{LinePattern, PatternOverTime, Patterns, over_time, patterns};
pub use record::{NotAnId, Place, Record};
pub(crate) use scan::Hours;
pub use scan::{LogsError, Query, Scanned};
pub use search::{Around, Found, around, search, search_oldest};
pub use stats::{Bucket, Stats, stats};
pub use streams::{LogStream, streams};
pub use tail::{Arrived, Tail};
pub use walk::{Sized, sizes, walk};

/// As in table names and `compacted.signal`.
pub(crate) const SIGNAL: &str = "logs";
/// What a query may take.
const TIME_LIMIT: Duration = Duration::from_secs(15);
