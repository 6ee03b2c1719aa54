//! Wire formats, one file each: `validate` and `decode`, pure functions over the
//! bytes that agents send. This crate knows nothing of the platform.
//!
//! Telemetry decoders tell a sink what they read (`metrics`, `logs`, `spans`);
//! [`formats`] lists them.

pub mod alertmanager;
pub mod compression;
pub mod formats;
pub mod logs;
pub mod metrics;
pub mod protobuf;
pub mod refused;
pub mod spans;
