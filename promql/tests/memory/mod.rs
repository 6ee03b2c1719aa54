//! A source in memory, for tests.

use async_trait::async_trait;
use promql::source::{
    Comparison, Labels, Matcher, Samples, Selection, SeriesSet, SeriesSource, SourceError,
};
use std::collections::BTreeMap;

#[derive(Debug, Default, Clone)]
pub(crate) struct Memory {
    pub(crate) series: BTreeMap<Labels, Samples>,
}

impl Memory {
    /// Appends what is newer than what is there.
    pub(crate) fn append(&mut self, labels: Labels, samples: Samples) {
        let known = self.series.entry(labels).or_default();
        let latest = |samples: &Samples| {
            let float = samples.times.last().copied();
            float.max(samples.histograms.last().map(|(time, _)| *time))
        };
        let before = latest(known);
        for (time, value) in samples.times.into_iter().zip(samples.values) {
            if before.is_none_or(|before| time > before) {
                known.times.push(time);
                known.values.push(value);
            }
        }
        let histograms = samples.histograms.into_iter();
        known
            .histograms
            .extend(histograms.filter(|(time, _)| before.is_none_or(|before| *time > before)));
    }

    pub(crate) fn matching(
        &self,
        matchers: &[Matcher],
    ) -> impl Iterator<Item = (&Labels, &Samples)> {
        self.series
            .iter()
            .filter(move |(labels, _)| matchers.iter().all(|matcher| fits(labels, matcher)))
    }
}

fn fits(labels: &Labels, matcher: &Matcher) -> bool {
    let value = labels.get(&matcher.name).unwrap_or_default();
    let matches = || promql::anchored(&matcher.value).is_ok_and(|regex| regex.is_match(value));
    match matcher.comparison {
        Comparison::Equal => value == matcher.value,
        Comparison::NotEqual => value != matcher.value,
        Comparison::Matches => matches(),
        Comparison::MatchesNot => !matches(),
    }
}

struct Set {
    series: Vec<(Labels, Samples)>,
}

impl SeriesSet for Set {
    fn next(&mut self, samples: &mut Samples) -> Result<Option<Labels>, SourceError> {
        samples.clear();
        Ok(self.series.pop().map(|(labels, found)| {
            *samples = found;
            labels
        }))
    }

    fn split(&mut self, parts: usize) -> Vec<Box<dyn SeriesSet>> {
        let share = self.series.len().div_ceil(parts + 1);
        (0..parts)
            .map(|_| {
                let at = self.series.len().saturating_sub(share);
                let series = self.series.split_off(at);
                Box::new(Set { series }) as Box<dyn SeriesSet>
            })
            .collect()
    }
}

#[async_trait]
impl SeriesSource for Memory {
    async fn select(&self, selection: &Selection) -> Result<Box<dyn SeriesSet>, SourceError> {
        let within = |time: i64| time > selection.from_ms && time <= selection.to_ms;
        let mut found = Vec::new();
        for (labels, all) in self.matching(&selection.matchers) {
            let mut samples = Samples::default();
            for (time, value) in all.times.iter().zip(&all.values) {
                if within(*time) {
                    samples.times.push(*time);
                    samples.values.push(*value);
                }
            }
            let histograms = all.histograms.iter().filter(|(time, _)| within(*time));
            samples.histograms = histograms.cloned().collect();
            if !samples.is_empty() {
                found.push((labels.clone(), samples));
            }
        }
        Ok(Box::new(Set { series: found }))
    }
}
