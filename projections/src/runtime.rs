//! What every projection shares: following the log, one transaction for rows and
//! checkpoint, retries, parking and announcements.

mod batch;
mod checkpoint;
mod decode;
mod expiry;
mod failure;
mod headers;
mod parked;
mod projection;
mod rows;
mod runner;
mod session;
mod shape;

pub use checkpoint::Mismatch;
pub use failure::ApplyError;
pub use projection::{Changed, Home, Projection, Writing};
pub use runner::{REST, Runtime, run};

pub(crate) use batch::apply_batch;
pub(crate) use checkpoint::Checkpoints;
pub(crate) use decode::{decode_scoped, scope_of, sequence_of, subject_id, tenant_of};
pub(crate) use expiry::{Expiry, expire};
pub(crate) use headers::{pack, unpack};
use parked::Parked;
pub(crate) use parked::{parked_of_key, remove};
pub(crate) use rows::upsert;
pub(crate) use session::consumer_of;
pub(crate) use shape::has_known_shape;
