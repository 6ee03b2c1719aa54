//! The newest records of a journal in memory: what most readers want next, and
//! the only place of records that are ordered but not yet written.

use std::collections::VecDeque;

use schemas::time::Timestamp;

use super::payload::Encoded;
use super::slots::Slot;
use crate::Offset;

/// A record in memory.
#[derive(Debug, Clone)]
pub(super) struct Recent {
    pub(super) offset: Offset,
    pub(super) appended_at: Timestamp,
    pub(super) record: Encoded,
}

/// Bounded in bytes, except that unsynced records always stay; those are bounded
/// by the queue.
#[derive(Debug)]
pub(super) struct Tail {
    partitions: Vec<VecDeque<Recent>>,
    /// The slot of every record held, oldest first.
    order: VecDeque<Slot>,
    bytes: usize,
    limit: usize,
}

impl Tail {
    pub(super) fn new(slots: usize, limit: usize) -> Self {
        Self {
            partitions: (0..slots).map(|_| VecDeque::new()).collect(),
            order: VecDeque::new(),
            bytes: 0,
            limit,
        }
    }

    /// The oldest offset held of `slot`.
    pub(super) fn first(&self, slot: Slot) -> Option<Offset> {
        Some(self.partitions[slot].front()?.offset)
    }

    pub(super) fn push(&mut self, slot: Slot, recent: Recent) {
        self.bytes += weight(&recent);
        self.partitions[slot].push_back(recent);
        self.order.push_back(slot);
    }

    /// Drops the oldest records over the limit that `durable` ends cover.
    pub(super) fn trim(&mut self, durable: impl Fn(Slot) -> Offset) {
        while self.bytes > self.limit {
            let Some(slot) = self.order.front().copied() else {
                return;
            };
            let oldest = self.partitions[slot].front();
            if oldest.is_some_and(|recent| recent.offset >= durable(slot)) {
                return;
            }
            self.order.pop_front();
            if let Some(dropped) = self.partitions[slot].pop_front() {
                self.bytes -= weight(&dropped);
            }
        }
    }

    /// Records of `slot` in `[from, end)`, about `max_bytes` of them; `None` where
    /// `from` lies before what is held.
    pub(super) fn read(
        &self,
        slot: Slot,
        from: Offset,
        end: Offset,
        max_bytes: usize,
    ) -> Option<Vec<Recent>> {
        let partition = &self.partitions[slot];
        if partition.front()?.offset > from {
            return None;
        }
        let first = partition.partition_point(|recent| recent.offset < from);
        let mut bytes = 0;
        let run = partition
            .range(first..)
            .take_while(|recent| recent.offset < end)
            .take_while(|recent| {
                let room = bytes < max_bytes;
                bytes += weight(recent);
                room
            });
        Some(run.cloned().collect())
    }
}

fn weight(recent: &Recent) -> usize {
    recent.record.payload.len() + size_of::<Recent>()
}
