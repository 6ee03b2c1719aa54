//! Wire formats, one file each: `validate` and `decode`, pure functions over the
//! bytes that agents send. This crate knows nothing of the platform.
//!
//! Telemetry decoders tell a sink what they read (`metrics`, `logs`, `spans`);
//! [`formats`] lists them.

pub mod alertmanager;
mod any_value;
pub mod compression;
pub mod formats;
mod item_limits;
mod json;
pub mod limits;
pub mod logs;
pub mod metrics;
pub mod native_metrics;
pub mod otlp_metrics;
pub mod protobuf;
pub mod refused;
pub mod remote_write_v1;
pub mod remote_write_v2;
pub mod spans;
