//! The column of one field: which rows have it, and its values as a dictionary
//! where they repeat, else one after the other.

use super::super::bytes::ReadMore;
use super::super::numbers::NumberMap;
use super::super::texts::Texts;
use crate::telemetry::bytes::{Damaged, Reader, put_varint};

const RAW: u8 = 0;
const DICTIONARY: u8 = 1;
/// As a dictionary, with a code for "as in the last row that has it".
const RUNS: u8 = 2;
/// From this many values on a code takes two bytes, which repeats are worth sparing.
const MANY: usize = 120;

/// Writes the values of all rows (numbers of texts; None: the row has no such field).
pub(super) fn encode(values: &[Option<u32>], texts: &Texts) -> Vec<u8> {
    let mut codes = NumberMap::default();
    let mut distinct = Vec::new();
    for id in values.iter().flatten() {
        codes.entry(*id).or_insert_with(|| {
            distinct.push(*id);
            distinct.len() as u64 - 1
        });
    }
    let present = values.iter().flatten().count();
    let mut out = Vec::new();
    if distinct.len() * 2 > present {
        out.push(RAW);
        presence(&mut out, values, present);
        put_texts(&mut out, values.iter().flatten().copied(), texts);
        return out;
    }
    let runs = distinct.len() > MANY;
    out.push(if runs { RUNS } else { DICTIONARY });
    put_varint(&mut out, distinct.len() as u64);
    put_texts(&mut out, distinct.iter().copied(), texts);
    let mut last = None;
    for value in values {
        let code = match value {
            None => 0,
            Some(_) if runs && *value == last => 1,
            Some(id) => codes[id] + if runs { 2 } else { 1 },
        };
        last = value.or(last);
        put_varint(&mut out, code);
    }
    out
}

/// One byte where all rows have it, else a bit per row.
fn presence(out: &mut Vec<u8>, values: &[Option<u32>], present: usize) {
    out.push(u8::from(present == values.len()));
    if present < values.len() {
        for chunk in values.chunks(8) {
            let bits = chunk.iter().enumerate();
            out.push(bits.fold(0, |byte, (at, value)| {
                byte | u8::from(value.is_some()) << at
            }));
        }
    }
}

/// All lengths, then all bytes.
pub(super) fn put_texts(out: &mut Vec<u8>, ids: impl Iterator<Item = u32> + Clone, texts: &Texts) {
    for id in ids.clone() {
        put_varint(out, texts.get(id).len() as u64);
    }
    for id in ids {
        out.extend_from_slice(texts.get(id).as_bytes());
    }
}

/// A column that was read: the value of row `n` is `texts[values[n]]`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Field {
    pub(crate) texts: Vec<String>,
    pub(crate) values: Vec<Option<u32>>,
}

impl Field {
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        let at = (*self.values.get(row)?)?;
        self.texts.get(at as usize).map(String::as_str)
    }

    pub(super) fn decode(raw: &[u8], rows: usize) -> Result<Self, Damaged> {
        let mut bytes = Reader::new(raw);
        let [sort] = bytes.array()?;
        match sort {
            RAW => Self::raw(bytes, rows),
            DICTIONARY => Self::dictionary(bytes, rows, 1),
            RUNS => Self::dictionary(bytes, rows, 2),
            _ => Err(Damaged("a field has an unknown form")),
        }
    }

    fn raw(mut bytes: Reader<'_>, rows: usize) -> Result<Self, Damaged> {
        let [all] = bytes.array()?;
        let bits = if all == 1 {
            &[][..]
        } else {
            bytes.take(rows.div_ceil(8))?
        };
        let has = |row: usize| all == 1 || bits[row / 8] & (1 << (row % 8)) != 0;
        let mut count = 0u32;
        let values = (0..rows).map(|row| {
            has(row).then(|| {
                count += 1;
                count - 1
            })
        });
        let values = values.collect();
        Ok(Self {
            texts: texts(&mut bytes, count as usize)?,
            values,
        })
    }

    /// Codes below `first` are no places in the dictionary.
    fn dictionary(mut bytes: Reader<'_>, rows: usize, first: u32) -> Result<Self, Damaged> {
        let distinct = bytes.size()?;
        let texts = texts(&mut bytes, distinct)?;
        let mut values = Vec::with_capacity(rows);
        let mut last = None;
        for _ in 0..rows {
            let value = match bytes.code()? {
                0 => None,
                code if code < first => last,
                code if ((code - first) as usize) < texts.len() => Some(code - first),
                _ => return Err(Damaged("a field's code has no value")),
            };
            last = value.or(last);
            values.push(value);
        }
        Ok(Self { texts, values })
    }
}

/// What [`put_texts`] wrote.
pub(super) fn texts(bytes: &mut Reader<'_>, count: usize) -> Result<Vec<String>, Damaged> {
    let lengths = (0..count)
        .map(|_| bytes.size())
        .collect::<Result<Vec<_>, _>>()?;
    lengths
        .into_iter()
        .map(|len| {
            let text = std::str::from_utf8(bytes.take(len)?);
            Ok(text.map_err(|_| Damaged("a text is not UTF-8"))?.to_owned())
        })
        .collect()
}
