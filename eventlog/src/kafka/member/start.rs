//! Where a member begins to read, once nothing before it is undecided.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use schemas::topic::Topic;

use super::{Setup, progress};
use crate::kafka::callbacks::Callbacks;
use crate::kafka::error::unavailable;
use crate::kafka::offsets::{Offsets, concrete, list};
use crate::kafka::read::check;
use crate::record::{OffsetRange, Partition, Position};
use crate::{LogError, Start};

/// Longer than a broker takes to abort a transaction whose producer is gone:
/// its timeout and the interval at which brokers look for such.
const SETTLE: Duration = Duration::from_secs(30);

/// Waits until everything that was written to these partitions before now is
/// committed or aborted. Their owner reads back what its predecessor wrote, so
/// the partitions of the same number in all topics of the context count.
pub(super) fn settle(setup: &Setup, granted: &[(Topic, Partition)]) -> Result<(), LogError> {
    let related: Vec<_> = Topic::all()
        .flat_map(|topic| {
            granted
                .iter()
                .map(move |(of, partition)| (topic, *of, *partition))
        })
        .filter(|(topic, of, partition)| {
            context(*topic) == context(*of) && *partition < topic.partitions()
        })
        .map(|(topic, _, partition)| (topic, partition))
        .collect();
    setup.ends.await_decided(&related, SETTLE)
}

/// The bounded context that a topic belongs to.
fn context(topic: Topic) -> &'static str {
    let name = topic.name();
    name.split_once('.').map_or(name, |(context, _)| context)
}

/// The next offset of each granted partition: committed, or else by progress
/// records, or else where the group starts.
pub(super) fn offsets(
    setup: &Setup,
    consumer: &BaseConsumer<Callbacks>,
    granted: &[(Topic, Partition)],
) -> Result<Offsets, LogError> {
    let mut offsets = committed(setup, consumer, granted)?;
    let unknown = |offsets: &Offsets| -> Vec<_> {
        granted
            .iter()
            .filter(|key| !offsets.contains_key(key))
            .copied()
            .collect()
    };
    let missing = unknown(&offsets);
    if !missing.is_empty() {
        let made = progress::of_group(&setup.readers, &setup.group.name)?;
        offsets.extend(made.into_iter().filter(|(key, _)| missing.contains(key)));
        let never = unknown(&offsets);
        let fresh = begin(setup, &never)?;
        pin(setup, consumer, &fresh)?;
        offsets.extend(fresh);
    }
    exist(setup, &offsets)?;
    Ok(offsets)
}

fn committed(
    setup: &Setup,
    consumer: &BaseConsumer<Callbacks>,
    granted: &[(Topic, Partition)],
) -> Result<Offsets, LogError> {
    let invalid = granted.iter().map(|key| (*key, rdkafka::Offset::Invalid));
    let query = list(&setup.options, invalid).map_err(unavailable)?;
    // Waits while a predecessor's transaction holds offsets that are undecided.
    let answer = consumer
        .committed_offsets(query, SETTLE)
        .map_err(unavailable)?;
    concrete(&setup.options, &answer)
}

fn begin(setup: &Setup, never: &[(Topic, Partition)]) -> Result<Offsets, LogError> {
    match setup.group.start {
        Start::Beginning => setup.ends.starts(never),
        Start::Now => Ok(setup
            .now
            .iter()
            .filter(|(key, _)| never.contains(key))
            .map(|(key, offset)| (*key, *offset))
            .collect()),
    }
}

/// "Now" is decided once: a member that comes back before its first commit must
/// not skip what arrived meanwhile.
fn pin(setup: &Setup, consumer: &BaseConsumer<Callbacks>, fresh: &Offsets) -> Result<(), LogError> {
    if fresh.is_empty() || setup.group.start == Start::Beginning {
        return Ok(());
    }
    let at = fresh
        .iter()
        .map(|(key, offset)| (*key, rdkafka::Offset::Offset(*offset)));
    let offsets = list(&setup.options, at).map_err(unavailable)?;
    consumer
        .commit(&offsets, CommitMode::Sync)
        .map_err(unavailable)
}

/// Retention may have passed a group that was away for too long, and another
/// log may have been put in this one's place: neither is skipped over.
fn exist(setup: &Setup, offsets: &Offsets) -> Result<(), LogError> {
    let keys: Vec<_> = offsets.keys().copied().collect();
    let (starts, ends) = (setup.ends.starts(&keys)?, setup.ends.stable(&keys)?);
    offsets.iter().try_for_each(|(key, offset)| {
        let position = Position {
            topic: key.0,
            partition: key.1,
            offset: *offset,
        };
        check(
            position,
            OffsetRange {
                start: starts[key],
                end: ends[key],
            },
        )
    })
}
