//! Accounts and sessions.

pub mod caller;
pub mod cookies;
pub mod csrf;
pub mod keys;
pub mod login;
pub mod logout;
pub mod passwords;
pub mod refresh;
pub mod register;
pub mod secret;
pub mod session;
pub mod sweeper;
pub mod vault;
