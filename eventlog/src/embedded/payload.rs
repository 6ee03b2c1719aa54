//! What a record says, as bytes: key, headers, body.
//!
//! `u32 key length, key, u16 header count, (u16 name length, name, u32 value
//! length, value)*, body to the end`; little endian.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use schemas::envelope::Headers;
use schemas::time::Timestamp;

use crate::{NewRecord, Position, Record};

/// A record ready to be written.
#[derive(Debug, Clone)]
pub(super) struct Encoded {
    pub(super) payload: Bytes,
    pub(super) crc: u32,
}

pub(super) fn size(record: &NewRecord) -> usize {
    6 + record.key.len() + record.headers.packed().len() + record.body.len()
}

/// `None` where there are more headers than the layout can carry.
pub(super) fn encode(record: &NewRecord) -> Option<Encoded> {
    let mut out = BytesMut::with_capacity(size(record));
    out.put_u32_le(u32::try_from(record.key.len()).ok()?);
    out.put_slice(&record.key);
    out.put_u16_le(u16::try_from(record.headers.len()).ok()?);
    out.put_slice(record.headers.packed());
    out.put_slice(&record.body);
    let payload = out.freeze();
    let crc = crc32c::crc32c(&payload);
    Some(Encoded { payload, crc })
}

/// `None` where the bytes are no record; after the checksum passed that means a
/// newer program wrote them.
pub(super) fn decode(
    position: Position,
    appended_at: Timestamp,
    mut payload: Bytes,
) -> Option<Record> {
    let key_len = payload.try_get_u32_le().ok()? as usize;
    let key = take(&mut payload, key_len)?;
    let count = payload.try_get_u16_le().ok()?;
    let headers = Headers::split_from(&mut payload, count.into())?;
    Some(Record {
        position,
        appended_at,
        key,
        headers,
        body: payload,
    })
}

fn take(payload: &mut Bytes, len: usize) -> Option<Bytes> {
    (payload.len() >= len).then(|| payload.split_to(len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use schemas::topic::Topic;

    proptest! {
        #[test]
        fn decodes_what_it_encoded(
            key in prop::collection::vec(any::<u8>(), 0..40),
            headers in prop::collection::vec((".{0,12}", prop::collection::vec(any::<u8>(), 0..30)), 0..8),
            body in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            let record = NewRecord {
                topic: Topic::IncidentEvents,
                partition: Some(1),
                key: key.into(),
                headers: headers.into_iter().collect(),
                body: body.into(),
            };
            let encoded = encode(&record).unwrap();
            prop_assert_eq!(encoded.payload.len(), size(&record));
            let position = Position { topic: record.topic, partition: 1, offset: 9 };
            let decoded = decode(position, Timestamp::default(), encoded.payload).unwrap();
            prop_assert_eq!((decoded.key, decoded.headers, decoded.body), (record.key, record.headers, record.body));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let position = Position { topic: Topic::IncidentEvents, partition: 1, offset: 9 };
            let _ = decode(position, Timestamp::default(), bytes.into());
        }
    }
}
