//! A log that has lost some of its records, as retention loses them.

#[path = "../faulty/mod.rs"]
mod faulty;

use eventlog::{Fetched, Offset, Partition};
use schemas::topic::Topic;

use faulty::Fault;
pub(crate) use faulty::Faulty;

/// Tells which offsets have no record.
pub(crate) struct Holes<F>(pub(crate) F);

impl<F: Fn(Topic, Partition, Offset) -> bool + Send + Sync + 'static> Fault for Holes<F> {
    fn read(&self, _from: Offset, mut fetched: Fetched) -> Fetched {
        let Self(is_hole) = self;
        let (topic, partition) = (fetched.topic, fetched.partition);
        fetched
            .records
            .retain(|record| !is_hole(topic, partition, record.position.offset));
        fetched
    }
}
