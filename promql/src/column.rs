//! Values of one series over all steps of an evaluation, and the steps.

use crate::{
    QueryError,
    source::{Labels, NativeHistogram},
};
use protocols::metrics::STALE;
use std::{collections::HashMap, sync::Arc};

/// A step without a value. Evaluation never lets a stale marker through, so that its
/// bits are free to say this; arithmetic does not produce them.
pub(crate) const ABSENT: f64 = f64::from_bits(STALE);

#[inline]
pub(crate) fn is_absent(value: f64) -> bool {
    value.to_bits() == STALE
}

/// When an expression is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) start_ms: i64,
    pub(crate) step_ms: i64,
    pub(crate) count: usize,
}

impl Grid {
    pub(crate) fn time(&self, step: usize) -> i64 {
        self.start_ms + self.step_ms * step as i64
    }

    pub(crate) fn end_ms(&self) -> i64 {
        self.time(self.count.saturating_sub(1))
    }
}

/// What was asked for: the end need not be a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) step_ms: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Point {
    None,
    Float(f64),
    Histogram(Arc<NativeHistogram>),
}

/// Floats, or [`ABSENT`]; histograms only where the series has some.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Column {
    pub(crate) values: Vec<f64>,
    pub(crate) histograms: Vec<Option<Arc<NativeHistogram>>>,
}

impl Column {
    pub(crate) fn clear(&mut self, count: usize) {
        self.values.clear();
        self.values.resize(count, ABSENT);
        self.histograms.clear();
    }

    pub(crate) fn absent(count: usize) -> Self {
        let mut column = Self::default();
        column.clear(count);
        column
    }

    pub(crate) fn histogram(&self, step: usize) -> Option<&Arc<NativeHistogram>> {
        self.histograms.get(step).and_then(Option::as_ref)
    }

    pub(crate) fn get(&self, step: usize) -> Point {
        match self.histogram(step) {
            Some(histogram) => Point::Histogram(Arc::clone(histogram)),
            None if is_absent(self.values[step]) => Point::None,
            None => Point::Float(self.values[step]),
        }
    }

    pub(crate) fn set(&mut self, step: usize, point: Point) {
        let histogram = match point {
            Point::None => None,
            Point::Float(value) => {
                self.values[step] = value;
                None
            }
            Point::Histogram(histogram) => {
                self.values[step] = ABSENT;
                Some(histogram)
            }
        };
        if histogram.is_some() && self.histograms.is_empty() {
            self.histograms.resize(self.values.len(), None);
        }
        if let Some(place) = self.histograms.get_mut(step) {
            *place = histogram;
        }
    }

    pub(crate) fn remove(&mut self, step: usize) {
        self.values[step] = ABSENT;
        if let Some(place) = self.histograms.get_mut(step) {
            *place = None;
        }
    }

    pub(crate) fn has(&self, step: usize) -> bool {
        !is_absent(self.values[step]) || self.histogram(step).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        (0..self.values.len()).all(|step| !self.has(step))
    }

    /// Only the floats remain.
    pub(crate) fn drop_histograms(&mut self) {
        self.histograms.clear();
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) column: Column,
}

/// Labels without the one named.
pub(crate) fn without(labels: Labels, name: &str) -> Labels {
    if labels.get(name).is_none() {
        return labels;
    }
    let mut pairs = labels.into_pairs();
    pairs.retain(|(known, _)| known != name);
    Labels::new(pairs)
}

/// Labels with one set, or removed where the value is empty.
pub(crate) fn with(labels: Labels, name: &str, value: &str) -> Labels {
    let mut pairs = without(labels, name).into_pairs();
    pairs.push((name.to_owned(), value.to_owned()));
    Labels::new(pairs)
}

/// Series whose labels became equal are one, if never two of them have a value at once.
pub(crate) fn merged(series: Vec<Series>) -> Result<Vec<Series>, QueryError> {
    let mut places: HashMap<u64, Vec<usize>> = HashMap::with_capacity(series.len());
    let mut found: Vec<Series> = Vec::with_capacity(series.len());
    for one in series {
        let same = places.entry(hash(&one.labels)).or_default();
        match same.iter().find(|at| found[**at].labels == one.labels) {
            None => {
                same.push(found.len());
                found.push(one);
            }
            Some(at) => {
                let into = &mut found[*at].column;
                for step in 0..one.column.values.len() {
                    if one.column.has(step) {
                        if into.has(step) {
                            return Err(QueryError::Execution(
                                "vector cannot contain metrics with the same labelset".to_owned(),
                            ));
                        }
                        into.set(step, one.column.get(step));
                    }
                }
            }
        }
    }
    Ok(found)
}

pub(crate) fn hash(labels: &Labels) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    for (name, value) in labels.pairs() {
        hasher.update(name.as_bytes());
        hasher.update(&[0xff]);
        hasher.update(value.as_bytes());
        hasher.update(&[0xff]);
    }
    hasher.digest()
}
