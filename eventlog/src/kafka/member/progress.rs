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
    let mut offsets = Offsets::new();
    for partition in 0..Topic::WorkersProgress.partitions() {
        let range = readers.range(Topic::WorkersProgress, partition)?;
        let mut from = range.start;
        while from < range.end {
            let page = readers.read(Topic::WorkersProgress, partition, from, PAGE_BYTES)?;
            page.records
                .iter()
                .for_each(|record| fold(&mut offsets, group, record));
            from = page.next_offset;
        }
    }
    Ok(offsets)
}

/// Applies one record of the progress topic.
fn fold(offsets: &mut Offsets, group: &str, record: &Record) {
    if record.key != group.as_bytes() {
        return;
    }
    match record.decode::<PlatformRecord>() {
        Ok(PlatformRecord::ProgressMade(made)) => {
            offsets.extend(made.next.iter().filter_map(|next| {
                Some(((Topic::by_name(&next.topic)?, next.partition), next.offset))
            }))
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, position = %record.position, "unreadable progress"),
    }
}
