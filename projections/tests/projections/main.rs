//! The read side against a real Postgres and the embedded log.

mod fixture;
mod observed;
mod story;

mod announcing;
mod as_of;
mod audit_retention;
mod coarse_metrics;
mod examples;
mod interleaving;
mod isolation;
mod log_hours;
mod logs;
mod metrics;
mod migrating;
mod outage;
mod parking;
mod queries;
mod redis;
mod replaying;
mod retaining;
mod rotation;
mod secrets;
mod telemetry_replay;
mod telemetry_workers;
mod traces;
