//! Exponential histograms as native ones: the same buckets, counted from one further
//! (OpenTelemetry's bounds are below a bucket, Prometheus' above it), and merged where
//! they are finer than Prometheus has them.

use super::super::points::{Buckets, Point};
use crate::limits::MAX_BUCKETS;
use crate::metrics::{NativeHistogram, STALE, Span};

const FINEST: i64 = 8;
const COARSEST: i64 = -4;
/// What Prometheus takes where the sender says nothing.
const ZERO_THRESHOLD: f64 = 1e-128;

pub(super) fn native(point: &Point<'_>) -> Result<NativeHistogram, String> {
    if point.scale < COARSEST {
        return Err(format!(
            "has scale {}, the coarsest is {COARSEST}",
            point.scale
        ));
    }
    if point.ended() {
        return Ok(NativeHistogram {
            sum: f64::from_bits(STALE),
            ..NativeHistogram::default()
        });
    }
    let schema = point.scale.min(FINEST);
    let coarser = u32::try_from(point.scale - schema)
        .unwrap_or(u32::MAX)
        .min(62);
    let (positive_spans, positive) = side(&point.positive, coarser)?;
    let (negative_spans, negative) = side(&point.negative, coarser)?;
    let histogram = NativeHistogram {
        schema: schema as i32,
        zero_threshold: match point.zero_threshold {
            0.0 => ZERO_THRESHOLD,
            given => given,
        },
        zero_count: point.zero_count.cast_unsigned() as f64,
        count: point.count.cast_unsigned() as f64,
        sum: point.sum.unwrap_or_default(),
        positive_spans,
        positive,
        negative_spans,
        negative,
        ..NativeHistogram::default()
    };
    match histogram.problem() {
        None => Ok(histogram),
        Some(problem) => Err(problem),
    }
}

/// One span over all buckets but the empty ones at the ends.
fn side(buckets: &Buckets, coarser: u32) -> Result<(Vec<Span>, Vec<f64>), String> {
    let counts = &buckets.bucket_counts;
    if counts.len() > MAX_BUCKETS {
        return Err(format!(
            "has {} buckets, the limit is {MAX_BUCKETS}",
            counts.len()
        ));
    }
    let (Some(first), Some(last)) = (
        counts.iter().position(|count| *count > 0),
        counts.iter().rposition(|count| *count > 0),
    ) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let index = |at: usize| (buckets.offset.saturating_add(at as i64) >> coarser).saturating_add(1);
    let start = index(first);
    let mut merged = vec![0.0; usize::try_from(index(last) - start).unwrap_or_default() + 1];
    for (at, count) in counts.iter().enumerate().take(last + 1).skip(first) {
        let bucket = usize::try_from(index(at) - start).unwrap_or_default();
        merged[bucket] += *count as f64;
    }
    let offset = i32::try_from(start).map_err(|_| format!("has offset {}", buckets.offset))?;
    let span = Span {
        offset,
        length: merged.len() as u32,
    };
    Ok((vec![span], merged))
}
