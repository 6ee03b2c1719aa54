//! The read side: folds of the log into rows, and the queries over them.
//!
//! One file per read model (`incidents`, `timeline`, ...) holds its SQL for
//! writing and for reading; `runtime` follows the log for all of them; `replay`
//! folds one anew beside the live tables. Adding a read model is one file, its
//! `migrations/read/<name>.sql`, and one line in `registry`; an index that comes later is in
//! `migrations/read/indexes/<name>.sql`.

pub mod alerts;
pub mod api_keys;
pub mod audit;
pub mod checkpoints;
pub mod db;
pub mod erasure;
pub mod export;
pub mod fanout;
pub mod history;
pub mod incidents;
pub mod invitations;
pub mod members;
pub mod migrate;
pub mod monitoring_integrations;
pub mod outcomes;
pub mod page;
pub mod people;
pub mod projects;
mod registry;
pub mod replay;
pub mod runtime;
pub mod saved_views;
pub mod service_accounts;
pub mod single_sign_on;
pub mod telemetry;
pub mod telemetry_limits;
pub mod timeline;
pub mod usage;
pub mod vault;

pub use db::{Db, DbConfig, QueryError};
pub use migrate::migrate;
pub use registry::{Settings, consumers, registry, registry_with};
pub use runtime::{REST, Runtime, run};
