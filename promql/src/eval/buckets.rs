//! Quantiles and fractions of histograms, classic ones by their `le` label.

use super::Evaluator;
use crate::{
    QueryError,
    column::{self, Column, Grid, Series, is_absent},
    histogram, number,
    parse::ast::{Call, Expr},
    source::{Labels, NativeHistogram},
};
use protocols::metrics::NAME;
use std::collections::HashMap;

const LE: &str = "le";

/// Differences as small as this are rounding.
const TOLERANCE: f64 = 1e-12;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    upper: f64,
    count: f64,
}

/// What a step of a histogram is made of: its classic buckets, or a native histogram.
struct Histogram {
    labels: Labels,
    /// Bound and series.
    buckets: Vec<(f64, usize)>,
    natives: Vec<usize>,
}

/// Sorted, equal bounds added up; None without a `+Inf` bucket.
fn prepared(buckets: &mut Vec<Bucket>) -> Option<()> {
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    buckets.dedup_by(|later, first| {
        let same = later.upper == first.upper;
        if same {
            first.count += later.count;
        }
        same
    });
    (buckets.last()?.upper == f64::INFINITY).then_some(())
}

/// Counts never fall; whether one had to be raised for that.
fn monotonic(buckets: &mut [Bucket]) -> bool {
    let mut forced = false;
    let mut before = buckets[0].count;
    for bucket in &mut buckets[1..] {
        let close =
            (bucket.count - before).abs() <= TOLERANCE * bucket.count.abs().max(before.abs());
        if close {
            bucket.count = before;
        } else if bucket.count < before {
            bucket.count = before;
            forced = true;
        } else {
            before = bucket.count;
        }
    }
    forced
}

/// And whether the counts had to be fixed.
fn quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if q > 1.0 {
        return (f64::INFINITY, false);
    }
    if prepared(buckets).is_none() {
        return (f64::NAN, false);
    }
    let forced = monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 || observations.is_nan() {
        return (f64::NAN, forced);
    }
    let mut rank = q * observations;
    let at = buckets[..last].partition_point(|bucket| bucket.count < rank);
    if at == last {
        return (buckets[last - 1].upper, forced);
    }
    if at == 0 && buckets[0].upper <= 0.0 {
        return (buckets[0].upper, forced);
    }
    let Bucket { upper, mut count } = buckets[at];
    let mut lower = 0.0;
    if at > 0 {
        lower = buckets[at - 1].upper;
        count -= buckets[at - 1].count;
        rank -= buckets[at - 1].count;
    }
    (lower + (upper - lower) * (rank / count), forced)
}

fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if prepared(buckets).is_none() {
        return f64::NAN;
    }
    monotonic(buckets);
    let count = buckets[buckets.len() - 1].count;
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let mut ranks = [None, None];
    let mut rank = 0.0;
    let mut below = f64::NEG_INFINITY;
    for (at, bucket) in buckets.iter().enumerate() {
        if at == 0 && bucket.upper > 0.0 {
            below = 0.0;
        }
        for (bound, found) in [lower, upper].into_iter().zip(&mut ranks) {
            if found.is_some() {
                continue;
            }
            if below >= bound {
                *found = Some(rank);
            } else if bucket.upper > bound {
                let share = if below == f64::NEG_INFINITY {
                    1.0
                } else if bucket.upper == f64::INFINITY {
                    0.0
                } else {
                    (bound - below) / (bucket.upper - below)
                };
                *found = Some(rank + (bucket.count - rank) * share);
            }
        }
        rank = bucket.count;
        below = bucket.upper;
    }
    let [low, high] = ranks.map(|found| found.unwrap_or(count).min(count));
    (high - low) / count
}

impl Evaluator {
    /// The histograms of a vector, by their labels without `le`.
    fn histograms(&self, argument: &Expr, series: &[Series]) -> Vec<Histogram> {
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut found: Vec<Histogram> = Vec::new();
        for (at, one) in series.iter().enumerate() {
            let text = one.labels.get(LE).unwrap_or_default();
            let bound = text.parse::<f64>();
            let has_floats = one.column.values.iter().any(|value| !is_absent(*value));
            let has_natives = one.column.histograms.iter().any(Option::is_some);
            if has_floats && bound.is_err() {
                let name = one.labels.get(NAME).unwrap_or_default();
                let note = format!(
                    "bucket label \"le\" is missing or has a malformed value of {text:?} for \
                     metric name {name:?}"
                );
                self.notes.warn(&note, &self.spot(argument.place));
            }
            let mut place = |found: &mut Vec<Histogram>, labels: Labels| {
                let next = found.len();
                let place = *places.entry(labels.clone()).or_insert(next);
                if place == next {
                    found.push(Histogram {
                        labels,
                        buckets: Vec::new(),
                        natives: Vec::new(),
                    });
                }
                place
            };
            if has_natives {
                let place = place(&mut found, one.labels.clone());
                found[place].natives.push(at);
            }
            if let Ok(bound) = bound
                && has_floats
            {
                let place = place(&mut found, column::without(one.labels.clone(), LE));
                found[place].buckets.push((bound, at));
            }
        }
        found
    }

    /// One value per histogram and step.
    fn per_histogram(
        &self,
        argument: &Expr,
        series: &[Series],
        grid: Grid,
        of_native: impl Fn(&NativeHistogram, usize, &str) -> f64,
        of_classic: impl Fn(&mut Vec<Bucket>, usize, &str) -> f64,
    ) -> Vec<Series> {
        let mut found = Vec::new();
        let mut buckets = Vec::new();
        for one in self.histograms(argument, series) {
            let name = one.labels.get(NAME).unwrap_or_default();
            let mut column = Column::absent(grid.count);
            for step in 0..grid.count {
                buckets.clear();
                let there = one.buckets.iter().map(|(upper, at)| Bucket {
                    upper: *upper,
                    count: series[*at].column.values[step],
                });
                buckets.extend(there.filter(|bucket| !is_absent(bucket.count)));
                let natives = one.natives.iter();
                let native = natives
                    .filter_map(|at| series[*at].column.histogram(step))
                    .next();
                match native {
                    Some(_) if !buckets.is_empty() => {
                        let note = format!(
                            "vector contains a mix of classic and native histograms for metric \
                             name {name:?}"
                        );
                        self.notes.warn(&note, &self.spot(argument.place));
                    }
                    Some(native) => column.values[step] = of_native(native, step, name),
                    None if buckets.is_empty() => {}
                    None => column.values[step] = of_classic(&mut buckets, step, name),
                }
            }
            if !column.is_empty() {
                found.push(Series {
                    labels: column::without(one.labels, NAME),
                    column,
                });
            }
        }
        found
    }

    fn quantiles_of(
        &self,
        q_argument: &Expr,
        argument: &Expr,
        series: &[Series],
        grid: Grid,
    ) -> Result<(Vec<f64>, Vec<Series>), QueryError> {
        let q = self.scalar(q_argument, grid)?;
        for q in q.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
            self.warn_quantile(*q, &self.spot(q_argument.place));
        }
        let found = self.per_histogram(
            argument,
            series,
            grid,
            |native, step, name| {
                let value = histogram::quantile(native, q[step]);
                if (0.0..=1.0).contains(&q[step]) && histogram::has_nan(native) {
                    let result = if value.is_nan() {
                        "NaN"
                    } else {
                        "skewed higher"
                    };
                    let note = format!(
                        "input to histogram_quantile has NaN observations, result is {result} for \
                         metric name {name:?}"
                    );
                    self.notes.info(&note, &self.spot(argument.place));
                }
                value
            },
            |buckets, step, name| {
                let (value, forced) = quantile(q[step], buckets);
                if forced {
                    let note = format!(
                        "input to histogram_quantile needed to be fixed for monotonicity (see \
                         https://prometheus.io/docs/prometheus/latest/querying/functions/\
                         #histogram_quantile) for metric name {name:?}"
                    );
                    self.notes.info(&note, &self.spot(argument.place));
                }
                value
            },
        );
        Ok((q, found))
    }

    pub(super) fn histogram_quantile(
        &self,
        call: &Call,
        grid: Grid,
    ) -> Result<Vec<Series>, QueryError> {
        let argument = &call.arguments[1];
        let series = self.vector(argument, grid)?;
        let (_, found) = self.quantiles_of(&call.arguments[0], argument, &series, grid)?;
        column::merged(found)
    }

    /// One series per quantile, told apart by a label.
    pub(super) fn histogram_quantiles(
        &self,
        call: &Call,
        grid: Grid,
    ) -> Result<Vec<Series>, QueryError> {
        let argument = &call.arguments[0];
        let label = self.label_name(&call.arguments[1])?;
        let series = self.vector(argument, grid)?;
        let mut all = Vec::new();
        for q_argument in &call.arguments[2..] {
            let (q, found) = self.quantiles_of(q_argument, argument, &series, grid)?;
            let Some(q) = q.first() else {
                continue;
            };
            for Series { labels, column } in found {
                if labels.get(&label).is_some() {
                    return Err(QueryError::Execution(format!(
                        "label {label:?} of histogram_quantiles exists already"
                    )));
                }
                all.push(Series {
                    labels: column::with(labels, &label, &label_value(*q)),
                    column,
                });
            }
        }
        column::merged(all)
    }

    pub(super) fn histogram_fraction(
        &self,
        call: &Call,
        grid: Grid,
    ) -> Result<Vec<Series>, QueryError> {
        let lower = self.scalar(&call.arguments[0], grid)?;
        let upper = self.scalar(&call.arguments[1], grid)?;
        let argument = &call.arguments[2];
        let series = self.vector(argument, grid)?;
        let found = self.per_histogram(
            argument,
            &series,
            grid,
            |native, step, name| {
                if lower[step] < upper[step] && histogram::has_nan(native) {
                    let note = format!(
                        "input to histogram_fraction has NaN observations, which are excluded from \
                         all fractions for metric name {name:?}"
                    );
                    self.notes.info(&note, &self.spot(argument.place));
                }
                histogram::fraction(native, lower[step], upper[step])
            },
            |buckets, step, _| fraction(lower[step], upper[step], buckets),
        );
        column::merged(found)
    }
}

/// A quantile as a label's value.
fn label_value(q: f64) -> String {
    let text = number::shortest(q);
    if q.is_finite() && q.fract() == 0.0 {
        format!("{text}.0")
    } else {
        text
    }
}
