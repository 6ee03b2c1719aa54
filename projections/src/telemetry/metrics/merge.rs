//! One series out of several segments: of equal times the lowest log position wins,
//! in queries and in compaction alike.

use std::sync::Arc;

use promql::source::Samples;

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

/// Fills `samples` (cleared first) from pieces that are in the order of the log.
pub(crate) fn read<'a>(
    pieces: impl IntoIterator<Item = (&'a Segment, usize)>,
    samples: &mut Samples,
) -> Result<(), Damaged> {
    samples.clear();
    for (segment, at) in pieces {
        segment.read(at, samples)?;
    }
    settle(samples);
    Ok(())
}

/// Into the order of time, each time once: the first that was there stays.
fn settle(samples: &mut Samples) {
    if !samples.times.is_sorted_by(|a, b| a < b) {
        let mut order: Vec<usize> = (0..samples.times.len()).collect();
        // Stable: equal times stay in the order of the log.
        order.sort_by_key(|at| samples.times[*at]);
        order.dedup_by_key(|at| samples.times[*at]);
        samples.values = order.iter().map(|at| samples.values[*at]).collect();
        samples.times = order.iter().map(|at| samples.times[*at]).collect();
    }
    if !samples.histograms.is_sorted_by(|a, b| a.0 < b.0) {
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

    #[test]
    fn the_first_of_equal_times_stays() {
        let pieces = [
            piece(&[(10, 1.0), (30, 3.0)]),
            piece(&[(10, 9.0), (20, 2.0)]),
            piece(&[(5, 0.5), (20, 9.0), (40, 4.0)]),
        ];
        let mut samples = Samples::default();
        read(pieces.iter().map(Piece::place), &mut samples).unwrap();
        assert_eq!(samples.times, [5, 10, 20, 30, 40]);
        assert_eq!(samples.values, [0.5, 1.0, 2.0, 3.0, 4.0]);
        cut(&mut samples, 10, 30);
        assert_eq!(samples.times, [20, 30]);
        assert_eq!(samples.values, [2.0, 3.0]);
    }
}
