//! A source in memory, for tests.

use async_trait::async_trait;
use promql::source::{
    Comparison, Exemplar, Family, Labels, Matcher, MetricKind, MetricStore, Samples, Selection,
    SeriesSet, SeriesSource, SourceError, Which,
};
use std::collections::{BTreeMap, BTreeSet};

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

impl Memory {
    fn which<'w>(&'w self, which: &'w Which) -> impl Iterator<Item = &'w Labels> {
        let within = |time: &i64| *time >= which.from_ms && *time <= which.to_ms;
        let there = move |samples: &Samples| {
            samples.times.iter().any(within)
                || samples.histograms.iter().any(|(time, _)| within(time))
        };
        let fitting = move |labels: &Labels| {
            let fits = |matchers: &Vec<Matcher>| matchers.iter().all(|one| fits(labels, one));
            which.selectors.is_empty() || which.selectors.iter().any(fits)
        };
        self.series
            .iter()
            .filter(move |(labels, samples)| fitting(labels) && there(samples))
            .map(|(labels, _)| labels)
    }
}

#[async_trait]
impl MetricStore for Memory {
    async fn series(&self, which: &Which) -> Result<Vec<Labels>, SourceError> {
        Ok(self.which(which).take(which.limit).cloned().collect())
    }

    async fn label_names(&self, which: &Which) -> Result<Vec<String>, SourceError> {
        let pairs = self.which(which).flat_map(Labels::pairs);
        let names: BTreeSet<_> = pairs.map(|(name, _)| name.clone()).collect();
        Ok(names.into_iter().take(which.limit).collect())
    }

    async fn label_values(&self, name: &str, which: &Which) -> Result<Vec<String>, SourceError> {
        let values = self.which(which).filter_map(|labels| labels.get(name));
        let values: BTreeSet<_> = values.map(str::to_owned).collect();
        Ok(values.into_iter().take(which.limit).collect())
    }

    async fn metadata(
        &self,
        family: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Family>, SourceError> {
        let named = Family {
            name: "http_requests_total".to_owned(),
            kind: MetricKind::Counter,
            help: "Requests".to_owned(),
            unit: String::new(),
        };
        let wanted = family.is_none_or(|family| family == named.name);
        Ok([named].into_iter().filter(|_| wanted).take(limit).collect())
    }

    async fn exemplars(&self, which: &Which) -> Result<Vec<(Labels, Vec<Exemplar>)>, SourceError> {
        let of_one = |labels: &Labels| {
            let exemplar = Exemplar {
                labels: Labels::new(vec![("trace_id".to_owned(), "abc".to_owned())]),
                value: 0.25,
                time_ms: 1500,
            };
            (labels.clone(), vec![exemplar])
        };
        Ok(self.which(which).map(of_one).collect())
    }
}
