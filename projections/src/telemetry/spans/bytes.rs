//! Numbers, texts and compressed frames as bytes.

use std::io;

/// The bytes were not written by us, or have been damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a segment of spans is damaged: {0}")]
pub(crate) struct Damaged(pub(crate) &'static str);

/// No column decompresses to more.
const MAX_COLUMN_BYTES: u64 = 1 << 28;

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// What is left of some bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Damaged> {
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

    pub(crate) fn signed(&mut self) -> Result<i64, Damaged> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(crate) fn size(&mut self) -> Result<usize, Damaged> {
        usize::try_from(self.varint()?).map_err(|_| Damaged("a size is too large"))
    }

    pub(crate) fn code(&mut self) -> Result<u32, Damaged> {
        u32::try_from(self.varint()?).map_err(|_| Damaged("a code is too large"))
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self
            .0
            .split_at_checked(len)
            .ok_or(Damaged("bytes are missing"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (taken, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(Damaged("bytes are missing"))?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Damaged> {
        let len = self.size()?;
        std::str::from_utf8(self.take(len)?).map_err(|_| Damaged("a text is not UTF-8"))
    }
}

/// Writes columns as frames of their own: stored length, raw length (0 where stored
/// as it is), bytes.
pub(crate) struct Frames {
    zstd: zstd::bulk::Compressor<'static>,
}

impl Frames {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            zstd: zstd::bulk::Compressor::new(1)?,
        })
    }

    /// The frame's bytes.
    pub(crate) fn pack(&mut self, raw: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        match self.zstd.compress(raw) {
            Ok(packed) if packed.len() + 4 < raw.len() => {
                put_varint(&mut frame, raw.len() as u64);
                frame.extend_from_slice(&packed);
            }
            _ => {
                frame.push(0);
                frame.extend_from_slice(raw);
            }
        }
        frame
    }
}

/// What [`Frames::pack`] was given.
pub(crate) fn unpack(frame: &[u8]) -> Result<Vec<u8>, Damaged> {
    let mut bytes = Bytes(frame);
    let raw_bytes = bytes.varint()?;
    match raw_bytes {
        0 => Ok(bytes.0.to_vec()),
        len if len > MAX_COLUMN_BYTES => Err(Damaged("a column is too large")),
        len => {
            let raw = zstd::bulk::decompress(bytes.0, len as usize)
                .map_err(|_| Damaged("a column does not decompress"))?;
            match raw.len() as u64 == len {
                true => Ok(raw),
                false => Err(Damaged("a column has another length")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(value: u64, signed: i64, text in ".{0,9}") {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            put_signed(&mut out, signed);
            put_text(&mut out, &text);
            let mut bytes = Bytes(&out);
            prop_assert_eq!(bytes.varint(), Ok(value));
            prop_assert_eq!(bytes.signed(), Ok(signed));
            prop_assert_eq!(bytes.text(), Ok(text.as_str()));
            prop_assert!(bytes.is_empty());
        }

        #[test]
        fn frames_come_back(raw in proptest::collection::vec(0u8..4, 0..2000)) {
            let frame = Frames::new().expect("zstd").pack(&raw);
            prop_assert_eq!(unpack(&frame), Ok(raw));
        }
    }
}
