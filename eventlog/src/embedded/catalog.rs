//! The segments of a journal: the sealed ones in order and the one being written.

use std::path::PathBuf;
use std::sync::Arc;

use super::index::{SegmentIndex, Span, Spans};
use super::segment::{Segment, SegmentHeader};
use super::slots::Slot;
use crate::Offset;

/// A segment that is not written any more.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    pub(super) header: SegmentHeader,
    pub(super) path: PathBuf,
    /// The byte after the last group.
    pub(super) end: u64,
    pub(super) spans: Arc<Spans>,
    /// Until the sidecar is written.
    pub(super) index: Option<Arc<SegmentIndex>>,
}

/// The segment being written.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) segment: Arc<Segment>,
    /// Durable records only.
    pub(super) index: SegmentIndex,
    /// Where the next group goes.
    pub(super) position: u64,
}

/// All segments, oldest first.
#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) sealed: Vec<Sealed>,
    pub(super) active: Active,
}

/// Where a record may lie.
pub(super) enum Place<'a> {
    Sealed(&'a Sealed),
    Active(&'a Active),
}

impl Place<'_> {
    /// The segment's number.
    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Sealed(sealed) => sealed.header.number,
            Self::Active(active) => active.segment.header.number,
        }
    }
}

impl Catalog {
    /// The first segment with a record of `slot` at or after `from`, which is not
    /// in a segment with a lower number than `since`.
    pub(super) fn place(&self, slot: Slot, from: Offset, since: u64) -> Option<Place<'_>> {
        let reaches = |spans: &Spans| spans.get(&slot).is_some_and(|span| span.last >= from);
        let candidates = match since {
            0 => &self.sealed[self.first_not_before(slot, from)..],
            _ => &self.sealed[self.sealed.partition_point(|s| s.header.number < since)..],
        };
        let sealed = candidates.iter().find(|sealed| reaches(&sealed.spans));
        match sealed {
            Some(sealed) => Some(Place::Sealed(sealed)),
            None => reaches(self.active.index.spans()).then_some(Place::Active(&self.active)),
        }
    }

    /// For a reader that comes for the first time, usually near the end.
    fn first_not_before(&self, slot: Slot, from: Offset) -> usize {
        let before = |sealed: &Sealed| sealed.spans.get(&slot).is_some_and(|s| s.last < from);
        let newest_before = self.sealed.iter().rposition(before);
        newest_before.map_or(0, |n| n + 1)
    }

    /// What the journal holds of `slot`, segment by segment.
    pub(super) fn spans_of(&self, slot: Slot) -> impl Iterator<Item = &Span> {
        let sealed = self.sealed.iter().map(|sealed| sealed.spans.as_ref());
        sealed
            .chain([self.active.index.spans()])
            .filter_map(move |spans| spans.get(&slot))
    }

    /// Bytes of all segments up to the end of their content.
    pub(super) fn bytes(&self) -> u64 {
        let sealed: u64 = self.sealed.iter().map(|sealed| sealed.end).sum();
        sealed + self.active.position
    }
}
