//! Accounts and sessions.

mod audit;
pub mod caller;
pub mod cookies;
pub mod csrf;
pub mod ending;
pub mod invitation;
pub mod join;
pub mod keys;
pub mod leave;
mod lifetime;
pub mod login;
pub mod logout;
pub mod password;
mod password_policy;
pub mod passwords;
pub mod proof;
pub mod prove;
pub mod refresh;
pub mod register;
pub mod second_factor;
pub mod secret;
pub mod session;
pub mod sessions;
pub mod single_sign_on;
pub mod sweeper;
mod totp;
pub mod vault;
