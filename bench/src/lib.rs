//! Load generators and side-by-side comparisons: one file a comparison, one line
//! each in [`comparison::all`]. `src/main.rs` runs them.

pub mod append;
pub mod cargo;
pub mod command_rate;
pub mod comparison;
mod dice;
pub mod edge;
pub mod fanout;
pub mod flood;
pub mod idle_memory;
pub mod latencies;
pub mod load;
pub mod logs;
pub mod machine;
pub mod metrics;
pub mod postgres;
pub mod process;
mod protobuf;
pub mod replay;
pub mod report;
pub mod spans;
pub mod spread;
mod stores;
