//! One series out of several segments: of equal times the lowest log position wins,
//! in queries and in compaction alike.

use std::sync::Arc;

use promql::source::Samples;

use super::arrivals::{self, Arrivals};
use super::segment::Segment;
use crate::telemetry::bytes::Damaged;

/// A series' share of a segment.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) segment: Arc<Segment>,
    pub(crate) at: usize,
}

impl Piece {
    pub(crate) fn place(&self) -> (&Segment, usize) {
        (&self.segment, self.at)
    }
}

/// Fills `samples` (cleared first) from pieces that are in the order of the log, and
/// which of them were late where that is asked for.
pub(crate) fn read<'a>(
    pieces: impl IntoIterator<Item = (&'a Segment, usize)>,
    samples: &mut Samples,
    mut arrivals: Option<&mut Arrivals>,
) -> Result<(), Damaged> {
    samples.clear();
    if let Some(arrivals) = &mut arrivals {
        arrivals.clear();
    }
    for (segment, at) in pieces {
        if let Some(arrivals) = &mut arrivals {
            let before = (samples.times.len(), samples.histograms.len());
            segment.read_arrivals(at, before, arrivals)?;
        }
        segment.read(at, samples)?;
    }
    settle(samples, arrivals.filter(|arrivals| !arrivals.is_empty()));
    Ok(())
}

/// Into the order of time, each time once: the first that was there stays, and is late
/// where it was.
fn settle(samples: &mut Samples, mut late: Option<&mut Arrivals>) {
    if !samples.times.is_sorted_by(|a, b| a < b) {
        let mut order: Vec<usize> = (0..samples.times.len()).collect();
        // Stable: equal times stay in the order of the log.
        order.sort_by_key(|at| samples.times[*at]);
        order.dedup_by_key(|at| samples.times[*at]);
        samples.values = order.iter().map(|at| samples.values[*at]).collect();
        samples.times = order.iter().map(|at| samples.times[*at]).collect();
        if let Some(late) = &mut late {
            arrivals::reordered(&mut late.floats, &order);
        }
    }
    if !samples.histograms.is_sorted_by(|a, b| a.0 < b.0) {
        if let Some(late) = &mut late {
            let time = |at: &usize| samples.histograms[*at].0;
            let mut order: Vec<usize> = (0..samples.histograms.len()).collect();
            order.sort_by_key(time);
            order.dedup_by_key(|at| time(at));
            arrivals::reordered(&mut late.histograms, &order);
        }
        samples.histograms.sort_by_key(|(time, _)| *time);
        samples.histograms.dedup_by_key(|(time, _)| *time);
    }
}

/// Leaves what lies in `from_ms < time <= to_ms`.
pub(crate) fn cut(samples: &mut Samples, from_ms: i64, to_ms: i64) {
    let end = samples.times.partition_point(|time| *time <= to_ms);
    let start = samples
        .times
        .partition_point(|time| *time <= from_ms)
        .min(end);
    for range in [end..samples.times.len(), 0..start] {
        samples.times.drain(range.clone());
        samples.values.drain(range);
    }
    samples
        .histograms
        .retain(|(time, _)| from_ms < *time && *time <= to_ms);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use protocols::metrics::NativeHistogram;

    use super::super::arrivals::Late;
    use super::super::segment::Writer;
    use super::*;

    fn piece(samples: &[(i64, f64)]) -> Piece {
        let (times, values): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
        let mut writer = Writer::default();
        writer.id(1, &times, &values, &[]);
        Piece {
            segment: Arc::new(Segment::open(&writer.finish_ids()).unwrap()),
            at: 0,
        }
    }

    /// Time and, where it was late, arrival.
    type Sent = (i64, Option<i64>);

    fn sent() -> impl Strategy<Value = Vec<Vec<Sent>>> {
        let one = (0..40_i64, prop::option::of(1..60_i64));
        let one = one.prop_map(|(time, late)| (time, late.map(|late| time + late)));
        prop::collection::vec(prop::collection::vec(one, 0..8), 0..6)
    }

    /// A series of floats and histograms that came alike, each time once.
    fn told(all: &[Sent]) -> Piece {
        let all: BTreeMap<i64, Option<i64>> = all.iter().copied().collect();
        let times: Vec<i64> = all.keys().copied().collect();
        let values: Vec<f64> = times.iter().map(|time| *time as f64).collect();
        let histogram = NativeHistogram::default();
        let wide: Vec<_> = times
            .iter()
            .map(|time| (*time, histogram.clone()))
            .collect();
        let late = || {
            let places = (0..).zip(all.values());
            places.filter_map(|(at, arrival_ms)| {
                Some(Late {
                    at,
                    arrival_ms: (*arrival_ms)?,
                })
            })
        };
        let mut writer = Writer::default();
        writer.id(1, &times, &values, &wide);
        writer.arrivals(late(), late());
        Piece {
            segment: Arc::new(Segment::open(&writer.finish_ids()).unwrap()),
            at: 0,
        }
    }

    proptest! {
        /// What was known at any time is the same whether samples were merged before or
        /// not, and is what a look at each of them says: the first of equal times with
        /// its own arrival.
        #[test]
        fn what_was_known_does_not_depend_on_what_was_merged(sent in sent(), as_of_ms in -1..110_i64) {
            let pieces: Vec<Piece> = sent.iter().map(|all| told(all)).collect();
            let mut first = BTreeMap::<i64, Option<i64>>::new();
            for all in &sent {
                let all: BTreeMap<i64, Option<i64>> = all.iter().copied().collect();
                for (time, arrival) in all {
                    first.entry(time).or_insert(arrival);
                }
            }
            let expected: Vec<i64> = first
                .into_iter()
                .filter(|(time, arrival)| arrival.unwrap_or(*time) <= as_of_ms)
                .map(|(time, _)| time)
                .collect();
            let (mut samples, mut arrivals) = (Samples::default(), Arrivals::default());
            read(pieces.iter().map(Piece::place), &mut samples, Some(&mut arrivals)).unwrap();
            let mut writer = Writer::default();
            writer.id(1, &samples.times, &samples.values, &samples.histograms);
            writer.arrivals(arrivals.floats.iter().copied(), arrivals.histograms.iter().copied());
            let merged = Piece {
                segment: Arc::new(Segment::open(&writer.finish_ids()).unwrap()),
                at: 0,
            };
            for pieces in [&pieces[..], &[merged]] {
                read(pieces.iter().map(Piece::place), &mut samples, Some(&mut arrivals)).unwrap();
                arrivals.leave_out(&mut samples, as_of_ms);
                prop_assert_eq!(&samples.times, &expected);
                let values: Vec<i64> = samples.values.iter().map(|value| *value as i64).collect();
                prop_assert_eq!(&values, &expected);
                let wide: Vec<i64> = samples.histograms.iter().map(|(time, _)| *time).collect();
                prop_assert_eq!(&wide, &expected);
            }
        }
    }

    #[test]
    fn the_first_of_equal_times_stays() {
        let pieces = [
            piece(&[(10, 1.0), (30, 3.0)]),
            piece(&[(10, 9.0), (20, 2.0)]),
            piece(&[(5, 0.5), (20, 9.0), (40, 4.0)]),
        ];
        let mut samples = Samples::default();
        read(pieces.iter().map(Piece::place), &mut samples, None).unwrap();
        assert_eq!(samples.times, [5, 10, 20, 30, 40]);
        assert_eq!(samples.values, [0.5, 1.0, 2.0, 3.0, 4.0]);
        cut(&mut samples, 10, 30);
        assert_eq!(samples.times, [20, 30]);
        assert_eq!(samples.values, [2.0, 3.0]);
    }
}
