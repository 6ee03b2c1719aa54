//! Arithmetic on native histograms, as Prometheus defines it (model/histogram).

use crate::number::shortest;
use protocols::metrics::{CounterReset, NativeHistogram, STALE, Span};
use std::collections::BTreeMap;

pub use protocols::metrics::CUSTOM_BOUNDS as CUSTOM;

/// One side's counts by index.
type Counts = BTreeMap<i32, f64>;

/// Exponential and custom buckets do not mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incompatible;

/// One bucket with its bounds, and whether they belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    pub lower: f64,
    pub upper: f64,
    pub lower_inclusive: bool,
    pub upper_inclusive: bool,
    pub count: f64,
}

pub fn is_custom(h: &NativeHistogram) -> bool {
    h.schema == CUSTOM
}

pub fn is_stale(h: &NativeHistogram) -> bool {
    h.sum.to_bits() == STALE
}

fn unpack(spans: &[Span], counts: &[f64]) -> Counts {
    let mut found = Counts::new();
    let mut index = 0;
    let mut counts = counts.iter();
    for (at, span) in spans.iter().enumerate() {
        index = if at == 0 {
            span.offset
        } else {
            index.saturating_add(span.offset)
        };
        for count in counts.by_ref().take(span.length as usize) {
            found.insert(index, *count);
            index = index.saturating_add(1);
        }
    }
    found
}

fn pack(counts: &Counts) -> (Vec<Span>, Vec<f64>) {
    let mut spans: Vec<Span> = Vec::new();
    let mut values = Vec::with_capacity(counts.len());
    let mut next = 0;
    for (index, count) in counts.iter().filter(|(_, count)| **count != 0.0) {
        match spans.last_mut() {
            Some(span) if *index == next => span.length += 1,
            _ => spans.push(Span {
                offset: index.saturating_sub(next),
                length: 1,
            }),
        }
        values.push(*count);
        next = index.saturating_add(1);
    }
    (spans, values)
}

fn positive(h: &NativeHistogram) -> Counts {
    unpack(&h.positive_spans, &h.positive)
}

fn negative(h: &NativeHistogram) -> Counts {
    unpack(&h.negative_spans, &h.negative)
}

fn set(h: &mut NativeHistogram, positive: &Counts, negative: &Counts) {
    (h.positive_spans, h.positive) = pack(positive);
    (h.negative_spans, h.negative) = pack(negative);
}

/// The same without its empty buckets.
pub fn compact(h: &NativeHistogram) -> NativeHistogram {
    let mut compacted = h.clone();
    set(&mut compacted, &positive(h), &negative(h));
    compacted
}

pub fn scale(h: &NativeHistogram, factor: f64) -> NativeHistogram {
    map(h, |value| value * factor)
}

pub fn divide(h: &NativeHistogram, by: f64) -> NativeHistogram {
    let mut divided = map(h, |value| value / by);
    if by == 0.0 {
        // Empty buckets would turn into NaN; all that had no count vanish.
        (divided.positive_spans, divided.positive) = (Vec::new(), Vec::new());
        (divided.negative_spans, divided.negative) = (Vec::new(), Vec::new());
    }
    divided
}

fn map(h: &NativeHistogram, of: impl Fn(f64) -> f64) -> NativeHistogram {
    let mut mapped = h.clone();
    mapped.count = of(h.count);
    mapped.sum = of(h.sum);
    mapped.zero_count = of(h.zero_count);
    for value in mapped.positive.iter_mut().chain(&mut mapped.negative) {
        *value = of(*value);
    }
    if mapped.count < 0.0 {
        mapped.reset = CounterReset::Gauge;
    }
    mapped
}

fn coarser(counts: &Counts, from: i32, to: i32) -> Counts {
    if from <= to {
        return counts.clone();
    }
    let mut merged = Counts::new();
    for (index, count) in counts {
        let index = (index.saturating_sub(1) >> (from - to)) + 1;
        *merged.entry(index).or_default() += count;
    }
    merged
}

/// The lower bound of the exponential bucket `index`.
fn below(index: i32, schema: i32) -> f64 {
    exponential(index.saturating_sub(1), schema)
}

/// The upper bound of the exponential bucket `index`.
fn exponential(index: i32, schema: i32) -> f64 {
    (f64::from(index) * (-f64::from(schema)).exp2()).exp2()
}

/// Widens the zero bucket to at least `threshold`, up to the end of a populated bucket
/// that the threshold would cut.
fn widen(h: &mut NativeHistogram, threshold: f64) {
    let sides = [positive(h), negative(h)];
    let mut threshold = threshold;
    for (index, count) in sides.iter().flatten() {
        let (lower, upper) = (below(*index, h.schema), exponential(*index, h.schema));
        if *count != 0.0 && lower < threshold && upper > threshold {
            threshold = upper;
        }
    }
    let schema = h.schema;
    let mut moved = 0.0;
    let [positive, negative] = sides.map(|mut counts| {
        counts.retain(|index, count| {
            let stays = exponential(*index, schema) > threshold;
            if !stays {
                moved += *count;
            }
            stays
        });
        counts
    });
    h.zero_count += moved;
    h.zero_threshold = threshold;
    set(h, &positive, &negative);
}

/// Bounds that both know; counts of the bounds between them move up.
fn rebound(h: &NativeHistogram, bounds: &[f64]) -> Counts {
    let mut merged = Counts::new();
    for (index, count) in positive(h) {
        let upper = usize::try_from(index)
            .ok()
            .and_then(|index| h.custom_bounds.get(index))
            .copied()
            .unwrap_or(f64::INFINITY);
        let at = bounds.partition_point(|bound| *bound < upper);
        *merged.entry(at as i32).or_default() += count;
    }
    merged
}

fn common_bounds(a: &NativeHistogram, b: &NativeHistogram) -> Vec<f64> {
    let both = |bound: &&f64| b.custom_bounds.contains(bound);
    a.custom_bounds.iter().filter(both).copied().collect()
}

/// What an addition did besides adding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effects {
    /// Custom bounds differed; the common ones remain.
    pub reconciled: bool,
    /// One side says its counter was reset, the other says it was not.
    pub collision: bool,
}

/// Adds `other` times `sign` to `h`.
pub fn add(
    h: &mut NativeHistogram,
    other: &NativeHistogram,
    sign: f64,
) -> Result<Effects, Incompatible> {
    if is_custom(h) != is_custom(other) {
        return Err(Incompatible);
    }
    let mut effects = Effects {
        collision: join_resets(h, other),
        ..Effects::default()
    };
    let mut sides;
    let others;
    if is_custom(h) {
        effects.reconciled = h.custom_bounds != other.custom_bounds;
        let bounds = common_bounds(h, other);
        sides = [rebound(h, &bounds), Counts::new()];
        others = [rebound(other, &bounds), Counts::new()];
        h.custom_bounds = bounds;
    } else {
        let mut theirs = std::borrow::Cow::Borrowed(other);
        // A threshold that is no number is neither below nor above another.
        loop {
            if h.zero_threshold < theirs.zero_threshold {
                widen(h, theirs.zero_threshold);
            } else if h.zero_threshold > theirs.zero_threshold {
                widen(theirs.to_mut(), h.zero_threshold);
            } else {
                break;
            }
        }
        h.zero_count += sign * theirs.zero_count;
        let schema = h.schema.min(theirs.schema);
        sides = [positive(h), negative(h)].map(|side| coarser(&side, h.schema, schema));
        others = [positive(&theirs), negative(&theirs)]
            .map(|side| coarser(&side, theirs.schema, schema));
        h.schema = schema;
    }
    for (side, other) in sides.iter_mut().zip(&others) {
        for (index, count) in other {
            *side.entry(*index).or_default() += sign * count;
        }
    }
    h.count += sign * other.count;
    h.sum += sign * other.sum;
    let [positive, negative] = sides;
    set(h, &positive, &negative);
    Ok(effects)
}

fn join_resets(h: &mut NativeHistogram, other: &NativeHistogram) -> bool {
    use CounterReset::{Gauge, Unknown};
    match (h.reset, other.reset) {
        (a, b) if a == b => false,
        (Gauge, _) => false,
        (_, Gauge) => {
            h.reset = Gauge;
            false
        }
        (Unknown, _) => false,
        (_, Unknown) => {
            h.reset = Unknown;
            false
        }
        _ => {
            h.reset = Unknown;
            true
        }
    }
}

/// Whether the counter started anew between `before` and `h`.
pub fn was_reset(h: &NativeHistogram, before: &NativeHistogram) -> bool {
    match h.reset {
        CounterReset::Yes => return true,
        CounterReset::No => return false,
        CounterReset::Unknown | CounterReset::Gauge => {}
    }
    if h.count < before.count || is_custom(h) != is_custom(before) {
        return true;
    }
    let fell = |now: &Counts, then: &Counts| {
        then.iter()
            .any(|(index, count)| now.get(index).copied().unwrap_or_default() < *count)
    };
    if is_custom(h) {
        let bounds = common_bounds(h, before);
        return fell(&rebound(h, &bounds), &rebound(before, &bounds));
    }
    if h.schema > before.schema || h.zero_threshold < before.zero_threshold {
        return true;
    }
    let mut before = before.clone();
    if h.zero_threshold > before.zero_threshold {
        widen(&mut before, h.zero_threshold);
        if before.zero_threshold != h.zero_threshold {
            return true;
        }
    }
    let then =
        [positive(&before), negative(&before)].map(|side| coarser(&side, before.schema, h.schema));
    h.zero_count < before.zero_count || fell(&positive(h), &then[0]) || fell(&negative(h), &then[1])
}

pub fn equal(a: &NativeHistogram, b: &NativeHistogram) -> bool {
    let same = |x: f64, y: f64| x.to_bits() == y.to_bits();
    a.schema == b.schema
        && a.custom_bounds == b.custom_bounds
        && a.zero_threshold == b.zero_threshold
        && same(a.zero_count, b.zero_count)
        && same(a.count, b.count)
        && same(a.sum, b.sum)
        && pack(&positive(a)) == pack(&positive(b))
        && pack(&negative(a)) == pack(&negative(b))
}

/// Populated buckets from the lowest to the highest.
pub fn buckets(h: &NativeHistogram) -> Vec<Bucket> {
    let mut found = Vec::new();
    if is_custom(h) {
        let bound = |index: i32| match usize::try_from(index) {
            Err(_) => f64::NEG_INFINITY,
            Ok(index) => h.custom_bounds.get(index).copied().unwrap_or(f64::INFINITY),
        };
        for (index, count) in positive(h) {
            let lower = bound(index.saturating_sub(1));
            found.push(Bucket {
                lower,
                upper: bound(index),
                lower_inclusive: lower == f64::NEG_INFINITY,
                upper_inclusive: true,
                count,
            });
        }
    } else {
        for (index, count) in negative(h).into_iter().rev() {
            found.push(Bucket {
                lower: -exponential(index, h.schema),
                upper: -below(index, h.schema),
                lower_inclusive: true,
                upper_inclusive: false,
                count,
            });
        }
        found.push(Bucket {
            lower: -h.zero_threshold,
            upper: h.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: h.zero_count,
        });
        for (index, count) in positive(h) {
            found.push(Bucket {
                lower: below(index, h.schema),
                upper: exponential(index, h.schema),
                lower_inclusive: false,
                upper_inclusive: true,
                count,
            });
        }
    }
    found.retain(|bucket| bucket.count != 0.0);
    found
}

/// As Prometheus prints one: `{count:3, sum:5, (1,2]:3}`.
pub fn describe(h: &NativeHistogram) -> String {
    let mut text = format!("{{count:{}, sum:{}", shortest(h.count), shortest(h.sum));
    for bucket in buckets(h) {
        text.push_str(&format!(
            ", {}{},{}{}:{}",
            if bucket.lower_inclusive { '[' } else { '(' },
            shortest(bucket.lower),
            shortest(bucket.upper),
            if bucket.upper_inclusive { ']' } else { ')' },
            shortest(bucket.count)
        ));
    }
    text.push('}');
    text
}

/// The zero bucket reaches to one side only where the other has no buckets; the first
/// custom bucket begins at zero where it ends above.
fn clipped(h: &NativeHistogram, mut bucket: Bucket) -> Bucket {
    if is_custom(h) {
        if bucket.lower == f64::NEG_INFINITY && bucket.upper > 0.0 {
            bucket.lower = 0.0;
        }
    } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
        if h.negative.is_empty() && !h.positive.is_empty() {
            bucket.lower = 0.0;
        } else if h.positive.is_empty() && !h.negative.is_empty() {
            bucket.upper = 0.0;
        }
    }
    bucket
}

/// Whether what was observed was no number at times: that is counted, and in no bucket.
pub fn has_nan(h: &NativeHistogram) -> bool {
    h.sum.is_nan() && buckets(h).iter().map(|bucket| bucket.count).sum::<f64>() < h.count
}

pub fn quantile(h: &NativeHistogram, q: f64) -> f64 {
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if q.is_nan() || h.count == 0.0 {
        return f64::NAN;
    }
    let forward = h.sum.is_nan() || q < 0.5;
    let mut rank = if forward { q } else { 1.0 - q } * h.count;
    let mut all = buckets(h);
    if !forward {
        all.reverse();
    }
    let mut count = 0.0;
    let mut found = None;
    for bucket in all {
        count += bucket.count;
        found = Some(bucket);
        if count >= rank {
            break;
        }
    }
    let Some(bucket) = found.map(|bucket| clipped(h, bucket)) else {
        return f64::NAN;
    };
    if is_custom(h) {
        if bucket.lower == f64::NEG_INFINITY {
            return bucket.upper;
        }
        if bucket.upper == f64::INFINITY {
            return bucket.lower;
        }
    }
    count = count.min(h.count);
    if count < rank {
        return if h.sum.is_nan() {
            f64::NAN
        } else {
            bucket.upper
        };
    }
    rank = if forward {
        rank - (count - bucket.count)
    } else {
        count - rank
    };
    let fraction = rank / bucket.count;
    if is_custom(h) || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        return bucket.lower + (bucket.upper - bucket.lower) * fraction;
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    if bucket.lower > 0.0 {
        return (lower + (upper - lower) * fraction).exp2();
    }
    -(upper + (lower - upper) * (1.0 - fraction)).exp2()
}

/// How much of what was observed lies between the bounds.
pub fn fraction(h: &NativeHistogram, lower: f64, upper: f64) -> f64 {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let mut rank = 0.0;
    let mut ranks = [None, None];
    for bucket in buckets(h) {
        let bucket = clipped(h, bucket);
        for (bound, found) in [lower, upper].into_iter().zip(&mut ranks) {
            if found.is_none() && bucket.lower >= bound {
                *found = Some(rank);
            } else if found.is_none() && bucket.upper > bound {
                *found = Some(rank + bucket.count * share(h, bucket, bound));
            }
        }
        rank += bucket.count;
    }
    let [lower, upper] = ranks.map(|found| found.unwrap_or(rank).min(rank));
    (upper - lower) / h.count
}

/// How much of the bucket lies below the bound.
fn share(h: &NativeHistogram, bucket: Bucket, bound: f64) -> f64 {
    if bucket.lower == f64::NEG_INFINITY {
        return 1.0;
    }
    if bucket.upper == f64::INFINITY {
        return 0.0;
    }
    if is_custom(h) || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        return (bound - bucket.lower) / (bucket.upper - bucket.lower);
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    let at = bound.abs().log2();
    if bucket.lower > 0.0 {
        (at - lower) / (upper - lower)
    } else {
        1.0 - (at - upper) / (lower - upper)
    }
}

/// The variance, taking each bucket at its middle.
pub fn variance(h: &NativeHistogram) -> f64 {
    let mean = h.sum / h.count;
    let mut total = crate::kahan::Sum::default();
    for bucket in buckets(h) {
        let value = if is_custom(h) {
            f64::midpoint(bucket.lower, bucket.upper)
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            let middle = (bucket.lower * bucket.upper).sqrt();
            if bucket.upper < 0.0 { -middle } else { middle }
        };
        total.add(bucket.count * (value - mean) * (value - mean));
    }
    total.value() / h.count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_histograms_are_added_at_last() {
        let of = |zero_threshold: f64| NativeHistogram {
            zero_threshold,
            count: 1.0,
            zero_count: 1.0,
            ..NativeHistogram::default()
        };
        let thresholds = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, 0.5];
        for (one, other) in thresholds
            .iter()
            .flat_map(|one| thresholds.iter().map(move |other| (*one, *other)))
        {
            let mut sum = of(one);
            add(&mut sum, &of(other), 1.0).unwrap();
            assert_eq!((sum.count, sum.zero_count), (2.0, 2.0), "{one} and {other}");
        }
    }

    #[test]
    fn a_span_ends_where_numbers_do() {
        let span = Span {
            offset: i32::MAX,
            length: 2,
        };
        let counts = unpack(&[span, span], &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(i32::MAX, 4.0)]);
        let lowest = |schema| NativeHistogram {
            schema,
            count: 1.0,
            positive_spans: vec![Span {
                offset: i32::MIN,
                length: 1,
            }],
            positive: vec![1.0],
            ..NativeHistogram::default()
        };
        let found = buckets(&lowest(0));
        assert_eq!((found.len(), found[0].lower), (1, 0.0));
        let mut sum = lowest(0);
        add(&mut sum, &lowest(-1), 1.0).unwrap();
        assert_eq!(sum.count, 2.0);
    }
}
