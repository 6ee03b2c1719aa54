//! The partitions of one journal, numbered densely, so that what is kept for each
//! of them is a plain vector.

use schemas::topic::{Journal, Topic};

use crate::{LogError, Partition};

/// A partition's number within its journal.
pub(super) type Slot = usize;

/// The numbering of one journal; the same in every run of one program version
/// and never written to disk.
#[derive(Debug)]
pub(super) struct Slots {
    partitions: Vec<(Topic, Partition)>,
    /// First slot and partition count of each topic.
    topics: Vec<(Topic, Slot, Partition)>,
}

impl Slots {
    pub(super) fn of(journal: Journal) -> Self {
        let mut slots = Self {
            partitions: Vec::new(),
            topics: Vec::new(),
        };
        for topic in Topic::all().filter(|topic| topic.journal() == journal) {
            let first = slots.partitions.len();
            slots.topics.push((topic, first, topic.partitions()));
            slots
                .partitions
                .extend((0..topic.partitions()).map(|partition| (topic, partition)));
        }
        slots
    }

    pub(super) fn len(&self) -> usize {
        self.partitions.len()
    }

    pub(super) fn slot(&self, topic: Topic, partition: Partition) -> Result<Slot, LogError> {
        self.find(|known| known == topic, partition)
            .ok_or(LogError::NoPartition {
                topic: topic.name(),
                partition,
            })
    }

    /// The slot of a partition as it is named on disk.
    pub(super) fn slot_of_id(&self, topic_id: u16, partition: u16) -> Option<Slot> {
        self.find(|known| known.id() == topic_id, partition.into())
    }

    pub(super) fn partition(&self, slot: Slot) -> (Topic, Partition) {
        self.partitions[slot]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, Topic, Partition)> + '_ {
        self.partitions
            .iter()
            .enumerate()
            .map(|(slot, (topic, partition))| (slot, *topic, *partition))
    }

    fn find(&self, is: impl Fn(Topic) -> bool, partition: Partition) -> Option<Slot> {
        let (_, first, count) = self.topics.iter().find(|(topic, ..)| is(*topic))?;
        let within = usize::try_from(partition).ok()?;
        (partition < *count).then_some(first + within)
    }
}
