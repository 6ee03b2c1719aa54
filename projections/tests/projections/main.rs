//! The read side against a real Postgres and the embedded log.

mod fixture;
mod story;

mod announcing;
mod audit_retention;
mod examples;
mod interleaving;
mod isolation;
mod logs;
mod metrics;
mod migrating;
mod outage;
mod parking;
mod queries;
mod redis;
mod replaying;
mod secrets;
mod traces;
