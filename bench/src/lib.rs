//! Load generators and side-by-side comparisons: one file a comparison, one line
//! each in [`comparison::all`]. `src/main.rs` runs them.

pub mod append;
pub mod cargo;
pub mod command_rate;
pub mod comparison;
pub mod edge;
pub mod fanout;
pub mod idle_memory;
pub mod latencies;
pub mod load;
pub mod machine;
pub mod metrics;
pub mod postgres;
pub mod process;
pub mod replay;
pub mod report;
pub mod spread;
