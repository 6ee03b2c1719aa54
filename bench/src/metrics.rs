//! Metrics beside VictoriaMetrics and Prometheus: the same remote-write bodies in
//! the same order to each, one after the other, then the same questions.

mod bodies;
mod http;
mod ingest;
mod queries;
mod store;

pub use ingest::compare as compare_ingest;
pub use queries::compare as compare_queries;
