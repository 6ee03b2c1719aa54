//! The series of one project and day, found by their labels: what queries keep in
//! memory. It only grows; blocks are added as the fold writes them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use protocols::metrics::Labels;

use super::matching::Compiled;
use super::registry::HashedMap;
use super::series_block::{SeriesBlock, range};

/// Series are numbered as they come; texts too.
#[derive(Debug, Default)]
pub(crate) struct DayIndex {
    texts: Vec<Arc<str>>,
    known: HashMap<Arc<str>, u32>,
    ids: Vec<u128>,
    by_id: HashedMap<u32>,
    /// Labels of all series; those of the n-th end at `ends[n]`.
    labels: Vec<(u32, u32)>,
    ends: Vec<u32>,
    /// Series by ordinal.
    partitions: BTreeMap<i32, Vec<u32>>,
    /// Series, in order, of each value of each name.
    postings: HashMap<u32, HashMap<u32, Vec<u32>>>,
    bytes: usize,
}

impl DayIndex {
    /// How many ordinals of each partition are here.
    pub(crate) fn loaded(&self) -> impl Iterator<Item = (i32, i32)> + '_ {
        self.partitions
            .iter()
            .map(|(partition, all)| (*partition, i32::try_from(all.len()).unwrap_or(i32::MAX)))
    }

    /// Takes a block over; one that is here already, by another query, is left.
    pub(crate) fn add(&mut self, partition: i32, first_ordinal: i32, block: &SeriesBlock) {
        let here = self.partitions.entry(partition).or_default().len();
        if usize::try_from(first_ordinal) != Ok(here) {
            return;
        }
        let texts: Vec<u32> = block.texts().map(|text| self.text(text)).collect();
        for (id, pairs) in block.ids().zip(block.series()) {
            let series = match self.by_id.get(&id) {
                Some(series) => *series,
                None => self.series(
                    id,
                    pairs
                        .iter()
                        .map(|(n, v)| (texts[*n as usize], texts[*v as usize])),
                ),
            };
            self.partitions.entry(partition).or_default().push(series);
            self.bytes += 4;
        }
    }

    fn series(&mut self, id: u128, pairs: impl Iterator<Item = (u32, u32)>) -> u32 {
        let series = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        self.ids.push(id);
        self.by_id.insert(id, series);
        for (name, value) in pairs {
            self.labels.push((name, value));
            self.postings
                .entry(name)
                .or_default()
                .entry(value)
                .or_default()
                .push(series);
            self.bytes += 12;
        }
        self.ends
            .push(u32::try_from(self.labels.len()).unwrap_or(u32::MAX));
        self.bytes += 48;
        series
    }

    fn text(&mut self, text: &str) -> u32 {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        let next = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text: Arc<str> = text.into();
        self.bytes += text.len() + 64;
        self.texts.push(text.clone());
        self.known.insert(text, next);
        next
    }

    /// The series that all matchers accept, in order.
    pub(crate) fn find(&self, matchers: &[Compiled]) -> Vec<u32> {
        let mut lists = Vec::new();
        let mut rest = Vec::new();
        for matcher in matchers {
            match matcher.only() {
                Some(value) => match self.posting(&matcher.name, value) {
                    Some(list) => lists.push(list),
                    None => return Vec::new(),
                },
                None => rest.push(matcher),
            }
        }
        lists.sort_by_key(|list| list.len());
        let mut found: Vec<u32> = match lists.split_first() {
            None => (0..u32::try_from(self.ids.len()).unwrap_or(u32::MAX)).collect(),
            Some((shortest, others)) => shortest
                .iter()
                .copied()
                .filter(|series| others.iter().all(|list| list.binary_search(series).is_ok()))
                .collect(),
        };
        for matcher in rest {
            self.narrow(&mut found, matcher);
        }
        found
    }

    /// Asks the matcher once for each distinct value.
    fn narrow(&self, found: &mut Vec<u32>, matcher: &Compiled) {
        let without = matcher.accepts("");
        let Some(name) = self.known.get(matcher.name.as_str()).copied() else {
            if !without {
                found.clear();
            }
            return;
        };
        let mut asked: HashMap<u32, bool> = HashMap::new();
        found.retain(|series| match self.value(*series, name) {
            None => without,
            Some(value) => *asked
                .entry(value)
                .or_insert_with(|| matcher.accepts(&self.texts[value as usize])),
        });
    }

    fn posting(&self, name: &str, value: &str) -> Option<&Vec<u32>> {
        let (name, value) = (self.known.get(name)?, self.known.get(value)?);
        self.postings.get(name)?.get(value)
    }

    fn pairs(&self, series: u32) -> &[(u32, u32)] {
        &self.labels[range(&self.ends, series as usize)]
    }

    fn value(&self, series: u32, name: u32) -> Option<u32> {
        let mut pairs = self.pairs(series).iter();
        pairs.find(|pair| pair.0 == name).map(|pair| pair.1)
    }

    pub(crate) fn id(&self, series: u32) -> u128 {
        self.ids[series as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The series with this ordinal in a partition.
    pub(crate) fn of_ordinal(&self, partition: i32) -> &[u32] {
        self.partitions.get(&partition).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn labels(&self, series: u32) -> Labels {
        let text = |at: u32| self.texts[at as usize].to_string();
        let pairs = self.pairs(series).iter();
        Labels::new(pairs.map(|(n, v)| (text(*n), text(*v))).collect())
    }

    /// Names of labels that any of `found` has.
    pub(crate) fn names(&self, found: &[u32], to: &mut BTreeSet<Arc<str>>) {
        let mut seen = BTreeSet::new();
        if found.len() == self.len() {
            seen.extend(self.postings.keys());
        } else {
            for series in found {
                seen.extend(self.pairs(*series).iter().map(|(name, _)| *name));
            }
        }
        to.extend(
            seen.into_iter()
                .map(|name| self.texts[name as usize].clone()),
        );
    }

    /// Values that any of `found` has of label `name`.
    pub(crate) fn values(&self, name: &str, found: &[u32], to: &mut BTreeSet<Arc<str>>) {
        let Some(name) = self.known.get(name).copied() else {
            return;
        };
        let text = |value: u32| self.texts[value as usize].clone();
        if found.len() == self.len() {
            let all = self.postings.get(&name).into_iter().flatten();
            to.extend(all.map(|(value, _)| text(*value)));
        } else {
            let mut seen = BTreeSet::new();
            seen.extend(found.iter().filter_map(|series| self.value(*series, name)));
            to.extend(seen.into_iter().map(text));
        }
    }

    /// Bytes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use promql::source::{Comparison, Matcher};
    use proptest::prelude::*;

    use super::super::series_block::{SeriesBlock, encode};
    use super::*;

    fn index(series: &[Labels]) -> DayIndex {
        let mut index = DayIndex::default();
        let (first, second) = series.split_at(series.len() / 2);
        let block = |part: &[Labels]| SeriesBlock::decode(&encode(part)).unwrap();
        index.add(0, 0, &block(first));
        index.add(0, i32::try_from(first.len()).unwrap(), &block(second));
        index.add(0, 0, &block(first));
        index
    }

    fn labels() -> impl Strategy<Value = Labels> {
        prop::collection::vec(("[abc]", "[xyz]{0,2}"), 1..4).prop_map(Labels::new)
    }

    fn matcher() -> impl Strategy<Value = Matcher> {
        use Comparison::{Equal, Matches, MatchesNot, NotEqual};
        let comparison = prop_oneof![Just(Equal), Just(NotEqual), Just(Matches), Just(MatchesNot)];
        let value = prop_oneof![
            "[xyz]{0,2}",
            Just("x|y.*".to_owned()),
            Just(".+".to_owned())
        ];
        ("[abcd]", comparison, value).prop_map(|(name, comparison, value)| Matcher {
            name,
            comparison,
            value,
        })
    }

    proptest! {
        #[test]
        fn it_finds_what_asking_each_series_finds(
            series in prop::collection::vec(labels(), 0..30),
            matchers in prop::collection::vec(matcher(), 0..4),
        ) {
            let index = index(&series);
            let compiled = Compiled::all(&matchers).unwrap();
            let found: BTreeSet<_> = index.find(&compiled).into_iter().map(|s| index.labels(s)).collect();
            let accepted = |labels: &&Labels| compiled.iter().all(|m| m.accepts(labels.get(&m.name).unwrap_or_default()));
            let expected: BTreeSet<_> = series.iter().filter(accepted).cloned().collect();
            prop_assert_eq!(found, expected);
        }
    }
}
