//! The labels of series that were new in one flush: each text once, series as pairs
//! of references to texts. Ids are not stored: they follow from the labels.

use std::collections::HashMap;

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

/// What a block holds: `series` are pairs of indices into `texts`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SeriesBlock {
    pub(crate) texts: Vec<String>,
    pub(crate) series: Vec<Vec<(u32, u32)>>,
}

impl SeriesBlock {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return Err(Damaged("series of another version"));
        }
        let count = reader.varint()?;
        let texts = read_texts(count, &reader.column()?)?;
        let count = reader.varint()?;
        let column = reader.column()?;
        let mut pairs = Reader::new(&column);
        let mut series = Vec::new();
        for _ in 0..count {
            let labels = (0..pairs.count(2)?).map(|_| {
                Ok((
                    reference(&mut pairs, &texts)?,
                    reference(&mut pairs, &texts)?,
                ))
            });
            series.push(labels.collect::<Result<_, _>>()?);
        }
        Ok(Self { texts, series })
    }

    /// The ids of all series, in their order: labels are written in canonical order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u128> {
        let mut buffer = Vec::with_capacity(256);
        let text = |at: &u32| &self.texts[*at as usize][..];
        self.series.iter().map(move |pairs| {
            let labels = pairs.iter().map(|(name, value)| (text(name), text(value)));
            SeriesId::of(labels, &mut buffer).0
        })
    }

    /// The labels of the `at`-th series.
    pub(crate) fn labels(&self, at: usize) -> Labels {
        let text = |at: u32| self.texts[at as usize].clone();
        let pairs = self.series[at].iter();
        Labels::new(pairs.map(|(n, v)| (text(*n), text(*v))).collect())
    }
}

fn read_texts(count: u64, column: &[u8]) -> Result<Vec<String>, Damaged> {
    let mut reader = Reader::new(column);
    let mut texts = Vec::new();
    for _ in 0..count {
        let length = reader.count(1)?;
        let text = String::from_utf8(reader.take(length)?.to_vec());
        texts.push(text.map_err(|_| Damaged("a label is not text"))?);
    }
    Ok(texts)
}

fn reference(reader: &mut Reader<'_>, texts: &[String]) -> Result<u32, Damaged> {
    let at = u32::try_from(reader.varint()?).unwrap_or(u32::MAX);
    match (at as usize) < texts.len() {
        true => Ok(at),
        false => Err(Damaged("a label without text")),
    }
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
            let back: Vec<_> = (0..block.series.len()).map(|at| block.labels(at)).collect();
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
