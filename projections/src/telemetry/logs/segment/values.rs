//! The values of one field: as numbers, as bytes of hexadecimal ids, as a
//! dictionary, or as they are, whichever is the least.

use super::super::table::Hashed;
use super::super::texts::{Borrowed, Texts};
use crate::telemetry::bytes::{Damaged, Reader, put_signed, put_varint};

/// How values are written; on disk.
const PLAIN: u8 = 0;
const DICTIONARY: u8 = 1;
const INTEGERS: u8 = 2;
const HEX: u8 = 3;
const UUIDS: u8 = 4;

/// So many values tell whether a dictionary can pay.
const SAMPLE: usize = 512;
const UUID_DASHES: [usize; 4] = [8, 13, 18, 23];
const UUID_PARTS: [usize; 5] = [4, 2, 2, 2, 6];

/// Decoded values: a text each, or codes of distinct texts.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Decoded {
    pub(in super::super) texts: Texts,
    pub(in super::super) codes: Option<Vec<u32>>,
}

/// A field's distinct values are its tokens; the writer gets them back.
pub(super) fn encode<'a>(values: &[&'a [u8]], out: &mut Vec<u8>) -> Option<Vec<&'a [u8]>> {
    if let Some((distinct, codes)) = dictionary(values) {
        out.push(DICTIONARY);
        let mut texts = Texts::default();
        distinct.iter().for_each(|text| texts.push(text));
        texts.encode(out);
        put_codes(out, &codes, distinct.len());
        return Some(distinct);
    }
    let plain_from = out.len();
    if !(integers(values, out) || uuids(values, out) || hex_ids(values, out)) {
        out.truncate(plain_from);
        out.push(PLAIN);
        let mut texts = Texts::default();
        values.iter().for_each(|text| texts.push(text));
        texts.encode(out);
    }
    None
}

pub(super) fn decode(bytes: &mut Reader<'_>, count: usize) -> Result<Decoded, Damaged> {
    let texts = match bytes.byte()? {
        PLAIN => Texts::decode(bytes)?,
        INTEGERS => decode_integers(bytes, count)?,
        HEX => decode_hex(bytes, count)?,
        UUIDS => decode_uuids(bytes, count)?,
        DICTIONARY => {
            let texts = Texts::decode(bytes)?;
            let codes = codes(bytes, count, texts.len())?;
            return Ok(Decoded {
                texts,
                codes: Some(codes),
            });
        }
        _ => return Err(Damaged("values of an unknown kind")),
    };
    match texts.len() == count {
        true => Ok(Decoded { texts, codes: None }),
        false => Err(Damaged("values are missing")),
    }
}

/// The texts of those values of `count` whose numbers are `wanted`, in ascending order.
pub(super) fn decode_some(
    bytes: &mut Reader<'_>,
    count: usize,
    wanted: &[u32],
) -> Result<Texts, Damaged> {
    if wanted.last().is_some_and(|at| *at as usize >= count) {
        return Err(Damaged("values are missing"));
    }
    let wanted = wanted.iter().map(|at| *at as usize);
    let mut texts = Texts::default();
    match bytes.byte()? {
        INTEGERS => {
            let (mut last, mut read) = (0i64, 0);
            for at in wanted {
                for _ in read..=at {
                    last = last.wrapping_add(bytes.signed()?);
                }
                read = at + 1;
                push_integer(last, &mut texts);
            }
        }
        HEX => {
            let len = id_length(bytes)?;
            for at in wanted {
                push_id(&mut of_length(bytes, at, len)?, &[len], &mut texts)?;
            }
        }
        UUIDS => {
            for at in wanted {
                push_id(&mut of_length(bytes, at, 16)?, &UUID_PARTS, &mut texts)?;
            }
        }
        PLAIN => {
            let all = Borrowed::read(bytes)?;
            for at in wanted {
                texts.push(all.get(at)?);
            }
        }
        DICTIONARY => {
            let all = Borrowed::read(bytes)?;
            let codes = codes(bytes, count, all.len())?;
            for at in wanted {
                texts.push(all.get(codes[at] as usize)?);
            }
        }
        _ => return Err(Damaged("values of an unknown kind")),
    }
    Ok(texts)
}

/// The bytes of the id with number `at`.
fn of_length<'a>(bytes: &Reader<'a>, at: usize, len: usize) -> Result<Reader<'a>, Damaged> {
    let begin = at.saturating_mul(len);
    let id = bytes.rest().get(begin..begin.saturating_add(len));
    id.map(Reader::new).ok_or(Damaged("values are missing"))
}

/// Whether values that are written like these can have a text in them, which is in
/// lower case.
pub(super) fn may_have(kind: u8, text: &str) -> bool {
    let all = |fits: fn(u8) -> bool| text.bytes().all(fits);
    match kind {
        INTEGERS => all(|byte| byte.is_ascii_digit() || byte == b'-'),
        HEX => all(|byte| byte.is_ascii_hexdigit()),
        UUIDS => all(|byte| byte.is_ascii_hexdigit() || byte == b'-'),
        _ => true,
    }
}

/// Whether values that are written like these lie there as they are.
pub(super) fn are_texts(kind: u8) -> bool {
    matches!(kind, PLAIN | DICTIONARY)
}

/// Distinct values and a code each, where at most half of them are distinct.
fn dictionary<'a>(values: &[&'a [u8]]) -> Option<(Vec<&'a [u8]>, Vec<u32>)> {
    let mut known: Hashed<&[u8], u32> = Hashed::default();
    let mut distinct = Vec::new();
    let mut codes = Vec::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        if at == SAMPLE && distinct.len() > SAMPLE * 3 / 4 {
            return None;
        }
        codes.push(*known.entry(value).or_insert_with(|| {
            distinct.push(*value);
            distinct.len() as u32 - 1
        }));
    }
    (distinct.len() * 2 <= values.len() || distinct.len() == 1).then_some((distinct, codes))
}

/// One, two or four bytes a code, by how many there are.
pub(super) fn put_codes(out: &mut Vec<u8>, codes: &[u32], distinct: usize) {
    match distinct {
        0..=1 => {}
        2..=0x100 => out.extend(codes.iter().map(|code| *code as u8)),
        0x101..=0x1_0000 => out.extend(codes.iter().flat_map(|code| (*code as u16).to_le_bytes())),
        _ => out.extend(codes.iter().flat_map(|code| code.to_le_bytes())),
    }
}

pub(super) fn codes(
    bytes: &mut Reader<'_>,
    count: usize,
    distinct: usize,
) -> Result<Vec<u32>, Damaged> {
    let codes: Vec<u32> = match distinct {
        0 => return Err(Damaged("codes of nothing")),
        1 => vec![0; count],
        2..=0x100 => bytes
            .take(count)?
            .iter()
            .map(|code| u32::from(*code))
            .collect(),
        0x101..=0x1_0000 => {
            let (pairs, _) = bytes.take(count * 2)?.as_chunks::<2>();
            pairs
                .iter()
                .map(|pair| u16::from_le_bytes(*pair).into())
                .collect()
        }
        _ => {
            let (fours, _) = bytes.take(count * 4)?.as_chunks::<4>();
            fours.iter().map(|four| u32::from_le_bytes(*four)).collect()
        }
    };
    match codes.iter().all(|code| (*code as usize) < distinct) {
        true => Ok(codes),
        false => Err(Damaged("a code is unknown")),
    }
}

fn integers(values: &[&[u8]], out: &mut Vec<u8>) -> bool {
    let begin = out.len();
    out.push(INTEGERS);
    let mut last = 0i64;
    for value in values {
        let Some(number) = integer(value) else {
            out.truncate(begin);
            return false;
        };
        put_signed(out, number.wrapping_sub(last));
        last = number;
    }
    true
}

/// A number that is written again as it was.
fn integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.len() < 18 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    let number = digits
        .iter()
        .fold(0i64, |n, d| n * 10 + i64::from(d - b'0'));
    Some(if digits.len() == text.len() {
        number
    } else {
        -number
    })
}

fn decode_integers(bytes: &mut Reader<'_>, count: usize) -> Result<Texts, Damaged> {
    let mut texts = Texts::default();
    let mut last = 0i64;
    for _ in 0..count {
        last = last.wrapping_add(bytes.signed()?);
        push_integer(last, &mut texts);
    }
    Ok(texts)
}

fn push_integer(number: i64, texts: &mut Texts) {
    let mut text = itoa::Buffer::new();
    texts.push(text.format(number).as_bytes());
}

/// Ids of one even length in lower-case hexadecimal, as bytes.
fn hex_ids(values: &[&[u8]], out: &mut Vec<u8>) -> bool {
    let len = values[0].len();
    let fits = len.is_multiple_of(2) && len >= 8 && values.iter().all(|value| value.len() == len);
    let begin = out.len();
    out.push(HEX);
    put_varint(out, len as u64 / 2);
    if fits && values.iter().all(|value| put_hex(value, out)) {
        return true;
    }
    out.truncate(begin);
    false
}

fn uuids(values: &[&[u8]], out: &mut Vec<u8>) -> bool {
    let begin = out.len();
    out.push(UUIDS);
    if values.iter().all(|value| put_uuid(value, out)) {
        return true;
    }
    out.truncate(begin);
    false
}

fn put_uuid(value: &[u8], out: &mut Vec<u8>) -> bool {
    value.len() == 36
        && UUID_DASHES.iter().all(|at| value[*at] == b'-')
        && value.split(|byte| *byte == b'-').count() == 5
        && value
            .split(|byte| *byte == b'-')
            .all(|part| put_hex(part, out))
}

fn put_hex(value: &[u8], out: &mut Vec<u8>) -> bool {
    let (pairs, rest) = value.as_chunks::<2>();
    rest.is_empty()
        && pairs.iter().all(|[high, low]| {
            let (high, low) = (DIGIT[*high as usize], DIGIT[*low as usize]);
            out.push(high << 4 | low & 0xF);
            (high | low) & 0xF0 == 0
        })
}

/// Value of a lower-case hexadecimal digit, 0xFF for other bytes.
const DIGIT: [u8; 256] = {
    let mut table = [0xFF; 256];
    let mut at = 0;
    while at < 16 {
        table[HEX_DIGITS[at] as usize] = at as u8;
        at += 1;
    }
    table
};
const HEX_DIGITS: [u8; 16] = *b"0123456789abcdef";

/// Lower-case hexadecimal of some bytes.
pub(in super::super) fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        out.push(HEX_DIGITS[usize::from(byte >> 4)]);
        out.push(HEX_DIGITS[usize::from(byte & 0xF)]);
    }
}

fn decode_hex(bytes: &mut Reader<'_>, count: usize) -> Result<Texts, Damaged> {
    let len = id_length(bytes)?;
    let mut texts = Texts::default();
    for _ in 0..count {
        push_id(bytes, &[len], &mut texts)?;
    }
    Ok(texts)
}

fn id_length(bytes: &mut Reader<'_>) -> Result<usize, Damaged> {
    match bytes.size()? {
        0 => Err(Damaged("ids without bytes")),
        len => Ok(len),
    }
}

fn decode_uuids(bytes: &mut Reader<'_>, count: usize) -> Result<Texts, Damaged> {
    let mut texts = Texts::default();
    for _ in 0..count {
        push_id(bytes, &UUID_PARTS, &mut texts)?;
    }
    Ok(texts)
}

/// An id of so many bytes a part, with dashes between.
fn push_id(bytes: &mut Reader<'_>, parts: &[usize], texts: &mut Texts) -> Result<(), Damaged> {
    for (at, len) in parts.iter().enumerate() {
        if at > 0 {
            texts.bytes.push(b'-');
        }
        push_hex(bytes.take(*len)?, &mut texts.bytes);
    }
    texts.ends.push(texts.bytes.len() as u32);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind_after_round_trip(values: &[String]) -> u8 {
        let values: Vec<&[u8]> = values.iter().map(String::as_bytes).collect();
        let mut out = Vec::new();
        encode(&values, &mut out);
        let decoded = decode(&mut Reader::new(&out), values.len()).unwrap();
        for (at, value) in values.iter().enumerate() {
            let of = decoded
                .codes
                .as_ref()
                .map_or(at, |codes| codes[at] as usize);
            assert_eq!(decoded.texts.get(of), *value);
        }
        let some: Vec<u32> = (0..values.len() as u32).filter(|at| at % 3 != 1).collect();
        let texts = decode_some(&mut Reader::new(&out), values.len(), &some).unwrap();
        let expected: Vec<&[u8]> = some.iter().map(|at| values[*at as usize]).collect();
        assert_eq!(texts.iter().collect::<Vec<_>>(), expected);
        for value in values {
            let text = String::from_utf8_lossy(value).to_ascii_lowercase();
            assert!(may_have(out[0], &text), "{text:?} is in it");
        }
        out[0]
    }

    fn of<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
        values.into_iter().map(|value| value.to_string()).collect()
    }

    #[test]
    fn each_kind_of_value_finds_its_form() {
        let ids = (0..600u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        assert_eq!(kind_after_round_trip(&of(ids)), HEX);
        let uuids = (0..600u128).map(|n| uuid::Uuid::from_u128(n << 64 | n));
        assert_eq!(kind_after_round_trip(&of(uuids)), UUIDS);
        assert_eq!(kind_after_round_trip(&of(-300..300)), INTEGERS);
        assert_eq!(
            kind_after_round_trip(&of((0..600).map(|n| n % 3))),
            DICTIONARY
        );
        assert_eq!(
            kind_after_round_trip(&of((0..600).map(|n| format!("x{n}")))),
            PLAIN
        );
        let many = (0..200_000).map(|n| format!("x{}", n % 70_000));
        assert_eq!(kind_after_round_trip(&of(many)), PLAIN);
        let many = (0..200_000).map(|n| format!("x{}", n % 300));
        assert_eq!(kind_after_round_trip(&of(many)), DICTIONARY);
    }

    proptest! {
        #[test]
        fn all_values_come_back(values in proptest::collection::vec("-?[0-9]{0,20}|[0-9a-f]{8}|.{0,9}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", 1..40)) {
            kind_after_round_trip(&values);
        }

        #[test]
        fn numbers_come_back_as_they_were_written(values in proptest::collection::vec("-?[0-9]{1,20}", 1..40)) {
            kind_after_round_trip(&values);
        }

        #[test]
        fn ids_come_back(values in proptest::collection::vec("[0-9a-f]{12}", 1..40)) {
            kind_after_round_trip(&values);
        }
    }
}
