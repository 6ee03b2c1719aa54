//! Where each record of a segment lies.

use std::collections::BTreeMap;

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

    /// Entries of `slot` at or after `from`, about `max_bytes` of frames, at least
    /// one if there is any.
    pub(super) fn run(&self, slot: Slot, from: Offset, max_bytes: usize) -> &[Entry] {
        let entries = self.of(slot);
        let first = entries.partition_point(|entry| entry.offset < from);
        let mut bytes = 0;
        let rest = &entries[first..];
        let taken = rest.iter().take_while(|entry| {
            let room = bytes < max_bytes;
            bytes += entry.size();
            room
        });
        &rest[..taken.count()]
    }

    /// Bytes of memory, about.
    pub(super) fn weight(&self) -> usize {
        let entries: usize = self.entries.values().map(Vec::len).sum();
        entries * size_of::<Entry>() + self.spans.len() * 128
    }

    fn of(&self, slot: Slot) -> &[Entry] {
        self.entries.get(&slot).map_or(&[], Vec::as_slice)
    }
}
