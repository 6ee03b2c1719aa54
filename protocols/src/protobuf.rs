//! Protocol Buffers' wire format, read in place: a message is a slice, and its fields
//! borrow from it. Nothing is allocated and nothing panics, whatever the bytes.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding/>. Groups (wire types 3
//! and 4), which nothing that is spoken here has ever used, are refused.

use std::borrow::Cow;

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("ends in the middle of a field")]
    Truncated,
    #[error("a number is longer than ten bytes")]
    LongVarint,
    #[error("a field has wire type {0}, which does not exist")]
    WireType(u8),
    #[error("a field has number 0")]
    FieldZero,
    #[error("field {0} has another wire type than its type says")]
    WrongType(u32),
    #[error("text is not UTF-8")]
    NotUtf8,
}

/// A field's value as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// One field of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field<'a> {
    pub number: u32,
    pub value: Value<'a>,
}

/// Reads the fields of one message, in the order of the wire.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field; none at the end of the message.
    #[inline]
    pub fn field(&mut self) -> Result<Option<Field<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| Malformed::LongVarint)?;
        if number == 0 {
            return Err(Malformed::FieldZero);
        }
        let value = match (tag & 7) as u8 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.fixed64()?),
            2 => Value::Bytes(self.bytes()?),
            5 => Value::Fixed32(self.fixed32()?),
            other => return Err(Malformed::WireType(other)),
        };
        Ok(Some(Field { number, value }))
    }

    #[inline]
    pub fn varint(&mut self) -> Result<u64, Malformed> {
        if let [first, rest @ ..] = self.rest
            && *first < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(*first));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for (at, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if *byte < 0x80 {
                self.rest = &self.rest[at + 1..];
                return Ok(value);
            }
        }
        Err(match self.rest.len() {
            0..10 => Malformed::Truncated,
            _ => Malformed::LongVarint,
        })
    }

    /// A length, then that many bytes.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.varint()?).map_err(|_| Malformed::Truncated)?;
        let (bytes, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    pub fn fixed64(&mut self) -> Result<u64, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    #[inline]
    pub fn fixed32(&mut self) -> Result<u32, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(u32::from_le_bytes(*bytes))
    }
}

impl<'a> Field<'a> {
    pub fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.wrong()),
        }
    }

    pub fn text(self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed::NotUtf8)
    }

    /// The text; what of it is not UTF-8 is U+FFFD. Programs log Latin-1 and bytes that were
    /// cut: better read with a few marks than lost.
    pub fn lossy(self) -> Result<Cow<'a, str>, Malformed> {
        let bytes = self.bytes()?;
        // The common case takes the fast way.
        let text = std::str::from_utf8(bytes).map(Cow::Borrowed);
        Ok(text.unwrap_or_else(|_| String::from_utf8_lossy(bytes)))
    }

    pub fn message(self) -> Result<Reader<'a>, Malformed> {
        self.bytes().map(Reader::new)
    }

    /// `uint64`, `uint32`, `enum`, `bool` and, by its two's complement, `int64`.
    pub fn uint(self) -> Result<u64, Malformed> {
        match self.value {
            Value::Varint(value) => Ok(value),
            _ => Err(self.wrong()),
        }
    }

    /// `int64`, `int32` and `enum`.
    pub fn int(self) -> Result<i64, Malformed> {
        self.uint().map(u64::cast_signed)
    }

    /// `sint64` and `sint32`.
    pub fn sint(self) -> Result<i64, Malformed> {
        self.uint().map(zigzag)
    }

    /// `fixed64`.
    pub fn fixed64(self) -> Result<u64, Malformed> {
        match self.value {
            Value::Fixed64(value) => Ok(value),
            _ => Err(self.wrong()),
        }
    }

    /// `fixed32`.
    pub fn fixed32(self) -> Result<u32, Malformed> {
        match self.value {
            Value::Fixed32(value) => Ok(value),
            _ => Err(self.wrong()),
        }
    }

    pub fn double(self) -> Result<f64, Malformed> {
        self.fixed64().map(f64::from_bits)
    }

    /// Calls `each` for the numbers of a repeated varint field, packed or not.
    pub fn varints(self, mut each: impl FnMut(u64)) -> Result<(), Malformed> {
        match self.value {
            Value::Varint(value) => each(value),
            Value::Bytes(packed) => {
                let mut packed = Reader::new(packed);
                while !packed.is_empty() {
                    each(packed.varint()?);
                }
            }
            _ => return Err(self.wrong()),
        }
        Ok(())
    }

    /// Calls `each` for the numbers of a repeated `fixed64` or `double` field.
    pub fn fixed64s(self, mut each: impl FnMut(u64)) -> Result<(), Malformed> {
        match self.value {
            Value::Fixed64(value) => each(value),
            Value::Bytes(packed) => {
                let mut packed = Reader::new(packed);
                while !packed.is_empty() {
                    each(packed.fixed64()?);
                }
            }
            _ => return Err(self.wrong()),
        }
        Ok(())
    }

    fn wrong(self) -> Malformed {
        Malformed::WrongType(self.number)
    }
}

/// `sint64` from its varint.
pub fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(message: &[u8]) -> Result<Vec<Field<'_>>, Malformed> {
        let mut reader = Reader::new(message);
        std::iter::from_fn(|| reader.field().transpose()).collect()
    }

    #[test]
    fn reads_every_wire_type() {
        let message = [
            0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1d, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0,
        ];
        let read = fields(&message).unwrap();
        assert_eq!(read[0].uint(), Ok(150));
        assert_eq!(read[1].text(), Ok("hi"));
        assert_eq!((read[2].fixed32(), read[3].fixed64()), (Ok(1), Ok(2)));
        assert_eq!(read[3].uint(), Err(Malformed::WrongType(4)));
    }

    #[test]
    fn says_what_is_malformed() {
        let cases: [(&[u8], Malformed); 6] = [
            (&[0x08], Malformed::Truncated),
            (&[0x12, 5, 1], Malformed::Truncated),
            (&[0x21, 1, 2], Malformed::Truncated),
            (&[0x0b], Malformed::WireType(3)),
            (&[0x00, 1], Malformed::FieldZero),
            (&[0xff; 11], Malformed::LongVarint),
        ];
        for (message, problem) in cases {
            assert_eq!(fields(message), Err(problem));
        }
    }

    #[test]
    fn numbers_may_be_packed_or_not() {
        let mut seen = Vec::new();
        for message in [&[0x0a, 3, 1, 0x96, 0x01][..], &[0x08, 1, 0x08, 0x96, 0x01]] {
            seen.clear();
            for field in fields(message).unwrap() {
                field.varints(|value| seen.push(value)).unwrap();
            }
            assert_eq!(seen, [1, 150]);
        }
        assert_eq!([0, 1, 2, 3].map(zigzag), [0, -1, 1, -2]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(message: Vec<u8>) {
            drop(fields(&message));
        }
    }
}
