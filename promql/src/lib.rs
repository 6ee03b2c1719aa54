//! PromQL: parsing and pure evaluation over a [`source::SeriesSource`].
//!
//! A query is parsed, its selectors are fetched at once, and it is then evaluated on a
//! blocking thread: each series over all steps, and one series after the other wherever
//! what is above only folds them.

pub mod budget;
mod column;
pub mod duration;
mod engine;
mod eval;
pub mod histogram;
mod kahan;
mod notes;
pub mod number;
pub mod parse;
mod plan;
pub mod re2;
pub mod render;
pub mod source;

pub use engine::{Answer, Cost, Engine, Limits, Options, QueryError, Sample, Samples, Value};
pub use parse::{ParseError, format, parse, series_selector};

/// A regular expression as label matching uses it: anchored at both ends, `.` matches
/// every character.
pub fn anchored(expression: &str) -> Result<regex::Regex, regex::Error> {
    let expression = re2::respelled(expression);
    regex::Regex::new(&format!("^(?s:{expression})$"))
}
