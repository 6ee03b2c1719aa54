//! One segment file: a header block, then groups from block 1 on.
//!
//! The file appears under its name only when its header is durable. Both copies
//! of the header lie in block 0 (bytes 0 and 2048): magic, format, number,
//! incarnation, log id, journal name, capacity, CRC32C. The incarnation is new for every file that ever carried
//! the number, so that stale bytes never pass for records.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::{Buf, BufMut};
use schemas::ids::LogId;
use uuid::Uuid;

use super::disk;
use super::fill::{self, Pace};
use super::group::BLOCK;

/// Where the first group begins.
pub(super) const FIRST_GROUP: u64 = BLOCK;
const MAGIC: &[u8; 8] = b"SRECLOG1";
const FORMAT: u32 = 1;
const HEADER: usize = 68;
const SECOND_COPY: usize = 2048;

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) number: u64,
    pub(super) incarnation: u64,
    pub(super) log_id: LogId,
    pub(super) journal: schemas::topic::Journal,
    /// Bytes the file is filled to; the writer leaves before passing it.
    pub(super) capacity: u64,
}

impl SegmentHeader {
    fn encode(&self) -> Vec<u8> {
        let mut name = [0; 8];
        let journal = self.journal.name().as_bytes();
        name[..journal.len()].copy_from_slice(journal);
        let mut out = Vec::with_capacity(HEADER);
        out.put_slice(MAGIC);
        out.put_u32_le(FORMAT);
        out.put_u32_le(0);
        out.put_u64_le(self.number);
        out.put_u64_le(self.incarnation);
        out.put_slice(self.log_id.0.as_bytes());
        out.put_slice(&name);
        out.put_u64_le(self.capacity);
        let crc = crc32c::crc32c(&out);
        out.put_u32_le(crc);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(..HEADER)?;
        let (mut fields, mut crc) = header.split_at(HEADER - 4);
        if crc32c::crc32c(fields) != crc.get_u32_le() || !fields.starts_with(MAGIC) {
            return None;
        }
        fields.advance(MAGIC.len());
        if fields.get_u32_le() != FORMAT {
            return None;
        }
        fields.advance(4);
        let number = fields.get_u64_le();
        let incarnation = fields.get_u64_le();
        let log_id = LogId(Uuid::from_slice(&fields[..16]).ok()?);
        fields.advance(16);
        let journal = schemas::topic::Journal::ALL
            .into_iter()
            .find(|j| fields[..8].starts_with(j.name().as_bytes()))?;
        fields.advance(8);
        Some(Self {
            number,
            incarnation,
            log_id,
            journal,
            capacity: fields.get_u64_le(),
        })
    }

    /// Block 0 as it lies in the file.
    pub(super) fn block(&self) -> Vec<u8> {
        let mut block = vec![0; BLOCK as usize];
        let header = self.encode();
        block[..HEADER].copy_from_slice(&header);
        block[SECOND_COPY..SECOND_COPY + HEADER].copy_from_slice(&header);
        block
    }
}

/// An open segment file.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) header: SegmentHeader,
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Segment {
    /// Opens an existing file; `None` where neither copy of the header is valid.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(read_header(&file)?.map(|header| Self {
            header,
            file,
            path: path.to_owned(),
        }))
    }

    /// Creates the file, durable under its name, and then fills it with zeros as far
    /// as `pace` lets it.
    pub(super) fn create(
        dir: &Path,
        header: SegmentHeader,
        pace: impl FnMut() -> Pace,
    ) -> io::Result<Self> {
        let path = path_of(dir, header.number);
        let staged = path.with_extension("new");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&staged)?;
        file.write_all_at(&header.block(), 0)?;
        file.sync_all()?;
        std::fs::rename(&staged, &path)?;
        disk::sync_dir(dir)?;
        fill::fill(&file, &path, header.capacity, pace)?;
        Ok(Self { header, file, path })
    }
}

/// Whether block 0 is byte for byte what was written.
pub(super) fn header_is_intact(segment: &Segment) -> io::Result<bool> {
    let mut block = vec![0; BLOCK as usize];
    let read = super::group::read_up_to(&segment.file, &mut block, 0)?;
    Ok(block[..read] == segment.header.block())
}

fn read_header(file: &File) -> io::Result<Option<SegmentHeader>> {
    let mut block = vec![0; BLOCK as usize];
    let read = super::group::read_up_to(file, &mut block, 0)?;
    let block = &block[..read];
    let second = block.get(SECOND_COPY..).and_then(SegmentHeader::decode);
    Ok(SegmentHeader::decode(block).or(second))
}

pub(super) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}.seg"))
}

/// Numbers of the segment files in `dir`, ascending.
pub(super) fn numbers(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".seg"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::topic::Journal;

    #[test]
    fn either_copy_of_the_header_suffices() {
        let dir = tempfile::tempdir().unwrap();
        let header = SegmentHeader {
            number: 7,
            incarnation: 0xFEED,
            log_id: LogId(Uuid::from_u128(5)),
            journal: Journal::Webhooks,
            capacity: 3 * BLOCK,
        };
        let segment = Segment::create(dir.path(), header, || Pace::AtOnce).unwrap();
        assert_eq!(segment.file.metadata().unwrap().len(), 3 * BLOCK);
        for damaged in [0, SECOND_COPY as u64] {
            segment.file.write_all_at(&header.block(), 0).unwrap();
            segment.file.write_all_at(&[0xAA; HEADER], damaged).unwrap();
            let reopened = Segment::open(&segment.path).unwrap().unwrap();
            assert_eq!(reopened.header, header);
        }
        segment.file.write_all_at(&[0xAA; HEADER], 0).unwrap();
        assert!(Segment::open(&segment.path).unwrap().is_none());
    }
}
