//! The telemetry store: columnar, compressed segments in Postgres.

pub mod logs;
