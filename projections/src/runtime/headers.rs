//! Headers as opaque bytes: for each, u16 name length, name, u32 value length,
//! value; big endian.

use schemas::headers::{Headers, Packer};

pub(crate) fn pack(headers: &Headers) -> Vec<u8> {
    let mut packed = Vec::with_capacity(headers.len() * 48);
    for (name, value) in headers.iter() {
        let name_bytes = u16::try_from(name.len()).unwrap_or(u16::MAX);
        let value_bytes = u32::try_from(value.len()).unwrap_or(u32::MAX);
        packed.extend_from_slice(&name_bytes.to_be_bytes());
        packed.extend_from_slice(&name.as_bytes()[..usize::from(name_bytes)]);
        packed.extend_from_slice(&value_bytes.to_be_bytes());
        packed.extend_from_slice(value);
    }
    packed
}

/// None where the bytes were not written by [`pack`].
pub(crate) fn unpack(mut packed: &[u8]) -> Option<Headers> {
    let mut headers = Packer::with_capacity(packed.len());
    while !packed.is_empty() {
        let (name_bytes, rest) = packed.split_first_chunk::<2>()?;
        let (name, rest) = rest.split_at_checked(u16::from_be_bytes(*name_bytes).into())?;
        let (value_bytes, rest) = rest.split_first_chunk::<4>()?;
        let value_bytes = usize::try_from(u32::from_be_bytes(*value_bytes)).ok()?;
        let (value, rest) = rest.split_at_checked(value_bytes)?;
        headers.bytes(std::str::from_utf8(name).ok()?, value);
        packed = rest;
    }
    Some(headers.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(headers in proptest::collection::vec((".{0,40}", proptest::collection::vec(any::<u8>(), 0..200)), 0..12)) {
            let headers: Headers = headers.into_iter().collect();
            let packed = pack(&headers);
            prop_assert_eq!(unpack(&packed), Some(headers));
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = unpack(&bytes);
        }
    }
}
