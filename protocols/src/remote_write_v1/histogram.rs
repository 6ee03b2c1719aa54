//! `prometheus.Histogram` and `io.prometheus.write.v2.Histogram`, which are the same
//! on the wire but that only 2.0 has custom bounds.

use crate::limits::MAX_BUCKETS;
use crate::metrics::{CUSTOM_BOUNDS, CounterReset, NativeHistogram, Span};
use crate::protobuf::{Malformed, Reader, zigzag};

/// Its time and itself, or why it cannot be kept.
pub(crate) type Told = Result<(i64, NativeHistogram), String>;

/// Buckets of one sign as the wire has them: integers as differences, or floats.
#[derive(Default)]
struct Side {
    spans: Vec<Span>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

pub(crate) fn decode(mut reader: Reader<'_>) -> Result<Told, Malformed> {
    let mut histogram = NativeHistogram::default();
    let (mut negative, mut positive) = (Side::default(), Side::default());
    let mut time_ms = 0;
    while let Some(field) = reader.field()? {
        match field.number {
            1 => histogram.count = field.uint()? as f64,
            2 => histogram.count = field.double()?,
            3 => histogram.sum = field.double()?,
            4 => histogram.schema = field.sint()? as i32,
            5 => histogram.zero_threshold = field.double()?,
            6 => histogram.zero_count = field.uint()? as f64,
            7 => histogram.zero_count = field.double()?,
            8 => negative.spans.push(span(field.message()?)?),
            9 => field.varints(|delta| negative.deltas.push(zigzag(delta)))?,
            10 => field.fixed64s(|bits| negative.counts.push(f64::from_bits(bits)))?,
            11 => positive.spans.push(span(field.message()?)?),
            12 => field.varints(|delta| positive.deltas.push(zigzag(delta)))?,
            13 => field.fixed64s(|bits| positive.counts.push(f64::from_bits(bits)))?,
            14 => histogram.reset = reset(field.uint()?),
            15 => time_ms = field.int()?,
            16 => field.fixed64s(|bits| histogram.custom_bounds.push(f64::from_bits(bits)))?,
            _ => {}
        }
    }
    Ok(finish(histogram, negative, positive).map(|histogram| (time_ms, histogram)))
}

fn finish(
    mut histogram: NativeHistogram,
    negative: Side,
    positive: Side,
) -> Result<NativeHistogram, String> {
    let custom = histogram.schema == CUSTOM_BOUNDS;
    if !custom && !(-4..=8).contains(&histogram.schema) {
        return Err(format!("a histogram has schema {}", histogram.schema));
    }
    if !custom && !histogram.custom_bounds.is_empty() {
        return Err("a histogram has custom bounds but another schema".to_owned());
    }
    (histogram.negative_spans, histogram.negative) = negative.finish()?;
    (histogram.positive_spans, histogram.positive) = positive.finish()?;
    match histogram.problem() {
        None => Ok(histogram),
        Some(problem) => Err(format!("a histogram {problem}")),
    }
}

impl Side {
    fn finish(mut self) -> Result<(Vec<Span>, Vec<f64>), String> {
        if !self.deltas.is_empty() {
            let mut count = 0i64;
            let absolute = self.deltas.iter().map(|delta| {
                count = count.wrapping_add(*delta);
                count as f64
            });
            self.counts = absolute.collect();
        }
        let named: u64 = self.spans.iter().map(|span| u64::from(span.length)).sum();
        if named != self.counts.len() as u64 {
            return Err(format!(
                "a histogram has {} buckets but its spans name {named}",
                self.counts.len()
            ));
        }
        if self.counts.len() > MAX_BUCKETS {
            return Err(format!(
                "a histogram has {named} buckets, the limit is {MAX_BUCKETS}"
            ));
        }
        if self.counts.iter().any(|count| *count < 0.0) {
            return Err("a histogram has a bucket below zero".to_owned());
        }
        Ok((self.spans, self.counts))
    }
}

fn span(mut reader: Reader<'_>) -> Result<Span, Malformed> {
    let mut span = Span {
        offset: 0,
        length: 0,
    };
    while let Some(field) = reader.field()? {
        match field.number {
            1 => span.offset = field.sint()? as i32,
            2 => span.length = field.uint()? as u32,
            _ => {}
        }
    }
    Ok(span)
}

fn reset(number: u64) -> CounterReset {
    match number {
        1 => CounterReset::Yes,
        2 => CounterReset::No,
        3 => CounterReset::Gauge,
        _ => CounterReset::Unknown,
    }
}
