//! Samples of a series by 5 minutes and by hour, for when the samples themselves are
//! gone. A *run* is a stretch of one bucket without a stale marker, without a change
//! between numbers and NaN, and without the reset of a counter. Of a run are kept: how
//! many samples it had, their sum, and the first, last, least and greatest of them as
//! they came. Read back, the samples that are gone are put between those that are kept
//! so that count and sum are what they were: over whole buckets every `*_over_time`
//! but quantiles and deviations, `rate`, `increase` and plain selectors answer as
//! before, and over parts of buckets nearly so.

use promql::source::Samples;
use protocols::metrics::STALE;

use super::coarse_histograms::of_runs;
use super::segment::{Names, Segment, Writer};
use crate::telemetry::bytes::{Damaged, Reader, put_bytes};

/// Lengths of buckets, in seconds.
pub(crate) const RESOLUTIONS: [i32; 2] = [300, 3_600];
/// More decreases than this in one bucket are no resets of a counter.
pub(super) const MOST_RESETS: usize = 2;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
struct Run {
    /// One to four, in the order of time.
    kept: Vec<(i64, f64)>,
    count: u64,
    sum: f64,
}

/// A segment under way. The three writers hold the same series in the same order;
/// only the first tells their ids.
#[derive(Debug, Default)]
pub(crate) struct CoarseWriter {
    kept: Writer,
    counts: Writer,
    sums: Writer,
    samples: usize,
}

impl CoarseWriter {
    /// Adds a series; ids increase.
    pub(crate) fn id(&mut self, id: u128, resolution_s: i32, samples: &Samples) {
        let bucket_ms = i64::from(resolution_s) * 1_000;
        let all = runs(&samples.times, &samples.values, bucket_ms);
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let (mut starts, mut counts, mut sums) = (Vec::new(), Vec::new(), Vec::new());
        for run in &all {
            times.extend(run.kept.iter().map(|(time, _)| *time));
            values.extend(run.kept.iter().map(|(_, value)| *value));
            starts.push(run.kept[0].0);
            counts.push(run.count as f64);
            sums.push(run.sum);
        }
        let histograms = of_runs(&samples.histograms, bucket_ms);
        self.samples += times.len() + histograms.len();
        let at = u32::try_from(self.kept.len()).unwrap_or(u32::MAX);
        self.kept.id(id, &times, &values, &histograms);
        self.counts.ordinal(at, &starts, &counts, &[]);
        self.sums.ordinal(at, &starts, &sums, &[]);
    }

    /// Adds a series as it is stored; ids increase.
    pub(crate) fn copy(&mut self, id: u128, [kept, counts, sums]: &[Samples; 3]) {
        self.samples += kept.times.len() + kept.histograms.len();
        let at = u32::try_from(self.kept.len()).unwrap_or(u32::MAX);
        self.kept
            .id(id, &kept.times, &kept.values, &kept.histograms);
        self.counts.ordinal(at, &counts.times, &counts.values, &[]);
        self.sums.ordinal(at, &sums.times, &sums.values, &[]);
    }

    /// Samples that are kept.
    pub(crate) fn samples(&self) -> usize {
        self.samples
    }

    pub(crate) fn series(&self) -> u64 {
        self.kept.len()
    }

    /// The segment; the writer is empty afterwards.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, &self.kept.finish_ids());
        put_bytes(&mut out, &self.counts.finish_ordinals());
        put_bytes(&mut out, &self.sums.finish_ordinals());
        self.samples = 0;
        out
    }
}

/// A segment as it is stored.
#[derive(Debug)]
pub(crate) struct Stored {
    /// What is kept of each run, how many samples it had, and their sum.
    columns: [Segment; 3],
}

impl Stored {
    pub(crate) fn open(data: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(data);
        let kept = Segment::open(reader.bytes()?)?;
        let counts = Segment::open(reader.bytes()?)?;
        let sums = Segment::open(reader.bytes()?)?;
        Ok(Self {
            columns: [kept, counts, sums],
        })
    }

    pub(crate) fn ids(&self) -> Result<&[u128], Damaged> {
        match self.columns[0].names() {
            Names::Ids(ids) => Ok(ids),
            Names::Ordinals(_) => Err(Damaged("coarse samples have no ids")),
        }
    }

    /// Fills `series` (cleared first) with what the `at`-th has in each column.
    pub(crate) fn read(&self, at: usize, series: &mut [Samples; 3]) -> Result<(), Damaged> {
        for (column, samples) in self.columns.iter().zip(series) {
            samples.clear();
            column.read(at, samples)?;
        }
        Ok(())
    }
}

/// A segment of samples, as it was before, nearly.
pub(crate) fn open(data: &[u8]) -> Result<Segment, Damaged> {
    let stored = Stored::open(data)?;
    let mut writer = Writer::default();
    // What stands in for samples does not know when they arrived.
    writer.untold();
    let mut read = [Samples::default(), Samples::default(), Samples::default()];
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for (at, id) in stored.ids()?.iter().enumerate() {
        stored.read(at, &mut read)?;
        let [kept, counts, sums] = &read;
        times.clear();
        values.clear();
        for (n, start) in counts.times.iter().enumerate() {
            let end = counts.times.get(n + 1).copied().unwrap_or(i64::MAX);
            let of_run = |time: &i64| (*start..end).contains(time);
            let all = kept.times.iter().zip(&kept.values);
            let run = Run {
                kept: all
                    .filter(|(time, _)| of_run(time))
                    .map(|(time, value)| (*time, *value))
                    .collect(),
                count: counts.values[n] as u64,
                sum: *sums.values.get(n).ok_or(Damaged("a sum is missing"))?,
            };
            run.spread(&mut times, &mut values);
        }
        writer.id(*id, &times, &values, &kept.histograms);
    }
    Segment::open(&writer.finish_ids())
}

/// As ranges of PromQL, a bucket has its end and not its beginning.
pub(super) fn bucket(time: i64, bucket_ms: i64) -> i64 {
    (time - 1).div_euclid(bucket_ms)
}

/// The runs of a series, in order.
fn runs(times: &[i64], values: &[f64], bucket_ms: i64) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut start = 0;
    while start < times.len() {
        let this = bucket(times[start], bucket_ms);
        let of_bucket = times[start..].partition_point(|time| bucket(*time, bucket_ms) == this);
        let end = start + of_bucket;
        let resets = values[start..end]
            .windows(2)
            .filter(|pair| pair[1] < pair[0])
            .count();
        let mut begin = start;
        for at in start + 1..=end {
            if at == end || parts(values[at - 1], values[at], resets <= MOST_RESETS) {
                runs.push(Run::of(&times[begin..at], &values[begin..at]));
                begin = at;
            }
        }
        start = end;
    }
    runs
}

/// Whether a run ends between two samples.
fn parts(before: f64, after: f64, is_counter: bool) -> bool {
    let stale = |value: f64| value.to_bits() == STALE;
    stale(before)
        || stale(after)
        || before.is_nan() != after.is_nan()
        || (is_counter && after < before)
}

impl Run {
    /// `times` is not empty.
    fn of(times: &[i64], values: &[f64]) -> Self {
        let (mut least, mut greatest) = (0, 0);
        for (at, value) in values.iter().enumerate() {
            if *value < values[least] {
                least = at;
            }
            // Of equal ones the last: what rises has its ends alone then, also where it
            // stands still before its end.
            if *value >= values[greatest] {
                greatest = at;
            }
        }
        let mut kept = vec![0, least, greatest, values.len() - 1];
        kept.sort_unstable();
        kept.dedup();
        Self {
            kept: kept.into_iter().map(|at| (times[at], values[at])).collect(),
            count: values.len() as u64,
            sum: values.iter().sum(),
        }
    }

    /// Appends the samples of the run.
    fn spread(&self, times: &mut Vec<i64>, values: &mut Vec<f64>) {
        let missing = self.count.saturating_sub(self.kept.len() as u64);
        let (Some(first), Some(last)) = (self.kept.first(), self.kept.last()) else {
            return;
        };
        let held: f64 = self.kept.iter().map(|(_, value)| value).sum();
        let (low, high) = self.bounds();
        let mean = match (self.sum - held) / missing as f64 {
            // Of NaN only, or with an infinity that is kept.
            mean if mean.is_nan() && low > high => mean,
            mean if mean.is_nan() => high.min(f64::MAX).max(low),
            mean => mean.clamp(low, high),
        };
        // What rises throughout does so between its ends too, about the same mean.
        let rises = self.kept.len() == 2 && first.1 <= last.1;
        let slope = if rises {
            (mean - low).min(high - mean)
        } else {
            0.0
        };
        let mut kept = self.kept.iter().copied().peekable();
        for (time, n) in self.free_times(missing).into_iter().zip(1_u64..) {
            while let Some((at, value)) = kept.next_if(|(at, _)| *at < time) {
                times.push(at);
                values.push(value);
            }
            let share = n as f64 / (missing + 1) as f64;
            times.push(time);
            values.push(mean + slope * (2.0 * share - 1.0));
        }
        for (at, value) in kept {
            times.push(at);
            values.push(value);
        }
    }

    /// So many times between the first and the last, evenly where there is room.
    fn free_times(&self, missing: u64) -> Vec<i64> {
        let (first, last) = (self.kept[0].0, self.kept[self.kept.len() - 1].0);
        let is_kept = |time: i64| self.kept.iter().any(|(at, _)| *at == time);
        let mut free = Vec::with_capacity(missing as usize);
        let mut next = first + 1;
        for n in 1..=missing {
            let share = n as f64 / (missing + 1) as f64;
            let even = first + ((last - first) as f64 * share) as i64;
            let mut time = even.max(next);
            while is_kept(time) {
                time += 1;
            }
            free.push(time);
            next = time + 1;
        }
        if next > last {
            // Samples came almost each millisecond.
            free = (first + 1..last).filter(|time| !is_kept(*time)).collect();
            free.truncate(missing as usize);
        }
        free
    }

    fn bounds(&self) -> (f64, f64) {
        let values = self.kept.iter().map(|(_, value)| *value);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BUCKET: i64 = 300_000;

    fn back(times: &[i64], values: &[f64]) -> (Vec<i64>, Vec<f64>) {
        let mut writer = CoarseWriter::default();
        let samples = Samples {
            times: times.to_vec(),
            values: values.to_vec(),
            histograms: Vec::new(),
        };
        writer.id(7, 300, &samples);
        let segment = open(&writer.finish()).unwrap();
        let mut read = Samples::default();
        segment.read(0, &mut read).unwrap();
        (read.times, read.values)
    }

    /// What functions over a range see of it.
    #[derive(Debug, PartialEq)]
    struct Seen {
        count: usize,
        first: (i64, u64),
        last: (i64, u64),
        min: f64,
        max: f64,
    }

    fn seen(times: &[i64], values: &[f64]) -> Seen {
        let at = |n: usize| (times[n], values[n].to_bits());
        Seen {
            count: times.len(),
            first: at(0),
            last: at(times.len() - 1),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    fn increase(values: &[f64]) -> f64 {
        let steps = values.windows(2);
        steps
            .map(|pair| {
                if pair[1] < pair[0] {
                    pair[1]
                } else {
                    pair[1] - pair[0]
                }
            })
            .sum()
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
    }

    fn by_bucket<'a>(times: &'a [i64], values: &'a [f64]) -> Vec<(&'a [i64], &'a [f64])> {
        let mut all = Vec::new();
        let mut start = 0;
        while start < times.len() {
            let this = bucket(times[start], BUCKET);
            let many = times[start..].partition_point(|time| bucket(*time, BUCKET) == this);
            all.push((&times[start..start + many], &values[start..start + many]));
            start += many;
        }
        all
    }

    fn times(steps: &[u16]) -> Vec<i64> {
        let mut time = 1_793_500_000_000;
        let next = |step: &u16| {
            time += 1 + i64::from(*step);
            time
        };
        steps.iter().map(next).collect()
    }

    proptest! {
        #[test]
        fn whole_buckets_answer_as_before(
            samples in prop::collection::vec((0..40_000_u16, -1e6..1e6_f64), 1..200)
        ) {
            let (steps, values): (Vec<_>, Vec<_>) = samples.into_iter().unzip();
            let times = times(&steps);
            let (back_times, back_values) = back(&times, &values);
            prop_assert!(back_times.is_sorted_by(|a, b| a < b));
            let (before, after) = (by_bucket(&times, &values), by_bucket(&back_times, &back_values));
            prop_assert_eq!(before.len(), after.len());
            for (before, after) in before.into_iter().zip(after) {
                prop_assert_eq!(seen(before.0, before.1), seen(after.0, after.1));
                let sums = (before.1.iter().sum::<f64>(), after.1.iter().sum::<f64>());
                prop_assert!((sums.0 - sums.1).abs() < 1e-6, "{sums:?}");
            }
        }

        #[test]
        fn counters_increase_as_before(
            samples in prop::collection::vec((5_000..40_000_u16, 0..1_000_u32), 1..200),
            // All of them may fall into one bucket, and more than these are none.
            resets in prop::collection::btree_set(0..200_usize, 0..=MOST_RESETS),
        ) {
            let (steps, adds): (Vec<_>, Vec<_>) = samples.into_iter().unzip();
            let times = times(&steps);
            let mut total = 0.0;
            let values: Vec<f64> = adds.iter().enumerate().map(|(at, add)| {
                total = if resets.contains(&at) { 0.0 } else { total + f64::from(*add) };
                total
            }).collect();
            let (back_times, back_values) = back(&times, &values);
            prop_assert_eq!(back_times.len(), times.len());
            prop_assert!(near(increase(&values), increase(&back_values)));
            let ends = |values: &[f64]| (values[0], values[values.len() - 1]);
            prop_assert_eq!(ends(&values), ends(&back_values));
        }
    }

    #[test]
    fn markers_and_numbers_that_are_none_stay() {
        let stale = f64::from_bits(STALE);
        let times: Vec<i64> = (0..12).map(|n| n * 15_000).collect();
        let mut values = vec![1.0; 12];
        (values[4], values[6], values[7]) = (stale, f64::NAN, f64::NAN);
        let (back_times, back_values) = back(&times, &values);
        assert_eq!(back_times, times);
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back_values), bits(&values));
    }

    #[test]
    fn an_hour_of_a_counter_is_few_samples() {
        let times: Vec<i64> = (1..=240).map(|n| n * 15_000).collect();
        let values: Vec<f64> = (0..240).map(|n| f64::from(n) * 3.0).collect();
        let kept: Vec<_> = RESOLUTIONS
            .iter()
            .map(|resolution| {
                let all = runs(&times, &values, i64::from(*resolution) * 1_000);
                all.iter().map(|run| run.kept.len()).sum::<usize>()
            })
            .collect();
        assert_eq!(kept, [24, 2]);
    }
}
