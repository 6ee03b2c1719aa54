//! Numbers, texts and compressed frames as bytes.

use std::io;

/// The bytes were not written by us, or have been damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a segment of logs is damaged: {0}")]
pub struct Damaged(pub(super) &'static str);

/// No column decompresses to more.
const MAX_COLUMN_BYTES: u64 = 1 << 29;
/// Frames shorter than this are stored as they are.
const WORTH_PACKING: usize = 48;

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// What is left of some bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Result<u8, Damaged> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn varint(&mut self) -> Result<u64, Damaged> {
        let mut value = 0u64;
        for (at, byte) in self.0.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7F) << (7 * at);
            if byte & 0x80 == 0 {
                self.0 = &self.0[at + 1..];
                return Ok(value);
            }
        }
        Err(Damaged("a number does not end"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, Damaged> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(super) fn small(&mut self) -> Result<u32, Damaged> {
        u32::try_from(self.varint()?).map_err(|_| Damaged("a number is too large"))
    }

    pub(super) fn size(&mut self) -> Result<usize, Damaged> {
        Ok(self.small()? as usize)
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Damaged> {
        let split = self.0.split_at_checked(len);
        let (taken, rest) = split.ok_or(Damaged("bytes are missing"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Damaged> {
        let len = self.size()?;
        self.take(len)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Damaged> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Damaged("a text is not UTF-8"))
    }
}

/// Compresses columns, each a frame of its own: raw length (0 where stored as it
/// is), then the bytes.
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
    let mut bytes = Bytes(frame);
    match bytes.varint()? {
        0 => Ok(bytes.0.to_vec()),
        len if len > MAX_COLUMN_BYTES => Err(Damaged("a column is too large")),
        len => match zstd::bulk::decompress(bytes.0, len as usize) {
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
        fn numbers_and_texts_come_back(value: u64, signed: i64, text in ".{0,9}") {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            put_signed(&mut out, signed);
            put_bytes(&mut out, text.as_bytes());
            let mut bytes = Bytes(&out);
            prop_assert_eq!(bytes.varint(), Ok(value));
            prop_assert_eq!(bytes.signed(), Ok(signed));
            prop_assert_eq!(bytes.text(), Ok(text.as_str()));
            prop_assert!(bytes.is_empty());
        }

        #[test]
        fn frames_come_back(raw in proptest::collection::vec(0u8..4, 0..2000)) {
            let mut out = Vec::new();
            let len = Packer::new().expect("zstd").pack(&raw, &mut out).expect("packs");
            prop_assert_eq!(len, out.len());
            prop_assert_eq!(unpack(&out), Ok(raw));
        }
    }
}
