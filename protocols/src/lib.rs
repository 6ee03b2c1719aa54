//! Wire formats, one file each: `validate` and `decode`, pure functions over the
//! bytes that agents send. This crate knows nothing of the platform.
//!
//! Telemetry decoders tell a sink what they read (`metrics`, `logs`, `spans`);
//! [`formats`] lists them.

pub mod alertmanager;
mod any_value;
pub mod compression;
pub mod elastic_bulk;
pub mod formats;
mod free_record;
mod hex_ids;
mod item_limits;
mod json;
pub mod limits;
mod log_text;
pub mod logs;
pub mod loki;
pub mod metrics;
pub mod native_logs;
pub mod native_metrics;
pub mod native_spans;
mod otlp_envelope;
pub mod otlp_logs;
pub mod otlp_metrics;
pub mod otlp_spans;
pub mod protobuf;
pub mod refused;
pub mod remote_write_v1;
pub mod remote_write_v2;
pub mod spans;
pub mod syslog;
mod times;
