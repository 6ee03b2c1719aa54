//! Reads records from a segment file, checking every byte that it serves.

use std::io;

use bytes::Bytes;
use schemas::topic::{Journal, Topic};

use super::finding::name_of;
use super::frame::{self, Frame};
use super::group::read_up_to;
use super::index::Entry;
use super::payload;
use super::segment::Segment;
use crate::{LogError, Partition, Position, Record};

/// Frames of one partition no further apart than this are fetched in one read.
const GAP: u64 = 4096;
const READ: u64 = 1 << 20;

/// The records of `entries`, up to the first that is damaged; an error where that
/// is the first of all.
pub(super) fn fetch(
    segment: &Segment,
    topic: Topic,
    partition: Partition,
    entries: &[Entry],
) -> Result<Vec<Record>, LogError> {
    let mut records = Vec::with_capacity(entries.len());
    for run in runs(entries) {
        let bytes = read_run(segment, run).map_err(|e| {
            corrupt(
                segment.header.journal,
                segment,
                run[0].position,
                &e.to_string(),
            )
        })?;
        for entry in run {
            let position = Position {
                topic,
                partition,
                offset: entry.offset,
            };
            let at = (entry.position - run[0].position) as usize;
            match record(&bytes, at, segment.header.incarnation, entry, position) {
                Ok(record) => records.push(record),
                Err(_) if !records.is_empty() => return Ok(records),
                Err(detail) => {
                    let detail = format!("{position}: {detail}");
                    let journal = segment.header.journal;
                    return Err(corrupt(journal, segment, entry.position, &detail));
                }
            }
        }
    }
    Ok(records)
}

fn record(
    bytes: &Bytes,
    at: usize,
    incarnation: u64,
    entry: &Entry,
    position: Position,
) -> Result<Record, &'static str> {
    let rest = bytes.get(at..).ok_or("the file ends before the record")?;
    let frame = Frame::parse(rest, incarnation, entry.position)?;
    let named = (frame.topic, i32::from(frame.partition), frame.offset);
    if named != (position.topic.id(), position.partition, position.offset) {
        return Err("another record lies here");
    }
    frame.payload(rest)?;
    let payload = bytes.slice(at + frame::HEADER..at + frame.size() as usize);
    payload::decode(position, frame.appended_at, payload)
        .ok_or("the record's layout is unknown; run a newer version")
}

/// Splits `entries` where the gap to the next frame or the read grows too large.
fn runs(entries: &[Entry]) -> impl Iterator<Item = &[Entry]> {
    let mut begun = entries.first().map_or(0, |entry| entry.position);
    entries.chunk_by(move |one, next| {
        let end = one.position + one.size() as u64;
        let near = next.position <= end + GAP && next.position < begun + READ;
        if !near {
            begun = next.position;
        }
        near
    })
}

fn read_run(segment: &Segment, run: &[Entry]) -> io::Result<Bytes> {
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return Ok(Bytes::new());
    };
    let len = last.position - first.position + last.size() as u64;
    let mut bytes = vec![0; len as usize];
    let read = read_up_to(&segment.file, &mut bytes, first.position)?;
    bytes.truncate(read);
    Ok(bytes.into())
}

fn corrupt(journal: Journal, segment: &Segment, byte: u64, detail: &str) -> LogError {
    metrics::counter!("eventlog_corrupt_reads_total", "journal" => journal.name()).increment(1);
    let segment = name_of(&segment.path);
    tracing::error!(
        journal = journal.name(),
        segment,
        byte,
        "refused to serve a damaged record: {detail}"
    );
    LogError::Corrupt {
        journal: journal.name().to_owned(),
        segment,
        byte,
        detail: detail.to_owned(),
    }
}
