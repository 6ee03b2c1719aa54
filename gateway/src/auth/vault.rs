//! The gateway's tables in the vault: what must never be in an immutable log. One
//! file per table, its SQL for writing and reading together.

pub mod logins;
pub mod refresh_tokens;
pub mod signing_keys;
pub mod tickets;
