//! The gateway in process, on the embedded log and a real Postgres, with the command
//! runner and the projections that the platform runs. One file per resource.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../promql/tests/answers/mod.rs"]
mod answers;
mod app;
mod history;
#[path = "../../../promql/tests/memory/mod.rs"]
mod memory;
#[path = "../../../promql/tests/promqltest/mod.rs"]
mod promqltest;
mod wire;

mod api_keys;
mod as_of;
mod audit;
mod auth;
mod commands;
mod concurrency;
mod crowd;
mod given_names;
mod grafana;
mod incidents;
mod initial_password;
mod invitations;
mod isolation;
mod jaeger;
mod key_ends;
mod limits;
mod logs;
mod loki;
mod loki_clients;
mod long_reads;
mod matrix;
mod members;
mod monitoring_integrations;
mod openapi;
mod outage;
mod pages;
mod person_erasure;
mod projects;
mod prometheus;
mod query_memory;
mod rebuild;
mod revocation;
mod rotation;
mod saved_views;
mod second_factor;
mod sessions;
mod sign_on;
mod statuses;
mod strict_bodies;
mod telemetry;
mod telemetry_limits;
mod tenant_erasure;
mod tenant_export;
mod traces;
mod usage;
mod ws;
