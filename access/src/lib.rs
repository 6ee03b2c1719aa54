//! Who is calling, and what they may do.
//!
//! A caller presents a [`credentials::Presented`]; a [`token::Verifier`] or the
//! [`keyring::Keyring`] turns it into a [`principal::Principal`], which carries the
//! `Scope` that every query takes first. Nothing here asks Postgres: tokens verify
//! with public keys and API keys with a fold of `identity.keys`.

pub mod answers;
pub mod api_key;
pub mod body;
pub mod credentials;
pub mod denied;
pub mod durations;
pub mod ended;
pub mod keyring;
pub mod meter;
pub mod permissions;
pub mod principal;
pub mod rates;
pub mod refused_bodies;
pub mod seal;
pub mod telemetry_limits;
pub mod token;
pub mod usage;
