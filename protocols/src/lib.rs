//! Wire formats, one file each: `validate` and `decode`, pure functions over the
//! bytes that agents send. This crate knows nothing of the platform.

pub mod alertmanager;
