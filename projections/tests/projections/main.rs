//! The read side against a real Postgres and the embedded log.

mod fixture;
mod observed;
mod story;

mod announcing;
mod as_of;
mod audit_retention;
mod coarse_metrics;
mod examples;
mod expiring;
mod interleaving;
mod isolation;
mod log_hours;
mod logs;
mod metrics;
mod migrating;
mod outage;
mod oversized;
mod parking;
mod queries;
mod redis;
mod repeating;
mod replaying;
mod retaining;
mod rotation;
mod secrets;
mod tailing;
mod telemetry_replay;
mod telemetry_workers;
mod traces;
