//! The contract of the platform: what a record on the log says and how it is
//! written. Envelope, scope, context, sealed personal values, commands, events
//! and outcomes, with their Avro schemas and examples beside them.
//!
//! This crate imports none of ours and does no I/O. Adding a message is one
//! struct, one line in its `messages!` set, and `make schemas`, which writes the
//! `.avsc` file and the example bytes that hold its meaning for ever.

pub mod alert_group;
pub mod api_key;
pub mod audit;
pub mod audit_policy;
pub mod change;
pub mod codec;
pub mod context;
pub mod envelope;
pub mod headers;
pub mod ids;
pub mod inbound;
pub mod incident;
pub mod incident_numbers;
pub mod integration_health;
pub mod labels;
pub mod messages;
pub mod monitoring_integration;
pub mod names;
pub mod outcome;
pub mod personal;
pub mod progress;
pub mod project_keys;
pub mod registry;
pub mod saved_view;
pub mod scope;
pub mod service_account;
pub mod service_account_keys;
pub mod severity;
pub mod single_sign_on;
pub mod telemetry;
pub mod telemetry_limits;
pub mod tenant;
pub mod tenant_keys;
pub mod time;
pub mod topic;
pub mod usage;
