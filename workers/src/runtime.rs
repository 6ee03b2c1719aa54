//! What every reactor shares: reading records, naming commands, committing.

pub mod cause;
pub mod incident_record;
pub mod reactor;
pub mod runner;
