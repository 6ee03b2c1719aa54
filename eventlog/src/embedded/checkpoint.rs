//! What a journal knows at the start of a segment, so that opening it reads the
//! last segment and nothing before: the next offset of every partition and how far
//! every consumer group has come. Written twice as the segment's first groups,
//! each with one record of topic id 0, in the sync of the segment's first records.

use std::collections::BTreeMap;

use bytes::Bytes;
use schemas::messages::MessageSet;
use schemas::progress::{PlatformRecord, ProgressMade};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use super::payload::Encoded;
use super::slots::{Slot, Slots};
use crate::record::Record;
use crate::{NewRecord, Offset};

/// The topic id that no topic has.
pub(super) const TOPIC_ID: u16 = 0;

/// Next offset to read of each topic and partition, by group.
pub(super) type Progress = BTreeMap<String, BTreeMap<(String, i32), Offset>>;

/// Topic, partition and next offset of a group.
type GroupNext = (String, i32, Offset);

/// The checkpoint's payload, as JSON.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// Topic id, partition, next offset; partitions that never had a record are left out.
    next: Vec<(u16, u16, Offset)>,
    groups: Vec<(String, Vec<GroupNext>)>,
}

impl Checkpoint {
    pub(super) fn of(slots: &Slots, next: &[Offset], progress: &Progress) -> Self {
        let next = slots
            .iter()
            .filter(|(slot, ..)| next[*slot] > 0)
            .map(|(slot, topic, partition)| (topic.id(), partition as u16, next[slot]))
            .collect();
        let groups = progress
            .iter()
            .map(|(group, partitions)| {
                let partitions = partitions
                    .iter()
                    .map(|((topic, partition), offset)| (topic.clone(), *partition, *offset));
                (group.clone(), partitions.collect())
            })
            .collect();
        Self { next, groups }
    }

    pub(super) fn encode(&self) -> Encoded {
        let payload =
            Bytes::from(serde_json::to_vec(self).expect("numbers and strings have a JSON form"));
        let crc = crc32c::crc32c(&payload);
        Encoded { payload, crc }
    }

    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }

    /// Known next offsets, by slot.
    pub(super) fn next<'a>(
        &'a self,
        slots: &'a Slots,
    ) -> impl Iterator<Item = (Slot, Offset)> + 'a {
        self.next.iter().filter_map(|(topic, partition, next)| {
            Some((slots.slot_of_id(*topic, *partition)?, *next))
        })
    }

    pub(super) fn progress(self) -> Progress {
        let by_partition = |partitions: Vec<GroupNext>| {
            partitions
                .into_iter()
                .map(|(topic, partition, offset)| ((topic, partition), offset))
                .collect()
        };
        self.groups
            .into_iter()
            .map(|(group, partitions)| (group, by_partition(partitions)))
            .collect()
    }
}

/// Moves a group forward.
pub(super) fn fold(progress: &mut Progress, made: &ProgressMade) {
    let group = progress.entry(made.group.clone()).or_default();
    for next in &made.next {
        group.insert((next.topic.clone(), next.partition), next.offset);
    }
}

/// The progress that a record to be appended makes, if it is one that does.
pub(super) fn made_by(record: &NewRecord) -> Option<ProgressMade> {
    let kind = schemas::envelope::kind_of(&record.headers)?;
    progress_of(record.topic, kind, &record.body)
}

/// The progress that a stored record made.
pub(super) fn made_by_stored(record: &Record) -> Option<ProgressMade> {
    progress_of(record.position.topic, record.kind(), &record.body)
}

fn progress_of(topic: Topic, kind: &str, body: &[u8]) -> Option<ProgressMade> {
    if topic != Topic::WorkersProgress {
        return None;
    }
    match PlatformRecord::decode(kind, body) {
        Ok(PlatformRecord::ProgressMade(made)) => Some(made),
        _ => None,
    }
}
