//! A sealed segment written anew without the records of expired topics. Offsets,
//! times and order stay; the file gets a new incarnation and takes the old one's
//! name in one step.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use schemas::topic::Retention;

use super::{Retained, drop_segment};
use crate::embedded::catalog::Sealed;
use crate::embedded::checkpoint;
use crate::embedded::disk;
use crate::embedded::fill::Pace;
use crate::embedded::frame::Frame;
use crate::embedded::group::{Found, GroupWriter};
use crate::embedded::index::SegmentIndex;
use crate::embedded::journal::Journal;
use crate::embedded::payload::Encoded;
use crate::embedded::recovery;
use crate::embedded::segment::{FIRST_GROUP, Segment};
use crate::embedded::sidecar;

/// Payload bytes of a group in a rewritten segment.
const GROUP_BYTES: usize = 1 << 20;

pub(super) fn rewrite(journal: &Arc<Journal>, sealed: &Sealed, days: u32) -> io::Result<Retained> {
    let Some(kept) = kept_records(journal, sealed, days)? else {
        return Ok(Retained::default());
    };
    if kept
        .iter()
        .all(|found| found.frame.topic == checkpoint::TOPIC_ID)
    {
        drop_segment(journal, sealed)?;
        return Ok(Retained {
            segments_dropped: 1,
            segments_rewritten: 0,
            bytes_freed: sealed.end,
        });
    }
    let header = recovery::new_header(&journal.place, sealed.header.number, 0);
    let staging = journal.place.dir.join("rewriting");
    std::fs::create_dir_all(&staging)?;
    let staged = Segment::create(&staging, header, || Pace::Stop)?;
    let exchanged = write_all(journal, &staged, kept).and_then(|(index, end)| {
        exchange(journal, sealed, &staged, index, end)?;
        Ok(end)
    });
    if exchanged.is_err() {
        // Where there is no room, what is half made must not take it.
        std::fs::remove_file(&staged.path).ok();
    }
    Ok(Retained {
        segments_dropped: 0,
        segments_rewritten: 1,
        bytes_freed: sealed.end.saturating_sub(exchanged?),
    })
}

/// The segment's records without those of topics kept `days` or less; `None` where
/// the segment is damaged: it stays as it is, as evidence.
fn kept_records(journal: &Journal, sealed: &Sealed, days: u32) -> io::Result<Option<Vec<Found>>> {
    let Some(segment) = Segment::open(&sealed.path)? else {
        return Ok(None);
    };
    let mut kept = Vec::new();
    let scan = recovery::scan_sealed(&segment, &mut |found| {
        if !is_dropped(journal, &found.frame, days) {
            kept.push(found.clone());
        }
    })?;
    if let Some(damage) = scan.damage.first() {
        tracing::warn!(segment = ?sealed.path, byte = damage.byte, "retention leaves a damaged segment alone: {}", damage.detail);
        return Ok(None);
    }
    Ok(Some(kept))
}

fn is_dropped(journal: &Journal, frame: &Frame, days: u32) -> bool {
    let Some(slot) = journal.slots.slot_of_id(frame.topic, frame.partition) else {
        return false;
    };
    let (topic, _) = journal.slots.partition(slot);
    matches!(journal.options.retention(topic), Retention::Days(kept) if u32::from(kept) <= days)
}

fn write_all(
    journal: &Journal,
    segment: &Segment,
    kept: Vec<Found>,
) -> io::Result<(SegmentIndex, u64)> {
    let mut index = SegmentIndex::default();
    let mut position = FIRST_GROUP;
    let mut rest = kept.as_slice();
    while !rest.is_empty() {
        let (group, later) = rest.split_at(group_len(rest));
        rest = later;
        let mut out = Vec::new();
        let mut writer = GroupWriter::begin(&mut out, segment.header.incarnation, position);
        for found in group {
            let frame = &found.frame;
            let record = Encoded {
                payload: found.payload.clone().unwrap_or_default(),
                crc: frame.payload_crc,
            };
            let place = (frame.topic, frame.partition);
            writer.push(place, frame.offset, frame.appended_at, &record);
        }
        let (frames, end) = writer.finish();
        segment.file.write_all_at(&out, position)?;
        position = end;
        for frame in &frames {
            if let Some(slot) = journal.slots.slot_of_id(frame.topic, frame.partition) {
                index.push(slot, frame);
            }
        }
    }
    segment.file.sync_all()?;
    Ok((index, position))
}

/// How many records the next group takes. A checkpoint is a group by itself, so
/// that one flipped bit cannot hit both copies.
fn group_len(rest: &[Found]) -> usize {
    let is_checkpoint = |found: &Found| found.frame.topic == checkpoint::TOPIC_ID;
    if rest.first().is_some_and(is_checkpoint) {
        return 1;
    }
    let mut bytes = 0;
    let fits = rest.iter().take_while(|found| {
        let room = bytes < GROUP_BYTES && !is_checkpoint(found);
        bytes += found.frame.payload_len as usize;
        room
    });
    fits.count()
}

/// Puts the new file in the old one's place, on disk and in the catalog at once.
fn exchange(
    journal: &Journal,
    sealed: &Sealed,
    staged: &Segment,
    index: SegmentIndex,
    end: u64,
) -> io::Result<()> {
    let dir: &Path = &journal.place.dir;
    let header = staged.header;
    let path = sidecar::path_of(dir, header.number);
    sidecar::write(&path, &journal.slots, header.incarnation, end, &index)?;
    let mut state = journal.state.lock();
    std::fs::rename(&staged.path, &sealed.path)?;
    for known in &mut state.catalog.sealed {
        if known.header.incarnation == sealed.header.incarnation {
            known.header = header;
            known.end = end;
            known.spans = Arc::new(index.spans().clone());
        }
    }
    journal.note_disk_bytes(&state);
    drop(state);
    disk::sync_dir(dir)
}
