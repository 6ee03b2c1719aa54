//! The index of a sealed segment as a file beside it (`NNNNNNNNNN.idx`). It says
//! nothing that the segment does not: a missing or damaged one is rebuilt.
//!
//! Head: magic, incarnation, end of the segment's content, partition count, per
//! partition `topic id, number, first, last, records, bytes, newest`, CRC32C.
//! Body: the entries of each partition in the head's order, then their CRC32C.
//! Opening a log reads heads only.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::{Buf, BufMut};
use schemas::time::Timestamp;

use super::disk;
use super::index::{Entry, SegmentIndex, Span, Spans};
use super::slots::Slots;

const MAGIC: &[u8; 8] = b"SRECIDX1";
const FIXED: usize = 8 + 8 + 8 + 4;
const PARTITION: usize = 2 + 2 + 5 * 8;
const ENTRY: usize = 8 + 8 + 4;

/// What the head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) incarnation: u64,
    /// The byte after the segment's last group.
    pub(super) end: u64,
    pub(super) spans: Spans,
}

pub(super) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}.idx"))
}

pub(super) fn write(
    path: &Path,
    slots: &Slots,
    incarnation: u64,
    end: u64,
    index: &SegmentIndex,
) -> io::Result<()> {
    let mut out = Vec::new();
    out.put_slice(MAGIC);
    out.put_u64_le(incarnation);
    out.put_u64_le(end);
    out.put_u32_le(index.spans().len() as u32);
    for (slot, span, _) in index.partitions() {
        let (topic, partition) = slots.partition(slot);
        out.put_u16_le(topic.id());
        out.put_u16_le(partition as u16);
        out.put_i64_le(span.first);
        out.put_i64_le(span.last);
        out.put_u64_le(span.records);
        out.put_u64_le(span.bytes);
        out.put_i64_le(span.newest.micros());
    }
    out.put_u32_le(crc32c::crc32c(&out));
    let body = out.len();
    for (_, _, entries) in index.partitions() {
        for entry in entries {
            out.put_i64_le(entry.offset);
            out.put_u64_le(entry.position);
            out.put_u32_le(entry.payload_len);
        }
    }
    out.put_u32_le(crc32c::crc32c(&out[body..]));
    disk::replace(path, &out)
}

/// The head; `None` where there is none that can be trusted.
pub(super) fn read_head(path: &Path, slots: &Slots) -> io::Result<Option<Head>> {
    Ok(open(path)?.and_then(|mut file| take_head(&mut file, slots)))
}

/// The whole index; `None` where it is missing or damaged.
pub(super) fn read(path: &Path, slots: &Slots) -> io::Result<Option<(Head, SegmentIndex)>> {
    let Some(mut file) = open(path)? else {
        return Ok(None);
    };
    let Some(head) = take_head(&mut file, slots) else {
        return Ok(None);
    };
    let mut body = Vec::new();
    file.read_to_end(&mut body)?;
    Ok(parse_body(&body, &head).map(|index| (head, index)))
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

// An unreadable head counts as missing: the segment itself is what matters.
fn take_head(file: &mut File, slots: &Slots) -> Option<Head> {
    let mut bytes = vec![0; FIXED];
    file.read_exact(&mut bytes).ok()?;
    let count = (&bytes[FIXED - 4..]).get_u32_le() as usize;
    if count > slots.len() {
        return None;
    }
    bytes.resize(FIXED + count * PARTITION + 4, 0);
    file.read_exact(&mut bytes[FIXED..]).ok()?;
    parse_head(&bytes, count, slots)
}

fn parse_head(bytes: &[u8], count: usize, slots: &Slots) -> Option<Head> {
    let (mut fields, mut crc) = bytes.split_at(bytes.len() - 4);
    if crc32c::crc32c(fields) != crc.get_u32_le() || !fields.starts_with(MAGIC) {
        return None;
    }
    fields.advance(MAGIC.len());
    let incarnation = fields.get_u64_le();
    let end = fields.get_u64_le();
    fields.advance(4);
    let mut spans = Spans::new();
    for _ in 0..count {
        let slot = slots.slot_of_id(fields.get_u16_le(), fields.get_u16_le())?;
        let span = Span {
            first: fields.get_i64_le(),
            last: fields.get_i64_le(),
            records: fields.get_u64_le(),
            bytes: fields.get_u64_le(),
            newest: Timestamp::from_micros(fields.get_i64_le()),
        };
        spans.insert(slot, span);
    }
    Some(Head {
        incarnation,
        end,
        spans,
    })
}

fn parse_body(body: &[u8], head: &Head) -> Option<SegmentIndex> {
    let (mut fields, mut crc) = body.split_at_checked(body.len().checked_sub(4)?)?;
    let records: u64 = head.spans.values().map(|span| span.records).sum();
    let whole = fields.len() as u64 == records * ENTRY as u64;
    if !whole || crc32c::crc32c(fields) != crc.get_u32_le() {
        return None;
    }
    let mut entries = BTreeMap::new();
    for (slot, span) in &head.spans {
        let partition = (0..span.records).map(|_| Entry {
            offset: fields.get_i64_le(),
            position: fields.get_u64_le(),
            payload_len: fields.get_u32_le(),
        });
        entries.insert(*slot, partition.collect());
    }
    Some(SegmentIndex::from_parts(head.spans.clone(), entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::frame::Frame;
    use schemas::topic::Journal;

    fn example(slots: &Slots) -> SegmentIndex {
        let mut index = SegmentIndex::default();
        for n in 0..50u64 {
            let slot = n as usize % slots.len().min(7);
            let frame = Frame {
                payload_len: 10 + n as u32,
                payload_crc: 0,
                topic: 1,
                partition: 0,
                offset: n as i64 * 2,
                appended_at: Timestamp::from_micros(n as i64),
                position: 4096 + n * 100,
            };
            index.push(slot, &frame);
        }
        index
    }

    #[test]
    fn reads_back_and_rejects_every_flipped_bit() {
        let dir = tempfile::tempdir().unwrap();
        let slots = Slots::of(Journal::Main);
        let index = example(&slots);
        let path = path_of(dir.path(), 3);
        write(&path, &slots, 77, 12_288, &index).unwrap();
        let (head, read_back) = read(&path, &slots).unwrap().unwrap();
        assert_eq!((head.incarnation, head.end), (77, 12_288));
        assert_eq!(read_back, index);
        assert_eq!(read_head(&path, &slots).unwrap().unwrap(), head);

        let good = std::fs::read(&path).unwrap();
        for bit in (0..good.len() * 8).step_by(37) {
            let mut flipped = good.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &flipped).unwrap();
            assert!(read(&path, &slots).unwrap().is_none(), "bit {bit} passed");
        }
    }
}
