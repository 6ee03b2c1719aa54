//! Checks what a metrics decoder tells.

use protocols::metrics::{
    Exemplar, Labels, Metadata, MetricSink, NAME, NativeHistogram, SeriesKey,
};
use schemas::telemetry::Window;
use xxhash_rust::xxh3::xxh3_64;

use super::{Reason, Walked};
use crate::telemetry::active::Day;

/// Samples within the window, series within the project's limit.
pub(super) struct Check<'a> {
    window: Window,
    active: &'a Day,
    arrived_ms: i64,
    /// Keys of two formats must not be taken for each other.
    salt: u64,
    /// The series begun last is one too many; and its metric, until one was named.
    over: bool,
    offender: String,
    pub(super) walked: Walked,
}

impl<'a> Check<'a> {
    pub(super) fn new(window: Window, active: &'a Day, format: &str, arrived_ns: i64) -> Self {
        Self {
            window,
            active,
            arrived_ms: arrived_ns.div_euclid(1_000_000),
            salt: xxh3_64(format.as_bytes()),
            over: false,
            offender: String::new(),
            walked: Walked::default(),
        }
    }

    /// Whether an item of the present series is taken.
    fn takes(&mut self, time_ms: i64) -> bool {
        if self.over {
            let (limit, offender) = (self.active.limit(), &self.offender);
            self.walked.skip(Reason::ActiveLimit, || {
                format!(
                    "the project has its {limit} active series; \
                     a new one of metric `{offender}` was refused"
                )
            });
            return false;
        }
        self.walked.timed_by_arrival |= time_ms == self.arrived_ms;
        self.walked.in_time(self.window, time_ms)
    }
}

impl MetricSink for Check<'_> {
    fn series(&mut self, key: SeriesKey, labels: &dyn Fn() -> Labels) {
        self.over = !self.active.admit(key.0 as u64 ^ self.salt);
        if self.over && self.walked.skipped.first.is_none() {
            labels()
                .get(NAME)
                .unwrap_or_default()
                .clone_into(&mut self.offender);
        }
    }

    fn sample(&mut self, time_ms: i64, _value: f64) {
        if self.takes(time_ms) {
            self.walked.taken.items += 1;
        }
    }

    fn histogram(&mut self, time_ms: i64, _histogram: NativeHistogram) {
        if self.takes(time_ms) {
            self.walked.taken.histograms += 1;
        }
    }

    /// One that is out of time is left out without a word: its sample says enough.
    fn exemplar(&mut self, exemplar: Exemplar<'_>) {
        if !self.over && self.window.contains(exemplar.time_ms) {
            self.walked.taken.exemplars += 1;
        }
    }

    fn metadata(&mut self, _metadata: Metadata<'_>) {
        self.walked.taken.metadata += 1;
    }
}
