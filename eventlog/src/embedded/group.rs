//! What one sync makes durable: a header, records, a directory of the records,
//! and zeros to the next block, so that no later write touches a block that holds
//! acknowledged bytes.
//!
//! A group is written only after everything before it was synced: a valid group
//! header proves that all bytes in front of it were durable. Header, directory and
//! the records' own headers repeat one another: after one flipped bit the other
//! copies still tell where every undamaged record lies.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::{Buf, BufMut, Bytes};
use schemas::time::Timestamp;

use super::frame::{self, Frame, seeded_crc};
use super::payload::Encoded;

pub(super) const BLOCK: u64 = 4096;
pub(super) const HEADER: usize = 44;
const MAGIC: u32 = u32::from_le_bytes(*b"GRP1");
const CRC_AT: usize = HEADER - 4;
const DIRECTORY_ENTRY: usize = 28;

/// The first block boundary at or after `position`.
pub(super) fn align(position: u64) -> u64 {
    position.next_multiple_of(BLOCK)
}

/// Bytes that a group of `records` records with `payload` bytes takes in the file.
pub(super) fn padded_size(records: usize, payload: usize) -> u64 {
    let each = frame::HEADER + DIRECTORY_ENTRY;
    align((HEADER + records * each + payload) as u64)
}

/// Appends one group to a buffer that will be written at a block boundary.
pub(super) struct GroupWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    incarnation: u64,
    position: u64,
    frames: Vec<Frame>,
}

impl<'a> GroupWriter<'a> {
    /// `position` is the byte of the file where the group will begin.
    pub(super) fn begin(out: &'a mut Vec<u8>, incarnation: u64, position: u64) -> Self {
        let start = out.len();
        out.resize(start + HEADER, 0);
        Self {
            out,
            start,
            incarnation,
            position,
            frames: Vec::new(),
        }
    }

    pub(super) fn push(
        &mut self,
        (topic, partition): (u16, u16),
        offset: i64,
        appended_at: Timestamp,
        record: &Encoded,
    ) {
        let frame = Frame {
            payload_len: u32::try_from(record.payload.len())
                .expect("the size limit of a record fits 32 bits"),
            payload_crc: record.crc,
            topic,
            partition,
            offset,
            appended_at,
            position: self.position + (self.out.len() - self.start) as u64,
        };
        frame.write(self.incarnation, self.out);
        self.out.extend_from_slice(&record.payload);
        self.frames.push(frame);
    }

    /// Completes the group; returns its frames and the byte after its padding.
    pub(super) fn finish(self) -> (Vec<Frame>, u64) {
        let directory_at = self.out.len();
        for frame in &self.frames {
            write_entry(frame, self.position, self.out);
        }
        let directory_crc = seeded_crc(self.incarnation, &self.out[directory_at..]);
        let length = (self.out.len() - self.start) as u64;
        let mut header = Vec::with_capacity(HEADER);
        header.put_u32_le(MAGIC);
        header.put_u32_le(directory_crc);
        header.put_u64_le(self.incarnation);
        header.put_u64_le(self.position);
        header.put_u64_le(length);
        header.put_u32_le(u32::try_from(self.frames.len()).expect("a group is bounded in bytes"));
        header.put_u32_le(0);
        let crc = seeded_crc(self.incarnation, &header);
        header.put_u32_le(crc);
        self.out[self.start..self.start + HEADER].copy_from_slice(&header);
        let end = align(self.position + length);
        self.out
            .resize(self.start + (end - self.position) as usize, 0);
        (self.frames, end)
    }
}

fn write_entry(frame: &Frame, group: u64, out: &mut Vec<u8>) {
    let within = u32::try_from(frame.position - group).expect("a group is bounded in bytes");
    out.put_u32_le(within);
    out.put_u32_le(frame.payload_len);
    out.put_u16_le(frame.topic);
    out.put_u16_le(frame.partition);
    out.put_i64_le(frame.offset);
    out.put_i64_le(frame.appended_at.micros());
}

/// A group's header, checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupHeader {
    directory_crc: u32,
    position: u64,
    /// Bytes without the padding.
    length: u64,
    count: u32,
}

impl GroupHeader {
    pub(super) fn parse(bytes: &[u8], incarnation: u64, position: u64) -> Option<Self> {
        let header = bytes.get(..HEADER)?;
        let mut crc = &header[CRC_AT..];
        if seeded_crc(incarnation, &header[..CRC_AT]) != crc.get_u32_le() {
            return None;
        }
        let mut fields = &header[..CRC_AT];
        let magic = fields.get_u32_le();
        let directory_crc = fields.get_u32_le();
        let told_incarnation = fields.get_u64_le();
        let header = Self {
            directory_crc,
            position: fields.get_u64_le(),
            length: fields.get_u64_le(),
            count: fields.get_u32_le(),
        };
        let ours = magic == MAGIC && told_incarnation == incarnation;
        (ours && header.position == position).then_some(header)
    }

    /// The byte after the padding, where the next group begins.
    pub(super) fn end(&self) -> u64 {
        align(self.position + self.length)
    }
}

/// A record found in a file; without payload where it is damaged.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) frame: Frame,
    pub(super) payload: Option<Bytes>,
}

/// Bytes that are not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) byte: u64,
    pub(super) bytes: u64,
    /// Topic id, partition and offset, where a record is hit.
    pub(super) record: Option<(u16, u16, i64)>,
    pub(super) detail: String,
}

/// A group as it was read.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) end: u64,
    pub(super) found: Vec<Found>,
    pub(super) damage: Vec<Damage>,
    /// The padding is not zero: somebody wrote there, but no record is hit.
    pub(super) dirty_padding: bool,
}

/// Reads the group whose header is valid at `header.position`.
pub(super) fn read(file: &File, incarnation: u64, header: GroupHeader) -> io::Result<Group> {
    let mut bytes = vec![0; (header.end() - header.position) as usize];
    let read = read_up_to(file, &mut bytes, header.position)?;
    bytes.truncate(read);
    Ok(parse(bytes.into(), incarnation, header))
}

fn parse(bytes: Bytes, incarnation: u64, header: GroupHeader) -> Group {
    let length = header.length as usize;
    let directory_at = length.saturating_sub(header.count as usize * DIRECTORY_ENTRY);
    let directory = bytes.get(directory_at..length);
    let mut group = Group {
        end: header.end(),
        found: Vec::new(),
        damage: Vec::new(),
        dirty_padding: bytes
            .get(length..)
            .is_some_and(|rest| rest.iter().any(|b| *b != 0)),
    };
    match directory.filter(|d| seeded_crc(incarnation, d) == header.directory_crc) {
        Some(directory) => follow_directory(&bytes, incarnation, header, directory, &mut group),
        None => {
            group.damage.push(Damage {
                byte: header.position + directory_at as u64,
                bytes: (length - directory_at) as u64,
                record: None,
                detail: "the group's directory does not match its checksum".to_owned(),
            });
            let records = bytes.slice(HEADER..directory_at.clamp(HEADER, bytes.len()));
            let (found, damage) = walk(&records, incarnation, header.position + HEADER as u64);
            group.found = found;
            group.damage.extend(damage);
        }
    }
    group
}

fn follow_directory(
    bytes: &Bytes,
    incarnation: u64,
    header: GroupHeader,
    mut directory: &[u8],
    group: &mut Group,
) {
    while directory.has_remaining() {
        let expected = read_entry(&mut directory, header.position);
        let at = (expected.position - header.position) as usize;
        let rest = bytes.get(at..).unwrap_or_default();
        match check(rest, incarnation, &expected) {
            Ok(frame) => {
                let payload = at + frame::HEADER..at + frame.size() as usize;
                group.found.push(Found {
                    frame,
                    payload: Some(bytes.slice(payload)),
                });
            }
            Err(detail) => {
                group.damage.push(record_damage(&expected, detail));
                group.found.push(Found {
                    frame: expected,
                    payload: None,
                });
            }
        }
    }
}

/// Checks that `bytes` begin with the whole record that the directory names.
fn check(bytes: &[u8], incarnation: u64, expected: &Frame) -> Result<Frame, &'static str> {
    let frame = Frame::parse(bytes, incarnation, expected.position)?;
    frame.payload(bytes)?;
    Ok(frame)
}

fn read_entry(directory: &mut &[u8], group: u64) -> Frame {
    let within = directory.get_u32_le();
    let payload_len = directory.get_u32_le();
    Frame {
        payload_len,
        payload_crc: 0,
        topic: directory.get_u16_le(),
        partition: directory.get_u16_le(),
        offset: directory.get_i64_le(),
        appended_at: Timestamp::from_micros(directory.get_i64_le()),
        position: group + u64::from(within),
    }
}

/// Finds records by their own headers, from the start of `bytes` until there is
/// none: for groups whose header or directory is damaged.
pub(super) fn walk(bytes: &Bytes, incarnation: u64, position: u64) -> (Vec<Found>, Vec<Damage>) {
    let (mut found, mut damage) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Ok(frame) = Frame::parse(&bytes[at..], incarnation, position + at as u64) {
        let payload = match frame.payload(&bytes[at..]) {
            Ok(payload) => Some(bytes.slice_ref(payload)),
            Err(detail) => {
                damage.push(record_damage(&frame, detail));
                None
            }
        };
        found.push(Found { frame, payload });
        at = bytes.len().min(at + frame.size() as usize);
    }
    (found, damage)
}

fn record_damage(frame: &Frame, detail: &str) -> Damage {
    Damage {
        byte: frame.position,
        bytes: frame.size(),
        record: Some((frame.topic, frame.partition, frame.offset)),
        detail: detail.to_owned(),
    }
}

/// Fills `bytes` from `position` as far as the file reaches.
pub(super) fn read_up_to(file: &File, bytes: &mut [u8], position: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], position + read as u64) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(read)
}
