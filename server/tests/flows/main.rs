//! The whole platform as its users meet it: the built program, a real Prometheus
//! and Alertmanager in front of it, a real Postgres behind it, nothing mocked.
//!
//! One platform runs at a time: these tests are about order and loss, and some
//! report times, which neighbours on the same cores would spoil.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod database;
mod notification;
mod peers;
mod platform;
mod roles;
mod shop;
mod socket;
mod statistics;
mod tools;

mod backup;
mod distributed;
mod kill;
mod latency;
mod log_retention;
mod metrics;
mod one_group;
mod pair;
mod postgres_stopped;
mod power;
mod repeats;
mod replay;
mod restart;
mod sdks;
mod secrets;
mod startup;
mod unprivileged;
mod write_read;
