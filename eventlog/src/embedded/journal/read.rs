//! Reading a partition: from memory where the newest records are, else from the
//! segment that holds the offset.

use std::io;
use std::sync::Arc;

use super::{Journal, State};
use crate::embedded::catalog::{Place, Sealed};
use crate::embedded::fetch::fetch;
use crate::embedded::index::Pick;
use crate::embedded::payload;
use crate::embedded::segment::Segment;
use crate::embedded::shelf::Opened;
use crate::embedded::slots::Slot;
use crate::embedded::tail::Recent;
use crate::{Fetched, LogError, Offset, OffsetRange, Position, Record, Visibility};

/// Times that a reader looks again when retention takes a segment from under it.
const ATTEMPTS: usize = 8;

/// What a reader wants of one partition.
#[derive(Debug, Clone, Copy)]
pub(in crate::embedded) struct Want {
    pub(in crate::embedded) slot: Slot,
    pub(in crate::embedded) from: Offset,
    /// No segment below this number holds `from` or what follows; 0 = who knows.
    pub(in crate::embedded) since: u64,
}

/// What one look under the lock found for the first of some wants.
pub(in crate::embedded) enum Plan {
    /// There is nothing before this offset.
    Nothing(Offset),
    /// It is in memory, with some of the other wants: their places and records.
    Memory(Vec<(usize, Vec<Recent>)>),
    /// It lies in a segment, with some of the other wants.
    Segment(SegmentRead),
}

/// One pass over a part of a segment, for all who want records of it.
pub(in crate::embedded) struct SegmentRead {
    journal: Arc<Journal>,
    source: Source,
    /// Places in the list of wants, and the wants.
    readers: Vec<(usize, Want)>,
    max_bytes: usize,
}

enum Source {
    Active(Arc<Segment>, Vec<Pick>),
    Sealed(Sealed),
}

/// What was read for one of some wants.
pub(in crate::embedded) struct Part {
    /// Its place in the list of wants.
    pub(in crate::embedded) which: usize,
    pub(in crate::embedded) fetched: Fetched,
    /// The segment that it was read from; 0 = memory.
    pub(in crate::embedded) segment: u64,
}

impl Journal {
    pub(in crate::embedded) fn range(&self, slot: Slot, visibility: Visibility) -> OffsetRange {
        let state = self.state.lock();
        OffsetRange {
            start: start_of(&state, slot),
            end: self.end(slot, visibility),
        }
    }

    pub(in crate::embedded) async fn read(
        self: &Arc<Self>,
        slot: Slot,
        from: Offset,
        max_bytes: usize,
        visibility: Visibility,
    ) -> Result<Fetched, LogError> {
        let want = Want {
            slot,
            from,
            since: 0,
        };
        let parts = self.read_for(&[want], max_bytes, visibility).await?;
        let fetched = parts.into_iter().next().map(|part| part.fetched);
        Ok(fetched.unwrap_or_else(|| self.fetched(slot, Vec::new(), from)))
    }

    /// Reads for the first of `wants`, and in the same pass over its segment for
    /// the others that have come to it. Damage in front of the first alone is an
    /// error.
    pub(in crate::embedded) async fn read_for(
        self: &Arc<Self>,
        wants: &[Want],
        max_bytes: usize,
        visibility: Visibility,
    ) -> Result<Vec<Part>, LogError> {
        let Some(first) = wants.first() else {
            return Ok(Vec::new());
        };
        for _ in 0..ATTEMPTS {
            let parts = match self.plan(wants, max_bytes, visibility)? {
                Plan::Nothing(end) => Some(vec![self.memory_part(0, first.slot, Vec::new(), end)]),
                Plan::Memory(recent) => Some(self.memory_parts(wants, recent)?),
                Plan::Segment(read) => blocking(move || read.run()).await?,
            };
            if let Some(parts) = parts {
                return Ok(parts);
            }
        }
        let busy = "retention rewrites the log faster than it is read".to_owned();
        Err(LogError::Unavailable(busy))
    }

    pub(in crate::embedded) fn plan(
        self: &Arc<Self>,
        wants: &[Want],
        max_bytes: usize,
        visibility: Visibility,
    ) -> Result<Plan, LogError> {
        let Some(first) = wants.first() else {
            return Ok(Plan::Nothing(0));
        };
        let end = self.end(first.slot, visibility);
        let state = self.state.lock();
        self.check_reach(&state, first.slot, first.from)?;
        if first.from >= end {
            return Ok(Plan::Nothing(first.from));
        }
        if is_in_memory(&state, first) {
            return Ok(Plan::Memory(
                self.recent(&state, wants, max_bytes, visibility),
            ));
        }
        let Some(place) = place_of(&state, first) else {
            // What is only queued lies behind the hole.
            let queued = state.tail.first(first.slot).unwrap_or(end);
            return Ok(Plan::Nothing(first.from.max(end.min(queued))));
        };
        let readers = wants
            .iter()
            .enumerate()
            .filter(|(which, want)| *which == 0 || self.is_with(&state, want, &place));
        let readers: Vec<_> = readers.map(|(which, want)| (which, *want)).collect();
        let source = match place {
            Place::Sealed(sealed) => Source::Sealed(sealed.clone()),
            Place::Active(active) => {
                let picks = active.index.pick(&slots_of(&readers), max_bytes);
                Source::Active(active.segment.clone(), picks)
            }
        };
        Ok(Plan::Segment(SegmentRead {
            journal: self.clone(),
            source,
            readers,
            max_bytes,
        }))
    }

    /// What memory holds for the first of `wants`, then for the others, as far as
    /// there is room.
    fn recent(
        &self,
        state: &State,
        wants: &[Want],
        max_bytes: usize,
        visibility: Visibility,
    ) -> Vec<(usize, Vec<Recent>)> {
        let mut found = Vec::new();
        let mut room = max_bytes;
        for (which, want) in wants.iter().enumerate() {
            if room == 0 {
                break;
            }
            let end = self.end(want.slot, visibility);
            let recent = match is_in_memory(state, want) {
                true => state.tail.read(want.slot, want.from, end, room),
                false => None,
            };
            if let Some(recent) = recent.filter(|recent| !recent.is_empty()) {
                let bytes: usize = recent.iter().map(|r| r.record.payload.len() + 64).sum();
                room = room.saturating_sub(bytes);
                found.push((which, recent));
            }
        }
        found
    }

    /// Whether what `want` asks for begins in `place` too.
    fn is_with(&self, state: &State, want: &Want, place: &Place<'_>) -> bool {
        !is_in_memory(state, want)
            && self.check_reach(state, want.slot, want.from).is_ok()
            && place_of(state, want).is_some_and(|own| own.number() == place.number())
    }

    fn check_reach(&self, state: &State, slot: Slot, from: Offset) -> Result<(), LogError> {
        let (topic, partition) = self.slots.partition(slot);
        let position = Position {
            topic,
            partition,
            offset: from,
        };
        let start = start_of(state, slot);
        if from < start {
            return Err(LogError::BeforeStart { position, start });
        }
        let end = state.next[slot];
        if from > end {
            return Err(LogError::PastEnd(position, end));
        }
        Ok(())
    }

    fn decode(&self, slot: Slot, recent: Vec<Recent>) -> Result<Vec<Record>, LogError> {
        let (topic, partition) = self.slots.partition(slot);
        let decode = |recent: Recent| {
            let position = Position {
                topic,
                partition,
                offset: recent.offset,
            };
            payload::decode(position, recent.appended_at, recent.record.payload)
                .ok_or_else(|| LogError::Unavailable(format!("{position} has no readable layout")))
        };
        recent.into_iter().map(decode).collect()
    }

    fn memory_parts(
        &self,
        wants: &[Want],
        recent: Vec<(usize, Vec<Recent>)>,
    ) -> Result<Vec<Part>, LogError> {
        let part = |(which, recent)| {
            let Want { slot, from, .. } = wants[which];
            Ok(self.memory_part(which, slot, self.decode(slot, recent)?, from))
        };
        recent.into_iter().map(part).collect()
    }

    fn memory_part(&self, which: usize, slot: Slot, records: Vec<Record>, next: Offset) -> Part {
        Part {
            which,
            fetched: self.fetched(slot, records, next),
            segment: 0,
        }
    }

    /// `next` is where reading goes on when there are no records.
    fn fetched(&self, slot: Slot, records: Vec<Record>, next: Offset) -> Fetched {
        let (topic, partition) = self.slots.partition(slot);
        let last = records.last().map(|record| record.position.offset + 1);
        Fetched {
            topic,
            partition,
            next_offset: last.unwrap_or(next),
            records,
        }
    }
}

impl SegmentRead {
    /// Reads; blocks. `None` where the segment is not there any more.
    pub(in crate::embedded) fn run(&self) -> Result<Option<Vec<Part>>, LogError> {
        match &self.source {
            Source::Active(segment, picks) => self.fetch(segment, picks).map(Some),
            Source::Sealed(sealed) => {
                let Some(opened) = self.open(sealed)? else {
                    return Ok(None);
                };
                let picks = opened.index.pick(&slots_of(&self.readers), self.max_bytes);
                self.fetch(&opened.segment, &picks).map(Some)
            }
        }
    }

    fn open(&self, sealed: &Sealed) -> Result<Option<Arc<Opened>>, LogError> {
        let journal = &self.journal;
        let opened = journal
            .shelf
            .open(&journal.place.dir, &journal.slots, sealed);
        let segment = || crate::embedded::finding::name_of(&sealed.path);
        opened.map_err(|e| match e.kind() {
            io::ErrorKind::InvalidData => LogError::Corrupt {
                journal: journal.place.journal.name().to_owned(),
                segment: segment(),
                byte: 0,
                detail: e.to_string(),
            },
            // No more files can be opened, for instance: it says nothing of what is there.
            _ => LogError::Unavailable(format!("segment {}: {e}", segment())),
        })
    }

    /// What was read, without those for whom there was no room.
    fn fetch(&self, segment: &Segment, picks: &[Pick]) -> Result<Vec<Part>, LogError> {
        let slots = self.readers.iter().map(|(_, want)| want.slot);
        let partitions: Vec<_> = slots
            .map(|slot| self.journal.slots.partition(slot))
            .collect();
        let fetched = fetch(segment, &partitions, picks)?;
        let read = self.readers.iter().zip(fetched);
        let read = read.filter(|(_, records)| !records.is_empty());
        let part = |((which, want), records): (&(usize, Want), _)| Part {
            which: *which,
            fetched: self.journal.fetched(want.slot, records, want.from),
            segment: segment.header.number,
        };
        Ok(read.map(part).collect())
    }
}

fn is_in_memory(state: &State, want: &Want) -> bool {
    let first = state.tail.first(want.slot);
    first.is_some_and(|first| first <= want.from) && want.from <= state.next[want.slot]
}

fn slots_of(readers: &[(usize, Want)]) -> Vec<(Slot, Offset)> {
    let slots = readers.iter().map(|(_, want)| (want.slot, want.from));
    slots.collect()
}

fn place_of<'a>(state: &'a State, want: &Want) -> Option<Place<'a>> {
    state.catalog.place(want.slot, want.from, want.since)
}

/// The first offset that exists, or the next one where none does.
fn start_of(state: &State, slot: Slot) -> Offset {
    let held = state.catalog.spans_of(slot).next().map(|span| span.first);
    // Records that are only queued lie behind all durable ones.
    held.or_else(|| state.tail.first(slot))
        .unwrap_or(state.next[slot])
}

pub(in crate::embedded) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|e| {
        Err(LogError::Unavailable(format!(
            "a read was interrupted: {e}"
        )))
    })
}
