//! Opens a journal's folder after whatever happened to it: finds the end, cuts
//! what was never acknowledged, reports and keeps aside what was damaged, and
//! syncs the tail before anybody reads it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemas::ids::LogId;
use schemas::time::Timestamp;
use schemas::topic::Journal;

use super::OpenError;
use super::catalog::{Active, Catalog, Sealed};
use super::checkpoint::{self, Checkpoint, Progress};
use super::disk;
use super::fill::Pace;
use super::finding::Finding;
use super::group::{Damage, Found, read_up_to};
use super::index::SegmentIndex;
use super::payload;
use super::scan::{self, Scan};
use super::segment::{self, FIRST_GROUP, Segment, SegmentHeader};
use super::sidecar;
use super::slots::Slots;
use super::watermark::{Mark, Watermark};
use crate::{Offset, Position};

/// What a journal is made of and where.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) dir: PathBuf,
    pub(super) journal: Journal,
    pub(super) log_id: LogId,
    /// Size of the first segment; later ones grow to the configured size.
    pub(super) first_capacity: u64,
}

/// A journal as it was found, ready to be written.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) catalog: Catalog,
    pub(super) next: Vec<Offset>,
    pub(super) progress: Progress,
    pub(super) newest: Timestamp,
    pub(super) watermark: Watermark,
    pub(super) findings: Vec<Finding>,
}

pub(super) fn recover(place: &Place, slots: &Slots) -> Result<Recovered, OpenError> {
    let failed = |e| OpenError::io(&place.dir)(e);
    std::fs::create_dir_all(&place.dir).map_err(failed)?;
    remove_unfinished(&place.dir).map_err(failed)?;
    let (watermark, mark) = Watermark::open(&place.dir).map_err(failed)?;
    let mut findings = Vec::new();
    let mut segments = open_segments(place, mark, &mut findings)?;
    let last = segments.pop();
    let sealed = segments
        .into_iter()
        .map(|segment| load_sealed(place, slots, &segment))
        .collect::<io::Result<Vec<_>>>()
        .map_err(failed)?;
    let mut state = State::after(slots, &sealed);
    let active = match last {
        Some(segment) => {
            forget_index(place, &segment).map_err(failed)?;
            state
                .read_last(place, segment, &sealed, mark, &mut findings)
                .map_err(failed)?
        }
        None => create_first(place).map_err(failed)?,
    };
    keep_aside(place, &findings).map_err(failed)?;
    findings.iter().for_each(Finding::report);
    Ok(Recovered {
        catalog: Catalog { sealed, active },
        next: state.next,
        progress: state.progress.unwrap_or_default(),
        newest: state.newest,
        watermark,
        findings,
    })
}

/// A header for a new segment file.
pub(super) fn new_header(place: &Place, number: u64, capacity: u64) -> SegmentHeader {
    SegmentHeader {
        number,
        incarnation: u64::from_le_bytes(schemas::context::random_bytes()),
        log_id: place.log_id,
        journal: place.journal,
        capacity,
    }
}

/// Scans a sealed segment: everything in it was durable.
pub(super) fn scan_sealed(segment: &Segment, each: &mut dyn FnMut(&Found)) -> io::Result<Scan> {
    let len = segment.file.metadata()?.len();
    let end = scan::content_end(&segment.file, FIRST_GROUP, len)?;
    scan::scan(segment, end, each)
}

/// The index of a sealed segment from its records.
pub(super) fn rebuild_index(segment: &Segment, slots: &Slots) -> io::Result<(SegmentIndex, u64)> {
    let mut index = SegmentIndex::default();
    let scan = scan_sealed(segment, &mut |found| {
        if let Some(slot) = slots.slot_of_id(found.frame.topic, found.frame.partition) {
            index.push(slot, &found.frame);
        }
    })?;
    Ok((index, scan.end))
}

/// Files that a crash left half made; none of them was ever part of the journal.
fn remove_unfinished(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let unfinished = path.extension().is_some_and(|e| e == "new" || e == "tmp");
        if unfinished {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Every segment that holds something, oldest first.
fn open_segments(
    place: &Place,
    mark: Mark,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Segment>, OpenError> {
    let failed = |e| OpenError::io(&place.dir)(e);
    let mut segments: Vec<Segment> = Vec::new();
    for number in segment::numbers(&place.dir).map_err(failed)? {
        let path = segment::path_of(&place.dir, number);
        match Segment::open(&path).map_err(failed)? {
            Some(segment) if segment.header.log_id != place.log_id => {
                return Err(OpenError::ForeignSegment { path });
            }
            Some(segment) => segments.push(segment),
            None => {
                findings.push(unreadable(
                    place,
                    &path,
                    "both copies of its header are damaged",
                ));
                move_aside(place, &path).map_err(failed)?;
            }
        }
    }
    drop_unstarted(place, mark, segments, findings).map_err(failed)
}

/// Removes files that were prepared but never written to. A file that the
/// watermark says was written to is damage instead.
fn drop_unstarted(
    place: &Place,
    mark: Mark,
    mut segments: Vec<Segment>,
    findings: &mut Vec<Finding>,
) -> io::Result<Vec<Segment>> {
    while let Some(last) = segments.last() {
        let len = last.file.metadata()?.len();
        let first = scan::next_group(&last.file, last.header.incarnation, FIRST_GROUP, len)?;
        let only = segments.len() == 1;
        if first.is_some() || only {
            break;
        }
        let was_written = mark.segment == last.header.number && mark.position > FIRST_GROUP;
        let path = last.path.clone();
        segments.pop();
        if was_written {
            findings.push(unreadable(place, &path, "no group in it is readable"));
            move_aside(place, &path)?;
        } else {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(segments)
}

fn unreadable(place: &Place, path: &Path, why: &str) -> Finding {
    let damage = Damage {
        byte: 0,
        bytes: 0,
        record: None,
        detail: format!("{why}; the file was moved to the folder `quarantine`"),
    };
    Finding::new(place.journal, path, damage)
}

fn move_aside(place: &Place, path: &Path) -> io::Result<()> {
    let aside = place.dir.join("quarantine");
    std::fs::create_dir_all(&aside)?;
    std::fs::rename(path, aside.join(super::finding::name_of(path)))?;
    disk::sync_dir(&place.dir)
}

/// Copies the damaged bytes of the last segment aside, for whoever investigates.
fn keep_aside(place: &Place, findings: &[Finding]) -> io::Result<()> {
    for finding in findings.iter().filter(|finding| finding.bytes > 0) {
        let aside = place.dir.join("quarantine");
        std::fs::create_dir_all(&aside)?;
        let file = std::fs::File::open(place.dir.join(&finding.segment))?;
        let mut bytes = vec![0; finding.bytes as usize];
        let read = read_up_to(&file, &mut bytes, finding.byte)?;
        let name = format!("{}@{}", finding.segment, finding.byte);
        std::fs::write(aside.join(name), &bytes[..read])?;
    }
    Ok(())
}

fn load_sealed(place: &Place, slots: &Slots, segment: &Segment) -> io::Result<Sealed> {
    let path = sidecar::path_of(&place.dir, segment.header.number);
    let known = sidecar::read_head(&path, slots)?
        .filter(|head| head.incarnation == segment.header.incarnation);
    let (spans, end) = match known {
        Some(head) => (head.spans, head.end),
        None => {
            let (index, end) = rebuild_index(segment, slots)?;
            let spans = index.spans().clone();
            let written = sidecar::write(&path, slots, segment.header.incarnation, end, &index);
            if let Err(e) = written {
                // A disk that is full is no reason not to read what is there: who needs
                // the index makes it again.
                tracing::warn!(segment = ?segment.path, "the segment's index was not written: {e}");
            }
            (spans, end)
        }
    };
    Ok(Sealed {
        header: segment.header,
        path: segment.path.clone(),
        end,
        spans: Arc::new(spans),
        index: None,
    })
}

/// Removes the index of a segment that is written on. It is there where a switch to the
/// next segment came to nothing (no room, or a crash), and says nothing of what follows:
/// if it were still there once the segment is sealed, that would be hidden.
fn forget_index(place: &Place, segment: &Segment) -> io::Result<()> {
    match std::fs::remove_file(sidecar::path_of(&place.dir, segment.header.number)) {
        Ok(()) => disk::sync_dir(&place.dir),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

fn create_first(place: &Place) -> io::Result<Active> {
    let header = new_header(place, 1, place.first_capacity);
    let segment = Segment::create(&place.dir, header, || Pace::AtOnce)?;
    Ok(Active {
        segment: Arc::new(segment),
        index: SegmentIndex::default(),
        position: FIRST_GROUP,
    })
}

/// What reading the last segment adds up to.
struct State<'a> {
    slots: &'a Slots,
    next: Vec<Offset>,
    progress: Option<Progress>,
    newest: Timestamp,
}

impl<'a> State<'a> {
    fn after(slots: &'a Slots, sealed: &[Sealed]) -> Self {
        let mut next = vec![0; slots.len()];
        let mut newest = Timestamp::default();
        for (slot, span) in sealed.iter().flat_map(|sealed| sealed.spans.iter()) {
            next[*slot] = next[*slot].max(span.last + 1);
            newest = newest.max(span.newest);
        }
        Self {
            slots,
            next,
            progress: None,
            newest,
        }
    }

    fn read_last(
        &mut self,
        place: &Place,
        segment: Segment,
        sealed: &[Sealed],
        mark: Mark,
        findings: &mut Vec<Finding>,
    ) -> io::Result<Active> {
        let durable_to = if mark.segment == segment.header.number {
            mark.position
        } else {
            0
        };
        let mut index = SegmentIndex::default();
        let mut found = Vec::new();
        let scan = scan::scan(&segment, durable_to, &mut |record| {
            found.push(record.clone())
        })?;
        let has_checkpoint = found
            .iter()
            .any(|record| record.frame.topic == checkpoint::TOPIC_ID && record.payload.is_some());
        if !has_checkpoint {
            self.read_all(place, sealed)?;
        }
        for record in &found {
            self.fold(record);
            if let Some(slot) = self
                .slots
                .slot_of_id(record.frame.topic, record.frame.partition)
            {
                index.push(slot, &record.frame);
            }
        }
        let damage = scan.damage.iter().cloned();
        findings.extend(damage.map(|d| Finding::new(place.journal, &segment.path, d)));
        settle_tail(&segment, &scan)?;
        Ok(Active {
            segment: Arc::new(segment),
            index,
            position: scan.end,
        })
    }

    /// Without a readable checkpoint every earlier segment has to tell its part.
    fn read_all(&mut self, place: &Place, sealed: &[Sealed]) -> io::Result<()> {
        for sealed in sealed {
            if let Some(segment) = Segment::open(&sealed.path)? {
                tracing::warn!(journal = place.journal.name(), segment = ?sealed.path, "reading a sealed segment for lack of a checkpoint");
                scan_sealed(&segment, &mut |record| self.fold(record))?;
            }
        }
        Ok(())
    }

    fn fold(&mut self, record: &Found) {
        let frame = &record.frame;
        if frame.topic == checkpoint::TOPIC_ID {
            self.begin_at(record.payload.as_deref());
            return;
        }
        let Some(slot) = self.slots.slot_of_id(frame.topic, frame.partition) else {
            return;
        };
        self.next[slot] = self.next[slot].max(frame.offset + 1);
        self.newest = self.newest.max(frame.appended_at);
        let (topic, partition) = self.slots.partition(slot);
        if topic != schemas::topic::Topic::WorkersProgress {
            return;
        }
        let position = Position {
            topic,
            partition,
            offset: frame.offset,
        };
        let stored = record
            .payload
            .clone()
            .and_then(|payload| payload::decode(position, frame.appended_at, payload));
        if let Some(made) = stored.as_ref().and_then(checkpoint::made_by_stored) {
            checkpoint::fold(self.progress.get_or_insert_default(), &made);
        }
    }

    /// Takes over a checkpoint; its second copy only where nothing was known.
    fn begin_at(&mut self, payload: Option<&[u8]>) {
        let Some(checkpoint) = payload.and_then(Checkpoint::decode) else {
            return;
        };
        for (slot, next) in checkpoint.next(self.slots) {
            self.next[slot] = self.next[slot].max(next);
        }
        self.progress.get_or_insert_with(|| checkpoint.progress());
    }
}

/// Erases a torn write, so that no later scan meets it, and makes durable what the
/// scan has read: after a killed process some of it may be in the page cache only.
fn settle_tail(segment: &Segment, scan: &Scan) -> io::Result<()> {
    if scan.torn {
        let len = segment.file.metadata()?.len();
        let torn_end = scan::content_end(&segment.file, scan.end, len)?;
        tracing::warn!(segment = ?segment.path, byte = scan.end, bytes = torn_end - scan.end, "cut a write that was never acknowledged");
        let zeros = vec![0; (torn_end - scan.end) as usize];
        std::os::unix::fs::FileExt::write_all_at(&segment.file, &zeros, scan.end)?;
    }
    segment.file.sync_data()
}
