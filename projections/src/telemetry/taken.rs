//! Leaves out the series and streams that ingest refused, as the record names them,
//! so that what a client was told is what is stored.

use protocols::logs::{LogRecord, LogSink, Stream};
use protocols::metrics::{Exemplar, Labels, Metadata, MetricSink, NativeHistogram, SeriesKey};

/// A sink that hears only of what was taken.
pub(crate) struct Taken<'a, S> {
    sink: &'a mut S,
    /// So many taken, so many refused, in turn.
    runs: std::slice::Iter<'a, i64>,
    /// Series that are left of the present run.
    left: i64,
    refusing: bool,
    /// The series begun last is refused.
    refused: bool,
}

impl<'a, S> Taken<'a, S> {
    pub(crate) fn new(sink: &'a mut S, refused_runs: &'a [i64]) -> Self {
        let mut runs = refused_runs.iter();
        let first = runs.next().copied();
        Self {
            sink,
            runs,
            left: first.unwrap_or(i64::MAX),
            refusing: false,
            refused: false,
        }
    }

    /// Begins the next series; whether it is taken.
    fn next(&mut self) -> bool {
        while self.left <= 0 {
            match self.runs.next() {
                Some(run) => (self.left, self.refusing) = (*run, !self.refusing),
                // After the last run everything is taken.
                None => (self.left, self.refusing) = (i64::MAX, false),
            }
        }
        self.left -= 1;
        self.refused = self.refusing;
        !self.refused
    }
}

impl<S: MetricSink> MetricSink for Taken<'_, S> {
    fn series(&mut self, key: SeriesKey, labels: &dyn Fn() -> Labels) {
        if self.next() {
            self.sink.series(key, labels);
        }
    }

    fn sample(&mut self, time_ms: i64, value: f64) {
        if !self.refused {
            self.sink.sample(time_ms, value);
        }
    }

    fn histogram(&mut self, time_ms: i64, histogram: NativeHistogram) {
        if !self.refused {
            self.sink.histogram(time_ms, histogram);
        }
    }

    fn exemplar(&mut self, exemplar: Exemplar<'_>) {
        if !self.refused {
            self.sink.exemplar(exemplar);
        }
    }

    fn metadata(&mut self, metadata: Metadata<'_>) {
        self.sink.metadata(metadata);
    }
}

impl<S: LogSink> LogSink for Taken<'_, S> {
    fn stream(&mut self, stream: &Stream<'_>) {
        if self.next() {
            self.sink.stream(stream);
        }
    }

    fn record(&mut self, record: &LogRecord<'_>) {
        if !self.refused {
            self.sink.record(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_taken_and_refused_in_turn() {
        let taken = |runs: &[i64]| {
            let mut nobody = ();
            let mut taken = Taken::new(&mut nobody, runs);
            (0..8).map(|_| u8::from(taken.next())).collect::<Vec<_>>()
        };
        assert_eq!(taken(&[]), [1; 8]);
        assert_eq!(taken(&[0, 2]), [0, 0, 1, 1, 1, 1, 1, 1]);
        assert_eq!(taken(&[1, 1, 2, 3]), [1, 0, 1, 1, 0, 0, 0, 1]);
        assert_eq!(taken(&[2, 90]), [1, 1, 0, 0, 0, 0, 0, 0]);
    }
}
