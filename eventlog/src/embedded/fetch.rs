//! Reads records from a segment file, checking every byte that it serves.

use std::io;

use bytes::Bytes;
use schemas::topic::{Journal, Topic};

use super::finding::name_of;
use super::frame::{self, Frame};
use super::group::read_up_to;
use super::index::{Entry, Pick};
use super::payload;
use super::segment::Segment;
use crate::{LogError, Partition, Position, Record};

/// Wanted frames no further apart than this are fetched in one read.
const GAP: u64 = 4096;
const READ: u64 = 1 << 20;

/// The records of `picks`, which are in the order of the file, by the partition
/// of `partitions` that they belong to. A damaged one ends its partition; it is
/// an error where there is nothing else.
pub(super) fn fetch(
    segment: &Segment,
    partitions: &[(Topic, Partition)],
    picks: &[Pick],
) -> Result<Vec<Vec<Record>>, LogError> {
    let mut fetched = room_for(partitions, picks);
    let mut damaged: Vec<Option<LogError>> = vec![None; partitions.len()];
    for run in runs(picks) {
        let bytes = read_run(segment, run).map_err(|e| {
            let byte = run[0].entry.position;
            corrupt(segment.header.journal, segment, byte, &e.to_string())
        })?;
        for Pick { which, entry } in run {
            if damaged[*which].is_some() {
                continue;
            }
            let (topic, partition) = partitions[*which];
            let position = Position {
                topic,
                partition,
                offset: entry.offset,
            };
            let at = (entry.position - run[0].entry.position) as usize;
            match record(&bytes, at, segment.header.incarnation, entry, position) {
                Ok(record) => fetched[*which].push(record),
                Err(detail) => {
                    let detail = format!("{position}: {detail}");
                    let journal = segment.header.journal;
                    damaged[*which] = Some(corrupt(journal, segment, entry.position, &detail));
                }
            }
        }
    }
    match damaged.into_iter().flatten().next() {
        Some(error) if fetched.iter().all(Vec::is_empty) => Err(error),
        _ => Ok(fetched),
    }
}

fn room_for(partitions: &[(Topic, Partition)], picks: &[Pick]) -> Vec<Vec<Record>> {
    let mut counts = vec![0; partitions.len()];
    picks.iter().for_each(|pick| counts[pick.which] += 1);
    counts.into_iter().map(Vec::with_capacity).collect()
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

/// Splits `picks` where the gap to the next frame or the read grows too large.
fn runs(picks: &[Pick]) -> impl Iterator<Item = &[Pick]> {
    let mut begun = picks.first().map_or(0, |pick| pick.entry.position);
    picks.chunk_by(move |one, next| {
        let end = one.entry.position + one.entry.size() as u64;
        let next = next.entry.position;
        let near = next <= end + GAP && next < begun + READ;
        if !near {
            begun = next;
        }
        near
    })
}

fn read_run(segment: &Segment, run: &[Pick]) -> io::Result<Bytes> {
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return Ok(Bytes::new());
    };
    let (first, last) = (first.entry, last.entry);
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
