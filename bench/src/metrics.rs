//! Metrics beside VictoriaMetrics and Prometheus: the same remote-write bodies in
//! the same order to each, one after the other, then the same questions.

mod answers;
mod bodies;
mod ingest;
mod invented;
mod latency;
mod queries;
mod scale;

pub use ingest::compare as compare_ingest;
pub use invented::compare as compare_invented;
pub use latency::compare as compare_latency;
pub use queries::compare as compare_queries;
pub use scale::{compare_series, compare_tenants};
