//! Columns as frames of their own: a directory says where each lies and how long it
//! is, so that one of them can be fetched without the others.

use std::io;

use crate::telemetry::bytes::{self, Damaged, Reader, put_varint};

/// No column decompresses to more.
const MAX_COLUMN_BYTES: u64 = 1 << 29;
/// Frames shorter than this are stored as they are.
const WORTH_PACKING: usize = 48;

/// Compresses columns: raw length (0 where stored as it is), then the bytes.
pub(super) struct Packer {
    zstd: zstd::bulk::Compressor<'static>,
}

impl Packer {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            zstd: zstd::bulk::Compressor::new(1)?,
        })
    }

    /// Appends a frame; returns its length.
    pub(super) fn pack(&mut self, raw: &[u8], out: &mut Vec<u8>) -> io::Result<usize> {
        let begin = out.len();
        if raw.len() >= WORTH_PACKING {
            let packed = self.zstd.compress(raw)?;
            if packed.len() + 4 < raw.len() {
                put_varint(out, raw.len() as u64);
                out.extend_from_slice(&packed);
                return Ok(out.len() - begin);
            }
        }
        out.push(0);
        out.extend_from_slice(raw);
        Ok(out.len() - begin)
    }
}

/// What [`Packer::pack`] was given.
pub(super) fn unpack(frame: &[u8]) -> Result<Vec<u8>, Damaged> {
    let mut reader = Reader::new(frame);
    match reader.varint()? {
        0 => Ok(reader.rest().to_vec()),
        len if len > MAX_COLUMN_BYTES => Err(Damaged("a column is too large")),
        len => match bytes::unpack(reader.rest(), len as usize) {
            Ok(raw) if raw.len() as u64 == len => Ok(raw),
            Ok(_) => Err(Damaged("a column has another length")),
            Err(_) => Err(Damaged("a column does not decompress")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_come_back(raw in proptest::collection::vec(0u8..4, 0..2000)) {
            let mut out = Vec::new();
            let len = Packer::new().expect("zstd").pack(&raw, &mut out).expect("packs");
            prop_assert_eq!(len, out.len());
            prop_assert_eq!(unpack(&out), Ok(raw));
        }
    }
}
