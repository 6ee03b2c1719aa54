//! The only binary, and the only crate that knows all others: configuration,
//! process roles, and the operator's tools.

pub mod admin;
pub mod cli;
pub mod config;
mod history;
mod listen;
mod master_key;
mod memory;
pub mod observe;
mod open_files;
pub mod roles;
pub mod run;
mod serve;
mod signals;
mod storage;
mod tools;

pub use tools::Unproven;
