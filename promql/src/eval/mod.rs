//! Evaluation of an expression over all steps at once.

mod aggregate;
mod binary;
mod buckets;
mod calls;
mod chain;
mod join;
mod labels;
mod math;
mod spread;
mod windows;

use crate::{
    QueryError,
    budget::{HISTOGRAM_BYTES, SERIES_BYTES, Share, VALUE_BYTES, labels_bytes},
    column::{Bounds, Column, Grid, Series},
    engine::{self, Cost, Limits, Sample, Until},
    notes::Notes,
    parse::{
        self,
        ast::{Expr, Kind, Place, ValueType},
    },
    source::{Labels, Samples, SeriesSet},
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

/// One query's evaluation: what was fetched, and what it may cost.
pub(crate) struct Evaluator {
    text: String,
    query: Bounds,
    lookback_ms: i64,
    sets: Vec<Mutex<Option<Box<dyn SeriesSet>>>>,
    limits: Limits,
    until: Until,
    share: Arc<Share>,
    held: AtomicU64,
    read: AtomicU64,
    pub(crate) notes: Notes,
}

impl Evaluator {
    pub(crate) fn new(
        text: String,
        query: Bounds,
        lookback_ms: i64,
        sets: Vec<Box<dyn SeriesSet>>,
        limits: Limits,
        until: Until,
        share: Arc<Share>,
    ) -> Self {
        Self {
            text,
            query,
            lookback_ms,
            sets: sets.into_iter().map(|set| Mutex::new(Some(set))).collect(),
            limits,
            until,
            share,
            held: AtomicU64::new(0),
            read: AtomicU64::new(0),
            notes: Notes::default(),
        }
    }

    /// Where in the query, as notes end.
    fn spot(&self, place: Place) -> String {
        parse::spot(&self.text, place)
    }

    /// Counts values that stay, once per series.
    fn pay(&self, values: usize) -> Result<(), QueryError> {
        count(&self.held, values, self.limits.max_samples, "held")?;
        let bytes = SERIES_BYTES + values * VALUE_BYTES;
        self.share.take_blocking(bytes)?;
        self.check_time()
    }

    /// Pays for what a series that stays has besides floats.
    fn pay_whole(&self, labels: &Labels, column: &Column) -> Result<(), QueryError> {
        self.pay(column.values.len())?;
        let histograms = column.histograms.iter().flatten().count();
        let bytes = labels_bytes(labels) + histograms * HISTOGRAM_BYTES;
        Ok(self.share.take_blocking(bytes)?)
    }

    /// Pays for samples of an answer: each is larger than the value that it was.
    pub(crate) fn pay_answer(&self, samples: usize) -> Result<(), QueryError> {
        let more = size_of::<(i64, Sample)>().saturating_sub(VALUE_BYTES);
        Ok(self.share.take_blocking(samples * more)?)
    }

    /// Counts samples read, once per series.
    fn pay_read(&self, samples: &Samples) -> Result<(), QueryError> {
        let values = samples.times.len() + 10 * samples.histograms.len();
        count(&self.read, values, self.limits.max_read, "read")?;
        self.check_time()
    }

    pub(crate) fn cost(&self) -> Cost {
        Cost {
            read: self.read.load(Ordering::Relaxed),
            held: self.held.load(Ordering::Relaxed),
        }
    }

    fn is_late(&self) -> bool {
        self.until.is_over()
    }

    pub(crate) fn check_time(&self) -> Result<(), QueryError> {
        if self.is_late() {
            return Err(QueryError::Timeout(self.limits.timeout));
        }
        Ok(())
    }

    /// What was fetched for a selector; each is read once.
    fn set(&self, id: usize) -> Result<Box<dyn SeriesSet>, QueryError> {
        let taken = self
            .sets
            .get(id)
            .and_then(|set| set.lock().ok().and_then(|mut set| set.take()));
        taken.ok_or_else(|| QueryError::Execution("a selector was evaluated twice".to_owned()))
    }

    pub(crate) fn scalar(&self, expr: &Expr, grid: Grid) -> Result<Vec<f64>, QueryError> {
        match &expr.kind {
            Kind::Number(value) => Ok(vec![*value; grid.count]),
            Kind::Paren(inner) => self.scalar(inner, grid),
            Kind::Unary { minus, inner } => {
                let mut values = self.scalar(inner, grid)?;
                if *minus {
                    values.iter_mut().for_each(|value| *value = -*value);
                }
                Ok(values)
            }
            Kind::Binary(binary) => {
                let mut values = self.scalar(&binary.left, grid)?;
                let right = self.scalar(&binary.right, grid)?;
                for (left, right) in values.iter_mut().zip(right) {
                    *left = binary::number(binary.op, *left, right);
                }
                Ok(values)
            }
            Kind::Call(call) => self.scalar_call(call, grid),
            _ => Err(unexpected(expr, "a scalar")),
        }
    }

    pub(crate) fn text(&self, expr: &Expr) -> Result<Vec<u8>, QueryError> {
        match &expr.bare().kind {
            Kind::Text(text) => Ok(text.clone()),
            _ => Err(unexpected(expr, "a string")),
        }
    }

    pub(crate) fn vector(&self, expr: &Expr, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let chain = self.chain(expr, grid)?;
        self.collect(chain, grid)
    }

    /// What no chain does one series at a time.
    fn whole(&self, expr: &Expr, grid: Grid) -> Result<Vec<Series>, QueryError> {
        match &expr.kind {
            Kind::Binary(binary) => self.binary(binary, expr.place, grid),
            Kind::Aggregate(aggregate) => self.aggregate(aggregate, grid),
            Kind::Call(call) => self.call(call, grid),
            _ => Err(unexpected(expr, "a vector")),
        }
    }

    /// The samples of a range vector at one instant.
    pub(crate) fn matrix(
        &self,
        expr: &Expr,
        grid: Grid,
    ) -> Result<Vec<engine::Samples>, QueryError> {
        let range = self.range(expr, grid)?;
        let (from, to) = range.window(grid.start_ms);
        let mut set = range.set;
        let mut found = Vec::new();
        let mut samples = Samples::default();
        while let Some(labels) = set.next(&mut samples)? {
            self.pay(samples.times.len() + 10 * samples.histograms.len())?;
            chain::drop_stale(&mut samples);
            let within = |time: &i64| *time > from && *time <= to;
            let floats = samples.times.iter().zip(&samples.values);
            let mut points: Vec<_> = floats
                .filter(|(time, _)| within(time))
                .map(|(time, value)| (*time, Sample::Float(*value)))
                .collect();
            let histograms = samples.histograms.drain(..);
            points.extend(
                histograms
                    .filter(|(time, _)| within(time))
                    .map(|(time, histogram)| (time, Sample::Histogram(histogram.into()))),
            );
            points.sort_by_key(|(time, _)| *time);
            if !points.is_empty() {
                self.pay_answer(points.len())?;
                points.shrink_to_fit();
                found.push((labels, points));
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }
}

fn count(counter: &AtomicU64, values: usize, limit: u64, what: &str) -> Result<(), QueryError> {
    let counted = counter.fetch_add(values as u64, Ordering::Relaxed) + values as u64;
    if counted > limit {
        return Err(QueryError::Execution(format!(
            "query processing would load too many samples into memory in query execution: {counted} {what}, of {limit} at most"
        )));
    }
    Ok(())
}

fn unexpected(expr: &Expr, wanted: &str) -> QueryError {
    let found: ValueType = expr.value_type();
    QueryError::Execution(format!("expected {wanted}, got {}", found.described()))
}
