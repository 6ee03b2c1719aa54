//! Calls to addresses that people name: which may be reached ([`guard`]), how one is
//! asked ([`Outbound`]), and what tells that a monitoring server is well ([`probe`]).
//!
//! Nobody who may name an address thereby reaches what only this machine reaches: names
//! are resolved here and every address that they lead to is looked at before one of
//! these very addresses is connected to; redirects are not followed; no proxy of the
//! environment is used; answers are bounded in bytes and time.

mod address;
mod call;
mod credential;
pub mod guard;
pub mod probe;
mod resolve;
mod secure;
mod tls;
mod trace;

pub use address::{Address, NotAnAddress};
pub use call::{Failed, Limits, Outbound};
pub use credential::{BadCredential, Credential, Header};
pub use guard::{Guard, Network};
pub use resolve::{Resolve, System};
pub use secure::NotSecure;
pub use tls::{NotACertificate, check as check_certificate};
pub use trace::{Step, Trace};
