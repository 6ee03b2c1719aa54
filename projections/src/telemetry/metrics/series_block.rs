//! The labels of series that were new in one flush: each text once, series as pairs
//! of references to texts. Ids are not stored: they follow from the labels.

use std::collections::HashMap;
use std::ops::Range;

use protocols::metrics::{Labels, SeriesId};

use crate::telemetry::bytes::{Damaged, Reader, put_column, put_varint};

const VERSION: u8 = 1;

/// Writes the labels of series in the order of their ordinals.
pub(crate) fn encode(series: &[Labels]) -> Vec<u8> {
    let mut texts = Texts::default();
    let mut pairs = Vec::with_capacity(series.len() * 16);
    for labels in series {
        put_varint(&mut pairs, labels.pairs().len() as u64);
        for (name, value) in labels.pairs() {
            put_varint(&mut pairs, texts.of(name));
            put_varint(&mut pairs, texts.of(value));
        }
    }
    let mut out = vec![VERSION];
    put_varint(&mut out, texts.known.len() as u64);
    put_column(&mut out, &texts.column);
    put_varint(&mut out, series.len() as u64);
    put_column(&mut out, &pairs);
    out
}

#[derive(Default)]
struct Texts<'a> {
    known: HashMap<&'a str, u64>,
    column: Vec<u8>,
}

impl<'a> Texts<'a> {
    fn of(&mut self, text: &'a str) -> u64 {
        let next = self.known.len() as u64;
        *self.known.entry(text).or_insert_with(|| {
            put_varint(&mut self.column, text.len() as u64);
            self.column.extend_from_slice(text.as_bytes());
            next
        })
    }
}

/// What a block holds: the labels of its series are pairs of references to texts. All
/// of a kind lie in one list, because a block has many of each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SeriesBlock {
    texts: String,
    text_ends: Vec<u32>,
    pairs: Vec<(u32, u32)>,
    series_ends: Vec<u32>,
}

impl SeriesBlock {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return Err(Damaged("series of another version"));
        }
        let mut block = Self::default();
        let count = reader.varint()?;
        block.read_texts(count, &reader.column()?)?;
        let count = reader.varint()?;
        block.read_series(count, &reader.column()?)?;
        Ok(block)
    }

    fn read_texts(&mut self, count: u64, column: &[u8]) -> Result<(), Damaged> {
        let mut reader = Reader::new(column);
        self.texts.reserve(column.len());
        for _ in 0..count {
            let length = reader.count(1)?;
            let text = std::str::from_utf8(reader.take(length)?);
            self.texts
                .push_str(text.map_err(|_| Damaged("a label is not text"))?);
            self.text_ends.push(end(self.texts.len())?);
        }
        Ok(())
    }

    fn read_series(&mut self, count: u64, column: &[u8]) -> Result<(), Damaged> {
        let mut reader = Reader::new(column);
        self.pairs.reserve(column.len() / 2);
        for _ in 0..count {
            for _ in 0..reader.count(2)? {
                let name = self.reference(&mut reader)?;
                let value = self.reference(&mut reader)?;
                self.pairs.push((name, value));
            }
            self.series_ends.push(end(self.pairs.len())?);
        }
        Ok(())
    }

    fn reference(&self, reader: &mut Reader<'_>) -> Result<u32, Damaged> {
        let at = u32::try_from(reader.varint()?).unwrap_or(u32::MAX);
        match (at as usize) < self.text_ends.len() {
            true => Ok(at),
            false => Err(Damaged("a label without text")),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.series_ends.len()
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        (0..self.text_ends.len()).map(|at| self.text(at))
    }

    /// Name and value of each label of each series, as places in the texts.
    pub(crate) fn series(&self) -> impl Iterator<Item = &[(u32, u32)]> {
        (0..self.len()).map(|at| self.pairs(at))
    }

    /// The ids of all series, in their order: labels are written in canonical order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u128> {
        let mut buffer = Vec::with_capacity(256);
        self.series().map(move |pairs| {
            let pairs = pairs.iter();
            let labels = pairs.map(|(n, v)| (self.text(*n as usize), self.text(*v as usize)));
            SeriesId::of(labels, &mut buffer).0
        })
    }

    /// The labels of the `at`-th series.
    pub(crate) fn labels(&self, at: usize) -> Labels {
        let text = |at: u32| self.text(at as usize).to_owned();
        let pairs = self.pairs(at).iter();
        Labels::new(pairs.map(|(n, v)| (text(*n), text(*v))).collect())
    }

    fn text(&self, at: usize) -> &str {
        &self.texts[range(&self.text_ends, at)]
    }

    fn pairs(&self, at: usize) -> &[(u32, u32)] {
        &self.pairs[range(&self.series_ends, at)]
    }
}

/// The `at`-th of parts that lie one behind the other.
pub(super) fn range(ends: &[u32], at: usize) -> Range<usize> {
    let start = at.checked_sub(1).map_or(0, |before| ends[before]);
    start as usize..ends[at] as usize
}

fn end(length: usize) -> Result<u32, Damaged> {
    u32::try_from(length).map_err(|_| Damaged("more labels than a block may have"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn labels_come_back(series in prop::collection::vec(prop::collection::vec(("[a-c]{1,2}", "\\PC{0,3}"), 0..5), 0..20)) {
            let series: Vec<_> = series.into_iter().map(Labels::new).collect();
            let block = SeriesBlock::decode(&encode(&series)).unwrap();
            let back: Vec<_> = (0..block.len()).map(|at| block.labels(at)).collect();
            let ids: Vec<_> = series.iter().map(|labels| labels.id().0).collect();
            prop_assert_eq!(block.ids().collect::<Vec<_>>(), ids);
            prop_assert_eq!(back, series);
        }

        #[test]
        fn any_bytes_are_read_or_refused(mut bytes: Vec<u8>) {
            bytes.insert(0, VERSION);
            let _either = SeriesBlock::decode(&bytes);
        }
    }
}
