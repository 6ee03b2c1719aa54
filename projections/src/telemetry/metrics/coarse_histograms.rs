//! Native histograms by 5 minutes and by hour: some of them, as they came.

use protocols::metrics::{NativeHistogram, STALE};

use super::coarse::{MOST_RESETS, bucket};

/// Of native histograms the last of each bucket stays, and what lies on both sides of a
/// stale marker's begin or end and of a counter's reset.
pub(super) fn of_runs(
    all: &[(i64, NativeHistogram)],
    bucket_ms: i64,
) -> Vec<(i64, NativeHistogram)> {
    let stale = |histogram: &NativeHistogram| histogram.sum.to_bits() == STALE;
    let mut kept = Vec::new();
    for those in all.chunk_by(|a, b| bucket(a.0, bucket_ms) == bucket(b.0, bucket_ms)) {
        let fell = |at: usize| those[at].1.count < those[at - 1].1.count;
        let resets = (1..those.len()).filter(|at| fell(*at)).count();
        // Whether a run begins at a place.
        let parts = |at: usize| {
            stale(&those[at].1) != stale(&those[at - 1].1) || (resets <= MOST_RESETS && fell(at))
        };
        for (at, one) in those.iter().enumerate() {
            let next = at + 1;
            if next == those.len() || parts(next) || (at > 0 && parts(at)) {
                kept.push(one.clone());
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: i64 = 300_000;

    #[test]
    fn histograms_stay_around_markers_and_resets() {
        let counts = [1.0, 5.0, 9.0, 2.0, 4.0, 6.0, 0.0, 0.0, 3.0, 7.0];
        let histogram = |(at, count): (i64, f64)| {
            let mut histogram = NativeHistogram {
                count,
                ..NativeHistogram::default()
            };
            if count == 0.0 {
                histogram.sum = f64::from_bits(STALE);
            }
            (at * 15_000 + 1, histogram)
        };
        let all: Vec<_> = (0..).zip(counts).map(histogram).collect();
        let counts: Vec<f64> = of_runs(&all, BUCKET).iter().map(|h| h.1.count).collect();
        assert_eq!(counts, [9.0, 2.0, 6.0, 0.0, 0.0, 3.0, 7.0]);
        // What goes up and down is no counter.
        let all = (0..).zip([5.0, 1.0, 5.0, 1.0, 5.0, 1.0, 4.0]);
        let all: Vec<_> = all.map(histogram).collect();
        assert_eq!(of_runs(&all, BUCKET).len(), 1);
    }
}
