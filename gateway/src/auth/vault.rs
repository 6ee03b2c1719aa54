//! The gateway's tables in the vault: what must never be in an immutable log. One
//! file per table, its SQL for writing and reading together.

pub mod ends;
pub mod failures;
pub mod logins;
pub mod recovery_codes;
pub mod refresh_tokens;
pub mod sessions;
pub mod signing_keys;
pub mod tickets;
pub mod totp;
