//! Commands become events: one file per aggregate, and the runner that owns them.
//!
//! An aggregate is pure: state, command and [`Context`](schemas::context::Context)
//! in, events or a refusal out. The runner ([`run`]) is the only writer of the
//! events topics: it loads an aggregate from the [`History`] and the tail of the
//! log, decides on a copy, and appends events, audit record, outcome and input
//! position in one atomic step. Nothing here knows a read model.

pub mod aggregate;
pub mod alert_group;
pub mod api_key;
pub mod audit_policy;
pub mod audited;
pub mod fields;
pub mod history;
pub mod incident;
pub mod incident_numbers;
pub mod integration_health;
pub mod monitoring_integration;
pub mod project_keys;
mod runtime;
pub mod saved_view;
pub mod service_account;
pub mod service_account_keys;
pub mod single_sign_on;
pub mod telemetry_limits;
pub mod tenant;
pub mod tenant_keys;

pub use history::{History, HistoryError, HistoryRecord, Loaded, Settled};
pub use runtime::{Limits, groups, run};
