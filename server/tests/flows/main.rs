//! The whole platform as its users meet it: the built program, a real Prometheus
//! and Alertmanager in front of it, a real Postgres behind it, nothing mocked.
//!
//! One platform runs at a time: these tests are about order and loss, and some
//! report times, which neighbours on the same cores would spoil.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../promql/tests/answers/mod.rs"]
mod answers;
mod arrival;
mod client;
mod database;
#[path = "../../../promql/tests/memory/mod.rs"]
mod memory;
mod notification;
mod peers;
mod platform;
#[path = "../../../promql/tests/promqltest/mod.rs"]
mod promqltest;
mod remote_write;
mod roles;
mod shop;
mod socket;
mod statistics;
mod syslog;
mod tools;

mod audit_verify;
mod backup;
mod conformance;
mod consumers;
mod distributed;
mod distributed_erasure;
mod integrations;
mod invented_series;
mod kill;
mod latency;
mod log_retention;
mod logcli;
mod mail;
mod metrics;
mod one_group;
mod pair;
mod postgres_stopped;
mod power;
mod rate;
mod repeats;
mod replay;
mod restart;
mod schemathesis;
mod sdks;
mod secrets;
mod startup;
mod stop;
mod telemetrygen;
mod tenant_erasure;
mod unprivileged;
mod vault;
mod worse;
mod write_read;
