//! Many texts in one piece of memory.

use crate::telemetry::bytes::{Damaged, Reader, put_varint};

/// Texts one after the other, and where each ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Texts {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<u32>,
}

impl Texts {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u32);
    }

    pub(super) fn begin(&self, at: usize) -> usize {
        at.checked_sub(1)
            .map_or(0, |before| self.ends[before] as usize)
    }

    pub(super) fn get(&self, at: usize) -> &[u8] {
        &self.bytes[self.begin(at)..self.ends[at] as usize]
    }

    /// Texts that came in as UTF-8 and so are.
    pub(super) fn str(&self, at: usize) -> &str {
        std::str::from_utf8(self.get(at)).unwrap_or("\u{FFFD}")
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|at| self.get(at))
    }

    /// Count, lengths, bytes.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.len() as u64);
        for text in self.iter() {
            put_varint(out, text.len() as u64);
        }
        out.extend_from_slice(&self.bytes);
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Damaged> {
        let count = bytes.size()?;
        let lengths = lengths(bytes, count)?;
        let total = lengths.last().map_or(0, |end| *end as usize);
        Self::of(bytes.take(total)?.to_vec(), lengths)
    }

    /// Checks that every text is UTF-8, so that nobody need do it again.
    pub(super) fn of(bytes: Vec<u8>, ends: Vec<u32>) -> Result<Self, Damaged> {
        let whole = std::str::from_utf8(&bytes).map_err(|_| Damaged("a text is not UTF-8"))?;
        match ends.iter().all(|end| whole.is_char_boundary(*end as usize)) {
            true => Ok(Self { bytes, ends }),
            false => Err(Damaged("a text ends inside a character")),
        }
    }
}

/// The same where they lie, for who wants some of them.
#[derive(Debug, Clone)]
pub(super) struct Borrowed<'a> {
    bytes: &'a [u8],
    ends: Vec<u32>,
}

impl<'a> Borrowed<'a> {
    /// What [`Texts::encode`] wrote.
    pub(super) fn read(bytes: &mut Reader<'a>) -> Result<Self, Damaged> {
        let count = bytes.size()?;
        let ends = lengths(bytes, count)?;
        let total = ends.last().map_or(0, |end| *end as usize);
        let bytes = bytes.take(total)?;
        Ok(Self { bytes, ends })
    }

    /// Texts up to these ends.
    pub(super) fn of(bytes: &'a [u8], ends: Vec<u32>) -> Result<Self, Damaged> {
        match ends.last().is_none_or(|end| *end as usize == bytes.len()) {
            true => Ok(Self { bytes, ends }),
            false => Err(Damaged("texts are missing")),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// One of them, which is UTF-8.
    pub(super) fn get(&self, at: usize) -> Result<&'a [u8], Damaged> {
        let end = *self.ends.get(at).ok_or(Damaged("a text is missing"))? as usize;
        let begin = at.checked_sub(1).map_or(0, |at| self.ends[at] as usize);
        let text = &self.bytes[begin..end];
        match std::str::from_utf8(text) {
            Ok(_) => Ok(text),
            Err(_) => Err(Damaged("a text is not UTF-8")),
        }
    }
}

/// So many lengths, as the ends they lead to.
pub(super) fn lengths(bytes: &mut Reader<'_>, count: usize) -> Result<Vec<u32>, Damaged> {
    if count > bytes.rest().len() {
        return Err(Damaged("lengths are missing"));
    }
    let mut ends = Vec::with_capacity(count);
    let mut end = 0u32;
    for _ in 0..count {
        let len = bytes.size()? as u32;
        end = end.checked_add(len).ok_or(Damaged("texts are too long"))?;
        ends.push(end);
    }
    Ok(ends)
}
