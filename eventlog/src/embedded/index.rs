//! Where each record of a segment lies.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeMap, BinaryHeap};

use schemas::time::Timestamp;

use super::frame::{self, Frame};
use super::slots::Slot;
use crate::Offset;

/// One record in its segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: Offset,
    /// Byte of the file where the frame begins.
    pub(super) position: u64,
    pub(super) payload_len: u32,
}

impl Entry {
    /// Bytes of the frame: header and payload.
    pub(super) fn size(&self) -> usize {
        frame::HEADER + self.payload_len as usize
    }
}

/// A record to be read, of the partition at place `which` of those wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) which: usize,
    pub(super) entry: Entry,
}

/// What a segment holds of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: Offset,
    pub(super) last: Offset,
    pub(super) records: u64,
    /// Bytes of the payloads.
    pub(super) bytes: u64,
    pub(super) newest: Timestamp,
}

/// The spans of a segment's partitions.
pub(super) type Spans = BTreeMap<Slot, Span>;

/// Every record of one segment, by partition and offset.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct SegmentIndex {
    spans: Spans,
    entries: BTreeMap<Slot, Vec<Entry>>,
}

impl SegmentIndex {
    pub(super) fn from_parts(spans: Spans, entries: BTreeMap<Slot, Vec<Entry>>) -> Self {
        Self { spans, entries }
    }

    /// Adds a record; offsets of a partition arrive ascending.
    pub(super) fn push(&mut self, slot: Slot, frame: &Frame) {
        let bytes = u64::from(frame.payload_len);
        let span = self.spans.entry(slot).or_insert(Span {
            first: frame.offset,
            last: frame.offset,
            records: 0,
            bytes: 0,
            newest: frame.appended_at,
        });
        span.last = frame.offset;
        span.records += 1;
        span.bytes += bytes;
        span.newest = span.newest.max(frame.appended_at);
        self.entries.entry(slot).or_default().push(Entry {
            offset: frame.offset,
            position: frame.position,
            payload_len: frame.payload_len,
        });
    }

    pub(super) fn spans(&self) -> &Spans {
        &self.spans
    }

    pub(super) fn partitions(&self) -> impl Iterator<Item = (Slot, &Span, &[Entry])> {
        self.spans
            .iter()
            .map(|(slot, span)| (*slot, span, self.of(*slot)))
    }

    /// Records of several partitions, each at or after its offset, in the order of
    /// the file: about `max_bytes` of frames, at least one if there is any.
    pub(super) fn pick(&self, wanted: &[(Slot, Offset)], max_bytes: usize) -> Vec<Pick> {
        let rest = wanted.iter().map(|(slot, from)| self.since(*slot, *from));
        let mut rest: Vec<_> = rest.collect();
        let head =
            |(which, rest): (usize, &&[Entry])| Some(Reverse((rest.first()?.position, which)));
        let mut heads: BinaryHeap<_> = rest.iter().enumerate().filter_map(head).collect();
        let mut picks = Vec::new();
        let mut bytes = 0;
        while bytes < max_bytes
            && let Some(mut nearest) = heads.peek_mut()
        {
            let which = nearest.0.1;
            if let Some((entry, later)) = rest[which].split_first() {
                bytes += entry.size();
                picks.push(Pick {
                    which,
                    entry: *entry,
                });
                rest[which] = later;
            }
            match rest[which].first() {
                Some(next) => *nearest = Reverse((next.position, which)),
                None => drop(PeekMut::pop(nearest)),
            }
        }
        picks
    }

    /// Bytes of memory, about.
    pub(super) fn weight(&self) -> usize {
        let entries: usize = self.entries.values().map(Vec::len).sum();
        entries * size_of::<Entry>() + self.spans.len() * 128
    }

    fn since(&self, slot: Slot, from: Offset) -> &[Entry] {
        let entries = self.of(slot);
        &entries[entries.partition_point(|entry| entry.offset < from)..]
    }

    fn of(&self, slot: Slot) -> &[Entry] {
        self.entries.get(&slot).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten records in two partitions by turns, each frame 100 bytes.
    fn index() -> SegmentIndex {
        let mut index = SegmentIndex::default();
        for n in 0..10 {
            let frame = Frame {
                payload_len: 100 - frame::HEADER as u32,
                payload_crc: 0,
                topic: 1,
                partition: 0,
                offset: n / 2,
                appended_at: Timestamp::default(),
                position: n as u64 * 100,
            };
            index.push((n % 2) as Slot, &frame);
        }
        index
    }

    fn positions(wanted: &[(Slot, Offset)], max_bytes: usize) -> Vec<(usize, u64)> {
        let picks = index().pick(wanted, max_bytes);
        let place = |pick: &Pick| (pick.which, pick.entry.position / 100);
        picks.iter().map(place).collect()
    }

    #[test]
    fn picks_in_the_order_of_the_file() {
        let both = positions(&[(1, 0), (0, 3)], usize::MAX);
        assert_eq!(
            both,
            [(0, 1), (0, 3), (0, 5), (1, 6), (0, 7), (1, 8), (0, 9)]
        );
    }

    #[test]
    fn picks_about_as_much_as_it_may_and_at_least_one() {
        assert_eq!(positions(&[(0, 1), (1, 1)], 1), [(0, 2)]);
        assert_eq!(positions(&[(0, 1), (1, 1)], 101), [(0, 2), (1, 3)]);
        assert_eq!(positions(&[(0, 5), (7, 0)], usize::MAX), []);
    }
}
