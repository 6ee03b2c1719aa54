//! Durations counted in buckets of a logarithmic scale: four to an octave from
//! 4 µs on, so that a quantile is off by at most a ninth. Counts add up bucket by
//! bucket; the bounds are on disk and never change.

/// Everything below 2^12 ns is one bucket.
const FIRST_OCTAVE: u32 = 12;
const LAST_OCTAVE: u32 = 43;
const PER_OCTAVE: i64 = 4;

/// The bucket of a duration.
pub(crate) fn bucket_of(duration_ns: i64) -> usize {
    let ns = u64::try_from(duration_ns).unwrap_or(0).max(1);
    let octave = ns.ilog2().min(LAST_OCTAVE);
    if octave < FIRST_OCTAVE {
        return 0;
    }
    let quarter = (ns >> (octave - 2)).min(7) & 3;
    1 + ((octave - FIRST_OCTAVE) * 4) as usize + quarter as usize
}

/// Where a bucket begins, in nanoseconds; it ends where the next one begins.
pub(crate) fn lower_ns(bucket: usize) -> i64 {
    let Some(at) = i64::try_from(bucket).unwrap_or(i64::MAX).checked_sub(1) else {
        return 0;
    };
    if at < 0 {
        return 0;
    }
    let octave = u32::try_from(at / PER_OCTAVE).unwrap_or(u32::MAX);
    let base = 1i64 << octave.saturating_add(FIRST_OCTAVE).min(61);
    base + base / 4 * (at % PER_OCTAVE)
}

/// Adds one to the bucket of a duration; trailing empty buckets are not kept.
pub(crate) fn count(buckets: &mut Vec<i32>, duration_ns: i64) {
    let at = bucket_of(duration_ns);
    if buckets.len() <= at {
        buckets.resize(at + 1, 0);
    }
    buckets[at] = buckets[at].saturating_add(1);
}

/// Adds the counts of `more`.
pub(crate) fn add(buckets: &mut Vec<i64>, more: &[i32]) {
    if buckets.len() < more.len() {
        buckets.resize(more.len(), 0);
    }
    for (sum, count) in buckets.iter_mut().zip(more) {
        *sum += i64::from(*count);
    }
}

/// The duration that the share `q` of all stays below, evenly spread within a
/// bucket; None where nothing was counted.
pub(crate) fn quantile_ns(buckets: &[i64], q: f64) -> Option<f64> {
    let total: i64 = buckets.iter().sum();
    if total <= 0 {
        return None;
    }
    let rank = q * total as f64;
    let mut below = 0.0;
    for (at, count) in buckets.iter().enumerate().filter(|(_, count)| **count > 0) {
        let inside = *count as f64;
        if below + inside >= rank {
            let (from, to) = (lower_ns(at) as f64, lower_ns(at + 1) as f64);
            return Some(from + (to - from) * ((rank - below) / inside).clamp(0.0, 1.0));
        }
        below += inside;
    }
    Some(lower_ns(buckets.len()) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_duration_lies_within_its_bucket(ns in 0i64..(1 << 44)) {
            let bucket = bucket_of(ns);
            prop_assert!(lower_ns(bucket) <= ns && ns < lower_ns(bucket + 1));
        }

        #[test]
        fn a_quantile_is_off_by_at_most_a_bucket(mut all in proptest::collection::vec(10_000i64..10_000_000_000, 1..200)) {
            let mut buckets = Vec::new();
            all.iter().for_each(|ns| count(&mut buckets, *ns));
            let mut sums = Vec::new();
            add(&mut sums, &buckets);
            all.sort_unstable();
            let exact = all[(all.len() * 9).div_ceil(10) - 1] as f64;
            let found = quantile_ns(&sums, 0.9).expect("something was counted");
            prop_assert!((found / exact - 1.0).abs() <= 0.25, "{found} for {exact}");
        }
    }

    #[test]
    fn bounds_are_on_disk() {
        assert_eq!(bucket_of(4095), 0);
        assert_eq!(bucket_of(4096), 1);
        assert_eq!(bucket_of(1_000_000), 32);
        assert_eq!(bucket_of(i64::MAX), 128);
        assert_eq!(quantile_ns(&[], 0.5), None);
    }
}
