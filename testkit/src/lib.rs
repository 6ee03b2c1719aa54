//! What tests share: a real Postgres with a database for each test, real peers,
//! waiting for a condition, and saying aloud what was skipped.
//!
//! Dev-only: no crate may depend on it outside `[dev-dependencies]`.

mod certificate;
mod kafka;
mod peers;
mod postgres;
mod power;
mod wait;

pub use certificate::certificate;
pub use kafka::{TestKafka, kafka};
pub use peers::{Peer, free_port, peer};
pub use postgres::{TestDb, postgres};
pub use power::CuttableDisk;
pub use wait::{eventually, eventually_within};

/// Reports a test that cannot run here; `make test` lists these by name.
pub fn skipped(name: &str, why: &str) {
    eprintln!("SKIPPED {name}: {why}");
}
