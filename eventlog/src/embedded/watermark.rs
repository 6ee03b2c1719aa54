//! How far a journal is known to be durable: a hint beside the proof that every
//! valid group gives for what lies before it.
//!
//! Two slots of 24 bytes in the file `watermark` are written alternately after
//! each sync and not synced themselves: what is read back may be behind, never
//! ahead. Recovery uses it to tell damage of the last group from a torn write.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::{Buf, BufMut};

const SLOT: usize = 24;

/// A place in a journal, ordered as the journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Mark {
    pub(super) segment: u64,
    pub(super) position: u64,
}

/// The open watermark file.
#[derive(Debug)]
pub(super) struct Watermark {
    file: File,
    turn: bool,
}

impl Watermark {
    pub(super) fn open(dir: &Path) -> io::Result<(Self, Mark)> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join("watermark"))?;
        let mark = read(&file)?;
        Ok((Self { file, turn: false }, mark))
    }

    pub(super) fn store(&mut self, mark: Mark) -> io::Result<()> {
        let mut slot = Vec::with_capacity(SLOT);
        slot.put_u64_le(mark.segment);
        slot.put_u64_le(mark.position);
        slot.put_u32_le(crc32c::crc32c(&slot));
        slot.put_u32_le(0);
        self.turn = !self.turn;
        let at = if self.turn { SLOT as u64 } else { 0 };
        self.file.write_all_at(&slot, at)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// Reads the watermark of the journal in `dir` without opening it for writing.
pub(super) fn peek(dir: &Path) -> io::Result<Mark> {
    match File::open(dir.join("watermark")) {
        Ok(file) => read(&file),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Mark::default()),
        Err(e) => Err(e),
    }
}

fn read(file: &File) -> io::Result<Mark> {
    let mut bytes = [0; 2 * SLOT];
    let read = super::group::read_up_to(file, &mut bytes, 0)?;
    let slots = bytes[..read].chunks_exact(SLOT);
    Ok(slots.filter_map(decode).max().unwrap_or_default())
}

fn decode(slot: &[u8]) -> Option<Mark> {
    let (mut fields, mut crc) = slot.split_at(16);
    (crc32c::crc32c(fields) == crc.get_u32_le()).then(|| Mark {
        segment: fields.get_u64_le(),
        position: fields.get_u64_le(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let (mut watermark, empty) = Watermark::open(dir.path()).unwrap();
        assert_eq!(empty, Mark::default());
        for position in [4096, 8192] {
            watermark
                .store(Mark {
                    segment: 1,
                    position,
                })
                .unwrap();
        }
        assert_eq!(peek(dir.path()).unwrap().position, 8192);
        watermark.file.write_all_at(&[0xFF; 9], 0).unwrap();
        assert_eq!(peek(dir.path()).unwrap().position, 4096);
    }
}
