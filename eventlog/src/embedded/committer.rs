//! The one writer of a journal: takes whatever has queued up while the last sync
//! ran, writes it as one group, syncs once, answers everybody.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::checkpoint::{self, Checkpoint, Progress};
use super::fill;
use super::frame::Frame;
use super::group::{BLOCK, GroupWriter, padded_size};
use super::journal::{Batch, Journal, Resume};
use super::payload::Encoded;
use super::prepare::{Preparation, REST};
use super::seal::Sealing;
use super::segment::{FIRST_GROUP, Segment};
use super::watermark::{Mark, Watermark};
use crate::{LogError, Offset};

/// Payload bytes after which a group is closed; more would only delay the ack.
const GROUP_BYTES: usize = 8 << 20;
/// Memory of a group that is worth keeping for the next: that of large bodies, whose
/// pages would have to be cleared anew for each.
const KEPT_BUFFER: usize = 4 << 20;
/// The longest that a group waits for those who are expected.
const PATIENCE: Duration = Duration::from_millis(2);
/// How long after a write that the disk had no room for it is tried again.
const FULL: Duration = Duration::from_millis(500);
/// The next segment is begun once this part of the current one is written: early
/// in a pause, where filling costs nobody anything, later while commits go on.
const WRITTEN_AT_REST: u64 = 8;
const WRITTEN: u64 = 4;

/// State of the committer's thread.
pub(super) struct Committer {
    journal: Arc<Journal>,
    segment: Arc<Segment>,
    /// The same file for writes past the page cache, where those can be had.
    unbuffered: Option<File>,
    /// Where the next group goes.
    position: u64,
    /// Groups written to this segment since it was opened.
    groups: u64,
    /// Next offset of each slot as written, for the next segment's checkpoint.
    written: Vec<Offset>,
    progress: Progress,
    watermark: Watermark,
    next: Option<Preparation>,
    sealing: Sealing,
    /// The last group's memory, for the next.
    buffer: Vec<u8>,
    /// How long the last sync took.
    last_sync: Duration,
}

impl Committer {
    pub(super) fn new(journal: Arc<Journal>, resume: Resume) -> Self {
        let state = journal.state.lock();
        let active = &state.catalog.active;
        let (segment, position) = (active.segment.clone(), active.position);
        drop(state);
        Self {
            unbuffered: open_unbuffered(&journal, &segment),
            journal,
            segment,
            position,
            groups: 0,
            written: resume.next,
            progress: resume.progress,
            watermark: resume.watermark,
            next: None,
            sealing: Sealing::default(),
            buffer: Vec::new(),
            last_sync: Duration::ZERO,
        }
    }

    /// Runs until the journal closes or fails; nothing of it runs on afterwards.
    pub(super) fn run(mut self) {
        let journal = self.journal.clone();
        let serve = std::panic::AssertUnwindSafe(|| self.serve());
        if std::panic::catch_unwind(serve).is_err() {
            let name = journal.place.journal.name();
            let error = LogError::Failed(format!("journal {name}: its committer panicked"));
            journal.fail(Vec::new(), error);
        }
        self.finish();
    }

    fn serve(&mut self) {
        let mut expected = 1;
        while let Some(batches) = self.take(expected) {
            if batches.is_empty() {
                self.prepare_next(WRITTEN_AT_REST);
                continue;
            }
            expected = batches.iter().filter(|batch| batch.is_awaited()).count();
            match self.commit(&batches) {
                Ok(frames) => self.journal.settle(batches, &frames, self.position),
                Err(e) => {
                    let name = self.journal.place.journal.name();
                    tracing::error!(journal = name, "the log failed: {e}");
                    let error = LogError::Failed(format!("journal {name}: {e}"));
                    return self.journal.fail(batches, error);
                }
            }
            self.prepare_next(WRITTEN);
        }
    }

    /// The next group; an empty one in a pause that can be used. Waiting for the
    /// rest of a group pays while it takes less than the sync that the rest would
    /// need for itself.
    fn take(&self, expected: usize) -> Option<Vec<Batch>> {
        let pause = self.may_prepare(WRITTEN_AT_REST).then_some(REST);
        let patience = self.last_sync.min(PATIENCE);
        self.journal.take(GROUP_BYTES, (expected, patience), pause)
    }

    fn finish(self) {
        if let Err(e) = self.watermark.sync() {
            tracing::warn!("the watermark was not synced: {e}");
        }
        if let Some(Err(e)) = self.next.map(Preparation::finish) {
            tracing::warn!("the next segment was not prepared: {e}");
        }
        self.sealing.wait();
    }

    /// Makes the batches durable; returns where their records lie. Where the disk is
    /// full it waits: nothing of them is acknowledged yet, and what a refused write has
    /// left is written again. A sync that failed says nothing of what it has left.
    fn commit(&mut self, batches: &[Batch]) -> io::Result<Vec<Frame>> {
        let name = self.journal.place.journal.name();
        let mut told = false;
        let frames = loop {
            match self.write(batches) {
                Ok(frames) => break frames,
                Err(e) if is_full(&e) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::error!(journal = name, "the log waits for room on its disk: {e}");
                    }
                    if self.journal.closes_within(FULL) {
                        return Err(e);
                    }
                }
                Err(e) => return Err(e),
            }
        };
        if told {
            tracing::info!(journal = name, "the log has room again");
        }
        self.sync()?;
        self.account(batches);
        Ok(frames)
    }

    /// Writes the batches as the next group.
    fn write(&mut self, batches: &[Batch]) -> io::Result<Vec<Frame>> {
        let records = batches.iter().map(|batch| batch.records.len()).sum();
        let payload = batches.iter().map(Batch::payload_bytes).sum();
        let size = padded_size(records, payload);
        let full = self.position + size > self.segment.header.capacity;
        if full && self.position > FIRST_GROUP {
            self.switch()?;
        }
        let mut out = std::mem::take(&mut self.buffer);
        out.clear();
        out.reserve((size + BLOCK) as usize);
        // Writes past the page cache need memory at a block's boundary.
        let lead = out.as_ptr().align_offset(BLOCK as usize);
        out.resize(lead, 0);
        let start = self.position;
        if start == FIRST_GROUP {
            self.write_checkpoints(&mut out);
        }
        let frames = self.write_group(&mut out, batches);
        if let Err(e) = self.write_at(&out[lead..], start) {
            self.position = start;
            return Err(e);
        }
        metrics::histogram!("eventlog_group_bytes", "journal" => self.journal.place.journal.name())
            .record((out.len() - lead) as f64);
        if out.capacity() <= KEPT_BUFFER {
            self.buffer = out;
        }
        Ok(frames)
    }

    fn write_at(&self, out: &[u8], start: u64) -> io::Result<()> {
        let aligned = out.as_ptr().align_offset(BLOCK as usize) == 0;
        let file = self.unbuffered.as_ref().filter(|_| aligned);
        let disk = &self.journal.options.disk;
        disk.write_at(file.unwrap_or(&self.segment.file), out, start)
    }

    fn sync(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        self.journal.options.disk.sync(&self.segment.file)?;
        self.last_sync = begun.elapsed();
        let name = self.journal.place.journal.name();
        metrics::histogram!("eventlog_sync_seconds", "journal" => name).record(self.last_sync);
        self.groups += 1;
        self.watermark.store(Mark {
            segment: self.segment.header.number,
            position: self.position,
        })
    }

    fn write_checkpoints(&mut self, out: &mut Vec<u8>) {
        let slots = &self.journal.slots;
        let record = Checkpoint::of(slots, &self.written, &self.progress).encode();
        let number = self.segment.header.number as Offset;
        for _ in 0..2 {
            let mut group = self.begin_group(out);
            let at = self.journal.options.clock.now();
            group.push((checkpoint::TOPIC_ID, 0), number, at, &record);
            (_, self.position) = group.finish();
        }
    }

    fn write_group(&mut self, out: &mut Vec<u8>, batches: &[Batch]) -> Vec<Frame> {
        let mut group = self.begin_group(out);
        for queued in batches.iter().flat_map(|batch| &batch.records) {
            let (topic, partition) = self.journal.slots.partition(queued.slot);
            let record: &Encoded = &queued.record;
            let place = (topic.id(), partition as u16);
            group.push(place, queued.offset, queued.appended_at, record);
        }
        let (frames, end) = group.finish();
        self.position = end;
        frames
    }

    fn begin_group<'a>(&self, out: &'a mut Vec<u8>) -> GroupWriter<'a> {
        GroupWriter::begin(out, self.segment.header.incarnation, self.position)
    }

    fn account(&mut self, batches: &[Batch]) {
        let name = self.journal.place.journal.name();
        for batch in batches {
            for queued in &batch.records {
                self.written[queued.slot] = queued.offset + 1;
            }
            for made in &batch.progress {
                checkpoint::fold(&mut self.progress, made);
            }
            let records = batch.records.len() as u64;
            metrics::counter!("eventlog_records_total", "journal" => name).increment(records);
        }
    }

    fn may_prepare(&self, written: u64) -> bool {
        self.next.is_none() && self.position > self.segment.header.capacity / written
    }

    /// Begins to fill the next segment, unless too little of this one is written.
    fn prepare_next(&mut self, written: u64) {
        if self.may_prepare(written) {
            let mean_group = (self.position - FIRST_GROUP) / self.groups.max(1);
            let next = Preparation::begin(&self.journal, self.segment.header, mean_group);
            self.next = Some(next);
        }
    }

    fn switch(&mut self) -> io::Result<()> {
        let current = self.segment.header;
        let next = self
            .next
            .take()
            .unwrap_or_else(|| Preparation::hasty(&self.journal, current));
        let next = Arc::new(next.finish()?);
        self.sealing
            .begin(&self.journal, &self.segment, next.clone());
        self.unbuffered = open_unbuffered(&self.journal, &next);
        self.segment = next;
        self.position = FIRST_GROUP;
        self.groups = 0;
        Ok(())
    }
}

/// Whether somebody has to make room first.
fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

/// Readers keep up with what memory holds of a journal, so that the page cache would
/// only cost a copy and the memory of others (docs/adr/0019).
fn open_unbuffered(journal: &Journal, segment: &Segment) -> Option<File> {
    let apt = journal.options.disk.unbuffered();
    apt.then(|| fill::open_unbuffered(&segment.path)).flatten()
}
