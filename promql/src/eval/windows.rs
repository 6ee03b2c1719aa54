//! Functions of a window of samples. Two pointers follow the window along the series;
//! what a function sees is a slice.

use super::{Evaluator, spread};
use crate::{
    QueryError,
    column::{Column, Grid, Point},
    histogram::{self, is_custom},
    kahan::{Mean, Spread, Sum},
    number,
    parse::ast::{Call, Expr, ValueType},
    source::{Labels, NativeHistogram, Samples},
};
use protocols::metrics::{CounterReset, NAME};
use std::sync::Arc;

/// After how many samples in windows of one series to look at the clock.
const CHECK_EVERY: usize = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rate,
    Increase,
    Delta,
    Irate,
    Idelta,
    Deriv,
    PredictLinear,
    Smoothing,
    Resets,
    Changes,
    Avg,
    Sum,
    Min,
    Max,
    Count,
    Stddev,
    Stdvar,
    Last,
    First,
    Present,
    Quantile,
    Mad,
    TimeOfMin,
    TimeOfMax,
    TimeOfLast,
    TimeOfFirst,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "rate" => Self::Rate,
            "increase" => Self::Increase,
            "delta" => Self::Delta,
            "irate" => Self::Irate,
            "idelta" => Self::Idelta,
            "deriv" => Self::Deriv,
            "predict_linear" => Self::PredictLinear,
            "double_exponential_smoothing" | "holt_winters" => Self::Smoothing,
            "resets" => Self::Resets,
            "changes" => Self::Changes,
            "avg_over_time" => Self::Avg,
            "sum_over_time" => Self::Sum,
            "min_over_time" => Self::Min,
            "max_over_time" => Self::Max,
            "count_over_time" => Self::Count,
            "stddev_over_time" => Self::Stddev,
            "stdvar_over_time" => Self::Stdvar,
            "last_over_time" => Self::Last,
            "first_over_time" => Self::First,
            "present_over_time" | "absent_over_time" => Self::Present,
            "quantile_over_time" => Self::Quantile,
            "mad_over_time" => Self::Mad,
            "ts_of_min_over_time" => Self::TimeOfMin,
            "ts_of_max_over_time" => Self::TimeOfMax,
            "ts_of_last_over_time" => Self::TimeOfLast,
            "ts_of_first_over_time" => Self::TimeOfFirst,
            _ => return None,
        })
    }

    fn counts(self) -> bool {
        matches!(self, Self::Rate | Self::Increase | Self::Irate)
    }
}

/// A function with its scalar arguments per step.
pub(super) struct Windows {
    kind: Kind,
    scalars: Vec<Vec<f64>>,
    /// Of the range vector, and of the first argument.
    spots: [String; 2],
    /// One window for all steps, whose answer does not depend on the step.
    range_argument: usize,
}

/// What falls into one window.
struct Window<'a> {
    times: &'a [i64],
    values: &'a [f64],
    histograms: &'a [(i64, NativeHistogram)],
    from: i64,
    to: i64,
    now: i64,
    step: usize,
    /// Where within `values` a counter fell, for counters.
    falls: &'a [usize],
    first: usize,
}

/// Notes on one series.
struct Remarks<'a> {
    evaluator: &'a Evaluator,
    name: &'a str,
    spot: &'a str,
}

impl Remarks<'_> {
    fn warn(&self, text: &str) {
        self.evaluator
            .notes
            .warn(&format!("{text}{:?}", self.name), self.spot);
    }

    fn info(&self, text: &str) {
        self.evaluator
            .notes
            .info(&format!("{text}{:?}", self.name), self.spot);
    }

    fn mixed(&self) -> Point {
        self.warn("encountered a mix of histograms and floats for metric name ");
        Point::None
    }

    fn incompatible(&self) -> Point {
        self.warn(
            "vector contains a mix of histograms with exponential and custom buckets schemas for \
             metric name ",
        );
        Point::None
    }

    fn ignored(&self, window: &Window<'_>) {
        if !window.values.is_empty() && !window.histograms.is_empty() {
            self.info(
                "ignored histograms in a range containing both floats and histograms for metric \
                 name ",
            );
        }
    }

    fn effects(&self, effects: histogram::Effects, doing: &str) {
        if effects.reconciled {
            self.evaluator.notes.info(
                &format!("mismatched custom buckets were reconciled during {doing}"),
                self.spot,
            );
        }
        if effects.collision && doing != "subtraction" {
            self.evaluator.notes.warn(
                &format!("conflicting counter resets during histogram {doing}"),
                self.spot,
            );
        }
    }
}

impl Windows {
    /// None where the call is of another kind of function.
    pub(super) fn of(
        evaluator: &Evaluator,
        call: &Call,
        grid: Grid,
    ) -> Result<Option<Self>, QueryError> {
        if call.function.name == "absent_over_time" {
            return Ok(None);
        }
        Self::any(evaluator, call, grid)
    }

    pub(super) fn any(
        evaluator: &Evaluator,
        call: &Call,
        grid: Grid,
    ) -> Result<Option<Self>, QueryError> {
        let Some(kind) = Kind::named(call.function.name) else {
            return Ok(None);
        };
        let mut scalars = Vec::new();
        let mut range_argument = 0;
        for (at, argument) in call.arguments.iter().enumerate() {
            if argument.value_type() == ValueType::Scalar {
                scalars.push(evaluator.scalar(argument, grid)?);
            } else {
                range_argument = at;
            }
        }
        if kind == Kind::Smoothing {
            for (values, what) in scalars.iter().zip(["smoothing", "trend"]) {
                let symbol = &what[..1];
                if let Some(wrong) = values
                    .iter()
                    .find(|value| !(**value > 0.0 && **value < 1.0))
                {
                    return Err(QueryError::Execution(format!(
                        "invalid {what} factor. Expected: 0 < {symbol}f < 1, got: {wrong:.6}"
                    )));
                }
            }
        }
        Ok(Some(Self {
            kind,
            scalars,
            spots: [range_argument, 0].map(|at| evaluator.spot(call.arguments[at].place)),
            range_argument,
        }))
    }

    pub(super) fn argument<'c>(&self, call: &'c Call) -> &'c Expr {
        &call.arguments[self.range_argument]
    }

    pub(super) fn drops_name(&self) -> bool {
        !matches!(self.kind, Kind::Last | Kind::First)
    }

    pub(super) fn fill(
        &self,
        evaluator: &Evaluator,
        labels: &Labels,
        samples: &Samples,
        column: &mut Column,
        grid: Grid,
        window: &dyn Fn(i64) -> (i64, i64),
    ) {
        let remarks = Remarks {
            evaluator,
            name: labels.get(NAME).unwrap_or_default(),
            spot: &self.spots[0],
        };
        let falls: Vec<usize> = if self.kind.counts() {
            let fell = |pair: &(usize, &[f64])| pair.1[1] < pair.1[0];
            let pairs = samples.values.windows(2).enumerate();
            pairs.filter(fell).map(|(at, _)| at + 1).collect()
        } else {
            Vec::new()
        };
        let mut seen = 0;
        let (mut low, mut high) = (0, 0);
        let (mut low_histogram, mut high_histogram) = (0, 0);
        let times = &samples.times;
        let histograms = &samples.histograms;
        for step in 0..grid.count {
            let now = grid.time(step);
            let (from, to) = window(now);
            while times.get(low).is_some_and(|time| *time <= from) {
                low += 1;
            }
            high = high.max(low);
            while times.get(high).is_some_and(|time| *time <= to) {
                high += 1;
            }
            while histograms
                .get(low_histogram)
                .is_some_and(|(time, _)| *time <= from)
            {
                low_histogram += 1;
            }
            high_histogram = high_histogram.max(low_histogram);
            while histograms
                .get(high_histogram)
                .is_some_and(|(time, _)| *time <= to)
            {
                high_histogram += 1;
            }
            if low == high && low_histogram == high_histogram {
                continue;
            }
            seen += high - low + high_histogram - low_histogram;
            if seen > CHECK_EVERY {
                seen = 0;
                if evaluator.is_late() {
                    // Whoever counts the next series says so.
                    return;
                }
            }
            let point = self.point(
                &Window {
                    times: &times[low..high],
                    values: &samples.values[low..high],
                    histograms: &histograms[low_histogram..high_histogram],
                    from,
                    to,
                    now,
                    step,
                    falls: &falls,
                    first: low,
                },
                &remarks,
            );
            match point {
                Point::Float(value) => column.values[step] = value,
                point => column.set(step, point),
            }
        }
        if matches!(self.kind, Kind::Rate | Kind::Increase)
            && !remarks.name.is_empty()
            && !["_total", "_sum", "_count", "_bucket"]
                .iter()
                .any(|suffix| remarks.name.ends_with(suffix))
            && column
                .values
                .iter()
                .any(|value| !crate::column::is_absent(*value))
        {
            remarks.info(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ",
            );
        }
    }

    fn point(&self, w: &Window<'_>, remarks: &Remarks<'_>) -> Point {
        let seconds = |ms: i64| Point::Float(ms as f64 / 1000.0);
        match self.kind {
            Kind::Rate | Kind::Increase | Kind::Delta => self.extrapolated(w, remarks),
            Kind::Irate | Kind::Idelta => self.instant(w, remarks),
            Kind::Count => Point::Float((w.values.len() + w.histograms.len()) as f64),
            Kind::Present => Point::Float(1.0),
            Kind::Last | Kind::TimeOfLast => {
                let float = w.times.last();
                let histogram = w.histograms.last();
                let later = histogram.filter(|(time, _)| float.is_none_or(|float| time > float));
                match (self.kind, later, float) {
                    (Kind::Last, Some((_, h)), _) => Point::Histogram(Arc::new(h.clone())),
                    (Kind::Last, None, _) => w
                        .values
                        .last()
                        .map_or(Point::None, |value| Point::Float(*value)),
                    (_, Some((time, _)), _) => seconds(*time),
                    (_, None, float) => float.map_or(Point::None, |time| seconds(*time)),
                }
            }
            Kind::First | Kind::TimeOfFirst => {
                let float = w.times.first();
                let histogram = w.histograms.first();
                let earlier = histogram.filter(|(time, _)| float.is_none_or(|float| time < float));
                match (self.kind, earlier, float) {
                    (Kind::First, Some((_, h)), _) => Point::Histogram(Arc::new(h.clone())),
                    (Kind::First, None, _) => w
                        .values
                        .first()
                        .map_or(Point::None, |value| Point::Float(*value)),
                    (_, Some((time, _)), _) => seconds(*time),
                    (_, None, float) => float.map_or(Point::None, |time| seconds(*time)),
                }
            }
            Kind::Resets | Kind::Changes => self.turns(w),
            Kind::Avg | Kind::Sum => self.total(w, remarks),
            _ => self.floats(w, remarks),
        }
    }

    /// Functions that see floats only.
    fn floats(&self, w: &Window<'_>, remarks: &Remarks<'_>) -> Point {
        remarks.ignored(w);
        let Some(first) = w.values.first() else {
            return Point::None;
        };
        let rest = &w.values[1..];
        Point::Float(match self.kind {
            Kind::Min => rest.iter().fold(*first, |least, value| {
                if *value < least || least.is_nan() {
                    *value
                } else {
                    least
                }
            }),
            Kind::Max => rest.iter().fold(*first, |most, value| {
                if *value > most || most.is_nan() {
                    *value
                } else {
                    most
                }
            }),
            Kind::TimeOfMin | Kind::TimeOfMax => {
                let mut best = 0;
                for (at, value) in w.values.iter().enumerate() {
                    let known = w.values[best];
                    let better = if self.kind == Kind::TimeOfMin {
                        *value <= known
                    } else {
                        *value >= known
                    };
                    if better || known.is_nan() {
                        best = at;
                    }
                }
                w.times[best] as f64 / 1000.0
            }
            Kind::Stddev | Kind::Stdvar => {
                let mut spread = Spread::default();
                w.values.iter().for_each(|value| spread.add(*value));
                if self.kind == Kind::Stddev {
                    spread.variance().sqrt()
                } else {
                    spread.variance()
                }
            }
            Kind::Quantile => {
                let q = self.scalars[0][w.step];
                if !(0.0..=1.0).contains(&q) {
                    remarks.evaluator.warn_quantile(q, &self.spots[1]);
                }
                spread::quantile(q, &mut w.values.to_vec())
            }
            Kind::Mad => {
                let median = spread::quantile(0.5, &mut w.values.to_vec());
                let mut off: Vec<f64> = w.values.iter().map(|v| (v - median).abs()).collect();
                if off.iter().any(|value| value.is_nan()) {
                    f64::NAN
                } else {
                    spread::quantile(0.5, &mut off)
                }
            }
            _ if rest.is_empty() => return Point::None,
            Kind::Deriv => line(w, w.times[0]).0,
            Kind::PredictLinear => {
                let (slope, intercept) = line(w, w.now);
                slope * self.scalars[0][w.step] + intercept
            }
            _ => smoothed(w.values, self.scalars[0][w.step], self.scalars[1][w.step]),
        })
    }

    fn total(&self, w: &Window<'_>, remarks: &Remarks<'_>) -> Point {
        let Some(((_, first), rest)) = w.histograms.split_first() else {
            let mut sum = Sum::default();
            w.values.iter().for_each(|value| sum.add(*value));
            return Point::Float(if self.kind == Kind::Sum {
                sum.value()
            } else if sum.sum.is_finite() {
                let count = w.values.len() as f64;
                sum.sum / count + sum.lost / count
            } else {
                let mut mean = Mean::default();
                w.values.iter().for_each(|value| mean.add(*value));
                mean.value()
            });
        };
        if !w.values.is_empty() {
            return remarks.mixed();
        }
        let mut sum = first.clone();
        for (_, next) in rest {
            match histogram::add(&mut sum, next, 1.0) {
                Ok(effects) => remarks.effects(effects, "aggregation"),
                Err(_) => return remarks.incompatible(),
            }
        }
        if self.kind == Kind::Avg {
            sum = histogram::divide(&sum, w.histograms.len() as f64);
        }
        Point::Histogram(Arc::new(sum))
    }

    /// How often the value changed, or a counter began anew.
    fn turns(&self, w: &Window<'_>) -> Point {
        let (mut float, mut histogram) = (0, 0);
        let mut count = 0;
        let mut before: Option<Result<f64, &NativeHistogram>> = None;
        while float < w.times.len() || histogram < w.histograms.len() {
            let next = match (w.times.get(float), w.histograms.get(histogram)) {
                (Some(time), Some((other, _))) if time < other => Ok(w.values[float]),
                (Some(_), None) => Ok(w.values[float]),
                (_, Some((_, found))) => Err(found),
                (None, None) => break,
            };
            match next {
                Ok(_) => float += 1,
                Err(_) => histogram += 1,
            }
            let turned = match (before, next) {
                (None, _) => false,
                (Some(Ok(then)), Ok(now)) if self.kind == Kind::Resets => now < then,
                (Some(Ok(then)), Ok(now)) => now != then && !(now.is_nan() && then.is_nan()),
                (Some(Err(then)), Err(now)) if self.kind == Kind::Resets => {
                    histogram::was_reset(now, then)
                }
                (Some(Err(then)), Err(now)) => !histogram::equal(now, then),
                _ => true,
            };
            count += usize::from(turned);
            before = Some(next);
        }
        Point::Float(count as f64)
    }

    /// From the last two samples.
    fn instant(&self, w: &Window<'_>, remarks: &Remarks<'_>) -> Point {
        let rate = self.kind == Kind::Irate;
        let mut points: Vec<(i64, Result<f64, &NativeHistogram>)> = Vec::with_capacity(4);
        for at in w.times.len().saturating_sub(2)..w.times.len() {
            points.push((w.times[at], Ok(w.values[at])));
        }
        for (time, found) in &w.histograms[w.histograms.len().saturating_sub(2)..] {
            points.push((*time, Err(found)));
        }
        points.sort_by_key(|(time, _)| *time);
        let [.., (before, then), (time, now)] = points.as_slice() else {
            return Point::None;
        };
        let seconds = (time - before) as f64 / 1000.0;
        match (then, now) {
            (Ok(then), Ok(now)) => {
                let change = if rate && now < then { *now } else { now - then };
                Point::Float(if rate { change / seconds } else { change })
            }
            (Err(then), Err(now)) => {
                let gauges = [then, now].map(|h| h.reset == CounterReset::Gauge);
                if rate && (gauges[0] || gauges[1]) {
                    remarks.warn("this native histogram metric is not a counter: ");
                } else if !(rate || gauges[0] && gauges[1]) {
                    remarks.warn("this native histogram metric is not a gauge: ");
                }
                let mut change = (*now).clone();
                if !(rate && histogram::was_reset(now, then)) {
                    match histogram::add(&mut change, then, -1.0) {
                        Ok(effects) => remarks.effects(effects, "subtraction"),
                        Err(_) => return remarks.incompatible(),
                    }
                }
                if rate {
                    change = histogram::scale(&change, 1.0 / seconds);
                }
                change.reset = CounterReset::Gauge;
                Point::Histogram(Arc::new(histogram::compact(&change)))
            }
            _ => remarks.mixed(),
        }
    }

    /// The change over the window, as if its samples reached to both ends.
    fn extrapolated(&self, w: &Window<'_>, remarks: &Remarks<'_>) -> Point {
        let counter = self.kind != Kind::Delta;
        let (count, first, last, change);
        let mut histogram = None;
        if let [(begun, from), .., (ended, _)] = w.histograms {
            if !w.values.is_empty() {
                return remarks.mixed();
            }
            (count, first, last) = (w.histograms.len(), *begun, *ended);
            let Some(found) = histogram_change(w.histograms, counter, remarks) else {
                return Point::None;
            };
            change = (found.count, from.count);
            histogram = Some(found);
        } else if let [begun, .., ended] = w.times {
            if !w.histograms.is_empty() {
                return remarks.mixed();
            }
            (count, first, last) = (w.times.len(), *begun, *ended);
            let end = w.values.len() - 1;
            let mut difference = w.values[end] - w.values[0];
            if counter {
                let from = w.falls.partition_point(|at| *at <= w.first);
                for at in w.falls[from..]
                    .iter()
                    .take_while(|at| **at <= w.first + end)
                {
                    difference += w.values[at - w.first - 1];
                }
            }
            change = (difference, w.values[0]);
        } else {
            if !w.values.is_empty() && !w.histograms.is_empty() {
                return remarks.mixed();
            }
            return Point::None;
        }
        let sampled = (last - first) as f64 / 1000.0;
        let between = sampled / (count - 1) as f64;
        let threshold = between * 1.1;
        let mut start = (first - w.from) as f64 / 1000.0;
        let mut end = (w.to - last) as f64 / 1000.0;
        if start >= threshold {
            start = between / 2.0;
        }
        if counter && change.0 > 0.0 && change.1 >= 0.0 {
            // A counter is not taken below zero.
            start = start.min(sampled * (change.1 / change.0));
        }
        if end >= threshold {
            end = between / 2.0;
        }
        let mut factor = (sampled + start + end) / sampled;
        if self.kind == Kind::Rate {
            factor /= (w.to - w.from) as f64 / 1000.0;
        }
        match histogram {
            Some(found) => Point::Histogram(Arc::new(histogram::scale(&found, factor))),
            None => Point::Float(change.0 * factor),
        }
    }
}

fn histogram_change(
    points: &[(i64, NativeHistogram)],
    counter: bool,
    remarks: &Remarks<'_>,
) -> Option<NativeHistogram> {
    let (first, last) = (&points.first()?.1, &points.last()?.1);
    let gauge = |h: &NativeHistogram| h.reset == CounterReset::Gauge;
    if counter && points.iter().any(|(_, h)| gauge(h)) {
        remarks.warn("this native histogram metric is not a counter: ");
    } else if !(counter || gauge(first) && gauge(last)) {
        remarks.warn("this native histogram metric is not a gauge: ");
    }
    // What was before a reset does not count, and so neither do its buckets.
    let second = &points.get(1)?.1;
    let nothing = NativeHistogram {
        schema: second.schema,
        custom_bounds: second.custom_bounds.clone(),
        ..NativeHistogram::default()
    };
    let first = if counter && histogram::was_reset(second, first) {
        &nothing
    } else {
        first
    };
    let others: &[(i64, NativeHistogram)] = if counter { &points[1..] } else { &[] };
    let mut others = others.iter().map(|(_, h)| h).chain([last]);
    if others.any(|h| is_custom(h) != is_custom(first)) {
        remarks.incompatible();
        return None;
    }
    let mut change = last.clone();
    let mut add =
        |other: &NativeHistogram, sign: f64| match histogram::add(&mut change, other, sign) {
            Ok(effects) => remarks.effects(
                effects,
                if sign < 0.0 {
                    "subtraction"
                } else {
                    "addition"
                },
            ),
            Err(_) => {
                remarks.incompatible();
            }
        };
    add(first, -1.0);
    if counter {
        for pair in points[1..].windows(2) {
            if histogram::was_reset(&pair[1].1, &pair[0].1) {
                add(&pair[0].1, 1.0);
            }
        }
    }
    change.reset = CounterReset::Gauge;
    Some(histogram::compact(&change))
}

/// Slope per second and value at `zero` of the least squares line.
fn line(w: &Window<'_>, zero: i64) -> (f64, f64) {
    let first = w.values[0];
    if w.values.iter().all(|value| *value == first) {
        return if first.is_infinite() {
            (f64::NAN, f64::NAN)
        } else {
            (0.0, first)
        };
    }
    let [mut x_sum, mut y_sum, mut xy_sum, mut xx_sum] = [Sum::default(); 4];
    for (time, y) in w.times.iter().zip(w.values) {
        let x = (time - zero) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(*y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    let n = w.values.len() as f64;
    let [x, y, xy, xx] = [x_sum, y_sum, xy_sum, xx_sum].map(|sum| sum.sum + sum.lost);
    let slope = (xy - x * y / n) / (xx - x * x / n);
    (slope, y / n - slope * x / n)
}

fn smoothed(values: &[f64], smoothing: f64, trend: f64) -> f64 {
    let (mut before, mut level) = (0.0, values[0]);
    let mut slope = values[1] - values[0];
    for (at, value) in values.iter().enumerate().skip(1) {
        if at > 1 {
            slope = trend * (level - before) + (1.0 - trend) * slope;
        }
        let next = smoothing * value + (1.0 - smoothing) * (level + slope);
        before = level;
        level = next;
    }
    level
}

impl Evaluator {
    pub(super) fn warn_quantile(&self, q: f64, spot: &str) {
        let note = format!(
            "quantile value should be between 0 and 1, got {}",
            number::shortest(q)
        );
        self.notes.warn(&note, spot);
    }
}
