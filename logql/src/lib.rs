//! LogQL, Loki's query language: read, written, and evaluated, all of it pure.
//!
//! `parse` makes an [`ast`] of text; `Pipeline` runs the stages of a query over one
//! line after the other; `metric` folds lines into numbers over time and leaves what is
//! above them, vectors and their arithmetic, to crate `promql`. `narrow` tells a store
//! what it may leave out.
//!
//! Source: "LogQL" in Loki's documentation, versions 2.0 to 3.5. Not understood: what it
//! marks as experimental (`approx_topk` counts exactly), and templates within templates
//! (`define`, `template`, `block`).

pub mod ast;
mod error;
mod format;
mod line;
pub mod metric;
pub mod narrow;
mod parse;
mod pipeline;
mod stages;
mod template;
pub mod units;
mod windows;

pub use error::{EvalError, ParseError};
pub use format::pretty;
pub use line::{LabelSet, Line, Origin};
pub use parse::{parse, parse_log, parse_selector};
pub use pipeline::Pipeline;
pub use stages::json::{JsonMember, json_fields, json_members};
pub use stages::{field_type, logfmt::logfmt_fields};
