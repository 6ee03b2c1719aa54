//! Progress in the log itself: the fallback for offsets that Kafka has dropped,
//! as it does for groups that were away for a week.

use schemas::context::Context;
use schemas::envelope::Envelope;
use schemas::progress::{NextOffset, PlatformRecord, ProgressMade};
use schemas::scope::Actor;
use schemas::topic::Topic;

use crate::LogError;
use crate::kafka::offsets::Offsets;
use crate::kafka::read::Readers;
use crate::record::{NewRecord, Position, Record};

/// How much of the topic is read at a time.
const PAGE_BYTES: usize = 1024 * 1024;

/// The record that says how far `group` is with the partitions that moved.
pub(super) fn record(
    group: &str,
    next: &[Position],
    context: &Context,
) -> Result<NewRecord, LogError> {
    let made = ProgressMade {
        group: group.to_owned(),
        next: next
            .iter()
            .map(|position| NextOffset {
                topic: position.topic.name().to_owned(),
                partition: position.partition,
                offset: position.offset,
            })
            .collect(),
    };
    let id = context.id();
    let envelope = Envelope {
        id,
        kind: "ProgressMade".to_owned(),
        source: format!("/workers/{group}"),
        subject: group.to_owned(),
        time: context.now(),
        tenant: None,
        project: None,
        actor: Actor::system(group),
        correlation: id,
        causation: None,
        traceparent: None,
        sequence: None,
        expected_version: None,
        request_hash: None,
    };
    NewRecord::of(
        Topic::WorkersProgress,
        &envelope,
        &PlatformRecord::from(made),
    )
    .map_err(|error| LogError::Unavailable(format!("cannot write progress: {error}")))
}

/// How far `group` is by its progress records. Reads the whole topic; blocks.
pub(super) fn of_group(readers: &Readers, group: &str) -> Result<Offsets, LogError> {
    let mut known = Offsets::new();
    for partition in 0..Topic::WorkersProgress.partitions() {
        let range = readers.range(Topic::WorkersProgress, partition)?;
        let mut from = range.start;
        while from < range.end {
            let page = readers.read(Topic::WorkersProgress, partition, from, PAGE_BYTES)?;
            let of_group = page
                .records
                .iter()
                .filter(|record| record.key == group.as_bytes());
            for made in of_group.filter_map(of_record) {
                known.extend(offsets(&made));
            }
            from = page.next_offset;
        }
    }
    Ok(known)
}

/// What a record of the progress topic says; nothing where it is unreadable.
pub(in crate::kafka) fn of_record(record: &Record) -> Option<ProgressMade> {
    match record.decode::<PlatformRecord>() {
        Ok(PlatformRecord::ProgressMade(made)) => Some(made),
        Ok(_) => None,
        Err(error) => {
            tracing::error!(%error, position = %record.position, "unreadable progress");
            None
        }
    }
}

/// The next offsets of the partitions that moved.
pub(in crate::kafka) fn offsets(made: &ProgressMade) -> Offsets {
    let known = |next: &NextOffset| {
        let topic = Topic::by_name(&next.topic)?;
        Some(((topic, next.partition), next.offset))
    };
    made.next.iter().filter_map(known).collect()
}
