//! Membership that entitles to commit.

use rdkafka::bindings;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};

use crate::kafka::callbacks::Callbacks;

/// The membership as of now, if it is one: a broker lets a transaction without a
/// known generation pass as if no group were there, so such a one never commits.
pub(super) fn capture(consumer: &BaseConsumer<Callbacks>) -> Option<ConsumerGroupMetadata> {
    let before = current(consumer);
    let membership = consumer.group_metadata()?;
    // Generations only grow, so what was captured in between is of the same.
    let known = before > 0 && current(consumer) == before && !consumer.assignment_lost();
    known.then_some(membership)
}

/// The client's generation; below 1 while it is not a member.
#[expect(
    unsafe_code,
    reason = "the wrapper captures a membership but does not tell its generation"
)]
fn current(consumer: &BaseConsumer<Callbacks>) -> i32 {
    let client = consumer.client().native_ptr();
    // SAFETY: the client lives as long as `consumer`; what the first call returns
    // is ours alone, null or valid until the last call frees it.
    unsafe {
        let membership = bindings::rd_kafka_consumer_group_metadata(client);
        if membership.is_null() {
            return -1;
        }
        let generation = bindings::rd_kafka_consumer_group_metadata_generation_id(membership);
        bindings::rd_kafka_consumer_group_metadata_destroy(membership);
        generation
    }
}
