//! Reading a partition: from memory where the newest records are, else from the
//! segment that holds the offset.

use std::sync::Arc;

use super::{Journal, State};
use crate::embedded::catalog::{Place, Sealed};
use crate::embedded::fetch::fetch;
use crate::embedded::index::Entry;
use crate::embedded::payload;
use crate::embedded::segment::Segment;
use crate::embedded::slots::Slot;
use crate::embedded::tail::Recent;
use crate::{Fetched, LogError, Offset, OffsetRange, Position, Record, Visibility};

/// Times that a reader looks again when retention takes a segment from under it.
const ATTEMPTS: usize = 8;

/// What one look under the lock found.
enum Plan {
    Nothing,
    Memory(Vec<Recent>),
    Active(Arc<Segment>, Vec<Entry>),
    Sealed(Sealed),
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
        let end = self.end(slot, visibility);
        for _ in 0..ATTEMPTS {
            let records = match self.plan(slot, from, end, max_bytes)? {
                Plan::Nothing => Some(Vec::new()),
                Plan::Memory(recent) => Some(self.decode(slot, recent)?),
                Plan::Active(segment, entries) => Some(self.fetch(slot, segment, entries).await?),
                Plan::Sealed(sealed) => self.fetch_sealed(slot, sealed, from, max_bytes).await?,
            };
            if let Some(records) = records {
                return Ok(self.fetched(slot, from, end, records));
            }
        }
        let busy = "retention rewrites the log faster than it is read".to_owned();
        Err(LogError::Unavailable(busy))
    }

    fn plan(
        &self,
        slot: Slot,
        from: Offset,
        end: Offset,
        max_bytes: usize,
    ) -> Result<Plan, LogError> {
        let state = self.state.lock();
        self.check_reach(&state, slot, from)?;
        if from >= end {
            return Ok(Plan::Nothing);
        }
        if let Some(recent) = state.tail.read(slot, from, end, max_bytes) {
            return Ok(Plan::Memory(recent));
        }
        Ok(match state.catalog.place(slot, from) {
            None => Plan::Nothing,
            Some(Place::Sealed(sealed)) => Plan::Sealed(sealed.clone()),
            Some(Place::Active(active)) => {
                let entries = active.index.run(slot, from, max_bytes).to_vec();
                Plan::Active(active.segment.clone(), entries)
            }
        })
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

    async fn fetch(
        self: &Arc<Self>,
        slot: Slot,
        segment: Arc<Segment>,
        entries: Vec<Entry>,
    ) -> Result<Vec<Record>, LogError> {
        let (topic, partition) = self.slots.partition(slot);
        blocking(move || fetch(&segment, topic, partition, &entries)).await
    }

    /// `None` where the segment is not there any more.
    async fn fetch_sealed(
        self: &Arc<Self>,
        slot: Slot,
        sealed: Sealed,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Option<Vec<Record>>, LogError> {
        let journal = self.clone();
        blocking(move || {
            let opened = journal
                .shelf
                .open(&journal.place.dir, &journal.slots, &sealed)
                .map_err(|e| LogError::Corrupt {
                    journal: journal.place.journal.name().to_owned(),
                    segment: crate::embedded::finding::name_of(&sealed.path),
                    byte: 0,
                    detail: e.to_string(),
                })?;
            let Some(opened) = opened else {
                return Ok(None);
            };
            let (topic, partition) = journal.slots.partition(slot);
            let entries = opened.index.run(slot, from, max_bytes);
            fetch(&opened.segment, topic, partition, entries).map(Some)
        })
        .await
    }

    fn fetched(&self, slot: Slot, from: Offset, end: Offset, records: Vec<Record>) -> Fetched {
        let (topic, partition) = self.slots.partition(slot);
        let last = records.last().map(|record| record.position.offset + 1);
        Fetched {
            topic,
            partition,
            next_offset: last.unwrap_or(from.max(end)),
            records,
        }
    }
}

/// The first offset that exists, or the next one where none does.
fn start_of(state: &State, slot: Slot) -> Offset {
    let held = state.catalog.spans_of(slot).next().map(|span| span.first);
    // Records that are only queued lie behind all durable ones.
    held.or_else(|| state.tail.first(slot))
        .unwrap_or(state.next[slot])
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|e| {
        Err(LogError::Unavailable(format!(
            "a read was interrupted: {e}"
        )))
    })
}
