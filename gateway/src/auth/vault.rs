//! The gateway's tables in the vault: what must never be in an immutable log. One
//! file per table, its SQL for writing and reading together; `accounts` looks into several.

pub mod accounts;
pub mod ends;
pub mod failures;
pub mod held_names;
pub mod logins;
pub mod recovery_codes;
pub mod refresh_tokens;
pub mod sessions;
pub mod sign_on_attempts;
pub mod sign_on_identities;
pub mod sign_on_secrets;
pub mod sign_on_sessions;
pub mod signing_keys;
pub mod tickets;
pub mod totp;
