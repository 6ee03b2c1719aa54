//! One record in a segment file: a 44-byte header and the payload.
//!
//! The header's CRC32C is seeded with the segment's incarnation and covers the
//! record's place in the log and in the file as well as the payload's own CRC, so
//! that bytes of another file, another place or another time never pass for it.
//! The payload's CRC is computed where the record is appended, outside every lock.

use bytes::{Buf, BufMut};
use schemas::time::Timestamp;

pub(super) const HEADER: usize = 44;
const MAGIC: u32 = u32::from_le_bytes(*b"REC1");
const CRC_AT: usize = HEADER - 4;

/// All integers little endian, in this order, after the magic and before the CRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) payload_len: u32,
    pub(super) payload_crc: u32,
    pub(super) topic: u16,
    pub(super) partition: u16,
    pub(super) offset: i64,
    pub(super) appended_at: Timestamp,
    /// Byte of the file where the header begins.
    pub(super) position: u64,
}

impl Frame {
    /// Bytes of header and payload.
    pub(super) fn size(&self) -> u64 {
        HEADER as u64 + u64::from(self.payload_len)
    }

    pub(super) fn write(&self, incarnation: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.put_u32_le(MAGIC);
        out.put_u32_le(self.payload_len);
        out.put_u32_le(self.payload_crc);
        out.put_u16_le(self.topic);
        out.put_u16_le(self.partition);
        out.put_i64_le(self.offset);
        out.put_i64_le(self.appended_at.micros());
        out.put_u64_le(self.position);
        let crc = seeded_crc(incarnation, &out[start..]);
        out.put_u32_le(crc);
    }

    /// Reads and checks the header at the start of `bytes`, which lies at
    /// `position` of the file.
    pub(super) fn parse(
        bytes: &[u8],
        incarnation: u64,
        position: u64,
    ) -> Result<Self, &'static str> {
        let header = bytes.get(..HEADER).ok_or("the record is cut short")?;
        let mut crc = &header[CRC_AT..];
        if seeded_crc(incarnation, &header[..CRC_AT]) != crc.get_u32_le() {
            return Err("the record's header does not match its checksum");
        }
        let mut fields = &header[..CRC_AT];
        if fields.get_u32_le() != MAGIC {
            return Err("no record begins here");
        }
        let frame = Self {
            payload_len: fields.get_u32_le(),
            payload_crc: fields.get_u32_le(),
            topic: fields.get_u16_le(),
            partition: fields.get_u16_le(),
            offset: fields.get_i64_le(),
            appended_at: Timestamp::from_micros(fields.get_i64_le()),
            position: fields.get_u64_le(),
        };
        if frame.position == position {
            Ok(frame)
        } else {
            Err("the record belongs to another place of the file")
        }
    }

    /// Checks the payload that follows the header in `bytes`.
    pub(super) fn payload<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], &'static str> {
        let end = HEADER + self.payload_len as usize;
        let payload = bytes.get(HEADER..end).ok_or("the record is cut short")?;
        if crc32c::crc32c(payload) == self.payload_crc {
            Ok(payload)
        } else {
            Err("the record does not match its checksum")
        }
    }
}

/// CRC32C of `bytes` as part of the segment `incarnation`.
pub(super) fn seeded_crc(incarnation: u64, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&incarnation.to_le_bytes()), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(payload: &[u8]) -> (Frame, Vec<u8>) {
        let frame = Frame {
            payload_len: u32::try_from(payload.len()).unwrap(),
            payload_crc: crc32c::crc32c(payload),
            topic: 5,
            partition: 3,
            offset: 41,
            appended_at: Timestamp::from_micros(7),
            position: 4_144,
        };
        let mut bytes = Vec::new();
        frame.write(99, &mut bytes);
        bytes.extend_from_slice(payload);
        (frame, bytes)
    }

    #[test]
    fn reads_back_what_was_written() {
        let (frame, bytes) = example(b"payload");
        assert_eq!(bytes.len() as u64, frame.size());
        let parsed = Frame::parse(&bytes, 99, 4_144).unwrap();
        assert_eq!(parsed, frame);
        assert_eq!(parsed.payload(&bytes), Ok(b"payload".as_slice()));
    }

    #[test]
    fn refuses_another_incarnation_place_and_every_flipped_bit() {
        let (_, bytes) = example(b"payload");
        assert!(Frame::parse(&bytes, 98, 4_144).is_err());
        assert!(Frame::parse(&bytes, 99, 8_192).is_err());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let read = Frame::parse(&flipped, 99, 4_144)
                .and_then(|frame| frame.payload(&flipped).map(<[u8]>::to_vec));
            assert!(read.is_err(), "bit {bit} passed");
        }
    }
}
