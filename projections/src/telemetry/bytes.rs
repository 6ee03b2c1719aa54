//! Varints, zigzag, and columns that are compressed where that pays: what every
//! segment codec is written with. Reading never panics and never allocates more
//! than the bytes at hand allow.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

/// The bytes are not what the codec writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a segment of the telemetry store does not decode: {0}")]
pub(crate) struct Damaged(pub(crate) &'static str);

/// Columns shorter than this are stored as they are.
const WORTH_PACKING: usize = 48;
/// No column grows beyond this, so that a damaged length allocates little.
const MAX_COLUMN: usize = 1 << 30;
const LEVEL: i32 = 1;

/// LEB128.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A signed number so that small ones of either sign are short.
#[inline]
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, zigzag(value));
}

#[inline]
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

#[inline]
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Bytes behind their length.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a column behind its length: zstd 1 where it is worth it.
pub(crate) fn put_column(out: &mut Vec<u8>, column: &[u8]) {
    if column.len() >= WORTH_PACKING
        && let Ok(packed) = pack(column)
        && packed.len() < column.len()
    {
        put_varint(out, (column.len() as u64) << 1 | 1);
        put_varint(out, packed.len() as u64);
        out.extend_from_slice(&packed);
        return;
    }
    put_varint(out, (column.len() as u64) << 1);
    out.extend_from_slice(column);
}

thread_local! {
    /// What costs to set up, for the many columns that a thread packs and unpacks.
    static PACKER: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

fn pack(column: &[u8]) -> io::Result<Vec<u8>> {
    PACKER.with_borrow_mut(|kept| {
        let zstd = match kept.take() {
            Some(zstd) => zstd,
            None => Compressor::new(LEVEL)?,
        };
        kept.insert(zstd).compress(column)
    })
}

/// Unpacks a frame of zstd to at most `length` bytes.
pub(crate) fn unpack(frame: &[u8], length: usize) -> io::Result<Vec<u8>> {
    UNPACKER.with_borrow_mut(|kept| {
        let zstd = match kept.take() {
            Some(zstd) => zstd,
            None => Decompressor::new()?,
        };
        kept.insert(zstd).decompress(frame, length)
    })
}

/// Reads what was put, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, Damaged> {
        let (&first, rest) = self.rest.split_first().ok_or(Damaged("it ends early"))?;
        self.rest = rest;
        Ok(first)
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Damaged> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Damaged("a number is too long"))
    }

    #[inline]
    pub(crate) fn signed(&mut self) -> Result<i64, Damaged> {
        self.varint().map(unzigzag)
    }

    /// A count of things of which each takes at least `least` of the bytes left.
    pub(crate) fn count(&mut self, least: usize) -> Result<usize, Damaged> {
        let count = usize::try_from(self.varint()?).map_err(|_| Damaged("a count is too large"))?;
        match count.saturating_mul(least) <= self.rest.len() {
            true => Ok(count),
            false => Err(Damaged("a count is larger than what follows")),
        }
    }

    /// A number of bytes or rows that the caller holds against what there is.
    pub(crate) fn size(&mut self) -> Result<usize, Damaged> {
        let size = u32::try_from(self.varint()?).map_err(|_| Damaged("a size is too large"))?;
        Ok(size as usize)
    }

    /// Bytes behind their length.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Damaged> {
        let length = self.size()?;
        self.take(length)
    }

    /// UTF-8 behind its length.
    pub(crate) fn text(&mut self) -> Result<&'a str, Damaged> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Damaged("a text is not UTF-8"))
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Damaged("it ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(Damaged("it ends early"))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A column as it was before packing.
    pub(crate) fn column(&mut self) -> Result<std::borrow::Cow<'a, [u8]>, Damaged> {
        let head = self.varint()?;
        let length = usize::try_from(head >> 1).unwrap_or(usize::MAX);
        if head & 1 == 0 {
            return self.take(length).map(Into::into);
        }
        if length > MAX_COLUMN {
            return Err(Damaged("a column is too long"));
        }
        let packed = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        let plain =
            unpack(self.take(packed)?, length).map_err(|_| Damaged("a column does not unpack"))?;
        match plain.len() == length {
            true => Ok(plain.into()),
            false => Err(Damaged("a column has another length")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_and_columns_come_back(numbers: Vec<i64>, column: Vec<u8>, times in 1..50usize) {
            let column = column.repeat(times);
            let mut bytes = Vec::new();
            numbers.iter().for_each(|n| put_signed(&mut bytes, *n));
            put_column(&mut bytes, &column);
            let mut reader = Reader::new(&bytes);
            for number in numbers {
                prop_assert_eq!(reader.signed(), Ok(number));
            }
            prop_assert_eq!(reader.column().unwrap(), column);
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while !reader.is_empty() {
                if reader.column().is_err() {
                    break;
                }
            }
        }
    }
}
