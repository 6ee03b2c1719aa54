//! The little of protobuf's wire format that bodies of the benches are written with.

/// A field of bytes, text or a message.
pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn put_varint(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3);
    put_number(out, value);
}

pub(crate) fn put_fixed64(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// OTLP's `KeyValue` with a text.
pub(crate) fn put_text_attribute(out: &mut Vec<u8>, field: u8, name: &str, value: &str) {
    let mut any = Vec::with_capacity(value.len() + 4);
    put_bytes(&mut any, 1, value.as_bytes());
    put_attribute(out, field, name, &any);
}

/// OTLP's `KeyValue` with a whole number.
pub(crate) fn put_number_attribute(out: &mut Vec<u8>, field: u8, name: &str, value: u64) {
    let mut any = Vec::with_capacity(12);
    put_varint(&mut any, 3, value);
    put_attribute(out, field, name, &any);
}

fn put_attribute(out: &mut Vec<u8>, field: u8, name: &str, any: &[u8]) {
    let mut pair = Vec::with_capacity(name.len() + any.len() + 8);
    put_bytes(&mut pair, 1, name.as_bytes());
    put_bytes(&mut pair, 2, any);
    put_bytes(out, field, &pair);
}

fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
