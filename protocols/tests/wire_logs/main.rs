//! Decoders of logs and traces over bodies as their senders make them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod collected;
mod conformance;
mod elastic_bulk;
mod garbage;
mod loki;
mod native;
mod otlp_logs;
mod otlp_round_trip;
mod otlp_spans;
mod syslog;
