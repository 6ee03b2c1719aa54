//! Reads every byte of a log that is not open elsewhere and says what is not as it
//! was written. Changes nothing.

use std::io;
use std::path::Path;

use schemas::topic::Journal;

use super::finding::Finding;
use super::group::Damage;
use super::scan;
use super::segment::{self, FIRST_GROUP, Segment};
use super::sidecar;
use super::slots::Slots;
use super::watermark::{self, Mark};
use super::{OpenError, checkpoint, identity, lock};

/// What was read and what was found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verification {
    pub segments: usize,
    pub records: u64,
    pub bytes: u64,
    pub findings: Vec<Finding>,
}

/// Verifies the log in `dir`. Refuses while a process has it open.
pub fn verify(dir: &Path) -> Result<Verification, OpenError> {
    let _lock = lock::acquire(dir)?;
    identity::read(dir)?;
    let mut verification = Verification::default();
    for journal in Journal::ALL {
        let of_journal = dir.join(journal.name());
        if of_journal.is_dir() {
            verify_journal(&of_journal, journal, &mut verification)
                .map_err(OpenError::io(&of_journal))?;
        }
    }
    Ok(verification)
}

fn verify_journal(dir: &Path, journal: Journal, to: &mut Verification) -> io::Result<()> {
    let mark = watermark::peek(dir)?;
    let slots = Slots::of(journal);
    let numbers = segment::numbers(dir)?;
    for (at, number) in numbers.iter().enumerate() {
        let path = segment::path_of(dir, *number);
        to.segments += 1;
        to.bytes += std::fs::metadata(&path)?.len();
        let damage = match Segment::open(&path)? {
            Some(segment) => {
                let later = numbers.get(at + 1).map(|next| segment::path_of(dir, *next));
                let sealed = later.is_some_and(|next| is_written(&next).unwrap_or(true));
                verify_segment(dir, &slots, &segment, sealed, mark, &mut to.records)?
            }
            None => vec![damage(
                0,
                FIRST_GROUP,
                "both copies of the header are damaged",
            )],
        };
        let findings = damage.into_iter();
        to.findings
            .extend(findings.map(|damage| Finding::new(journal, &path, damage)));
    }
    Ok(())
}

fn is_written(path: &Path) -> io::Result<bool> {
    let Some(segment) = Segment::open(path)? else {
        return Ok(true);
    };
    let len = segment.file.metadata()?.len();
    Ok(scan::content_end(&segment.file, FIRST_GROUP, len)? > FIRST_GROUP)
}

fn verify_segment(
    dir: &Path,
    slots: &Slots,
    segment: &Segment,
    sealed: bool,
    mark: Mark,
    records: &mut u64,
) -> io::Result<Vec<Damage>> {
    let len = segment.file.metadata()?.len();
    let known_end = if sealed {
        scan::content_end(&segment.file, FIRST_GROUP, len)?
    } else if mark.segment == segment.header.number {
        mark.position
    } else {
        FIRST_GROUP
    };
    let scan = scan::scan(segment, known_end, &mut |found| {
        let is_record = found.frame.topic != checkpoint::TOPIC_ID;
        *records += u64::from(is_record && found.payload.is_some());
    })?;
    let mut found = scan.damage;
    if !segment::header_is_intact(segment)? {
        found.push(damage(
            0,
            FIRST_GROUP,
            "one copy of the header, or the rest of its block, is damaged; the other copy is whole",
        ));
    }
    if sealed && scan.torn {
        found.push(damage(
            scan.end,
            len - scan.end,
            "bytes lie after the last group",
        ));
    }
    if sealed {
        found.extend(verify_sidecar(dir, slots, segment, scan.end)?);
    }
    Ok(found)
}

/// The index file of a sealed segment; a missing one is rebuilt and no damage.
fn verify_sidecar(
    dir: &Path,
    slots: &Slots,
    segment: &Segment,
    end: u64,
) -> io::Result<Option<Damage>> {
    let path = sidecar::path_of(dir, segment.header.number);
    if !path.exists() {
        return Ok(None);
    }
    Ok(match sidecar::read(&path, slots)? {
        None => Some(damage(
            0,
            0,
            "the segment's index file is damaged; remove it and it is rebuilt",
        )),
        Some((head, _)) if head.incarnation != segment.header.incarnation => None,
        Some((head, _)) if head.end > end => {
            let missing = head.end - end;
            Some(damage(
                end,
                missing,
                "groups are missing at the segment's end",
            ))
        }
        Some(_) => None,
    })
}

fn damage(byte: u64, bytes: u64, detail: &str) -> Damage {
    Damage {
        byte,
        bytes,
        record: None,
        detail: detail.to_owned(),
    }
}
