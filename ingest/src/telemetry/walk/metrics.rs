//! Checks what a metrics decoder tells.

use protocols::metrics::{
    Exemplar, Labels, Metadata, MetricSink, NAME, NativeHistogram, SeriesKey,
};
use schemas::telemetry::Window;

use super::series::{Judge, Over};
use super::{Reason, Walked};

/// Samples within the window, series within the tenant's limits.
pub(super) struct Check<'a> {
    window: Window,
    judge: Judge<'a>,
    arrived_ms: i64,
    /// Keys of two formats or projects must not be taken for each other.
    salt: u64,
    /// The series begun last is refused; and its metric, where none was named yet.
    over: Option<Over>,
    offender: String,
    pub(super) walked: Walked,
}

impl<'a> Check<'a> {
    pub(super) fn new(window: Window, judge: Judge<'a>, salt: u64, arrived_ns: i64) -> Self {
        Self {
            window,
            judge,
            arrived_ms: arrived_ns.div_euclid(1_000_000),
            salt,
            over: None,
            offender: String::new(),
            walked: Walked::default(),
        }
    }

    /// Whether an item of the present series is taken.
    fn takes(&mut self, time_ms: i64) -> bool {
        if let Some(over) = &self.over {
            let offender = &self.offender;
            self.walked
                .skip(over.reason, || over.why(&format!("metric `{offender}`")));
            return false;
        }
        self.walked.timed_by_arrival |= time_ms == self.arrived_ms;
        self.walked.in_time(self.window, time_ms)
    }
}

impl MetricSink for Check<'_> {
    fn series(&mut self, key: SeriesKey, labels: &dyn Fn() -> Labels) {
        let measure = || {
            let labels = labels();
            let longest = labels.pairs().iter().map(|(_, value)| value.len()).max();
            (labels.pairs().len(), longest.unwrap_or(0))
        };
        self.over = self.judge.judge(key.0 as u64 ^ self.salt, measure);
        self.walked.runs.push(self.over.is_none());
        let Some(over) = &self.over else { return };
        let unnamed = over.reason == Reason::ActiveLimit && self.walked.offender.is_none();
        if self.walked.skipped.first.is_none() || unnamed {
            labels()
                .get(NAME)
                .unwrap_or_default()
                .clone_into(&mut self.offender);
        }
        if unnamed {
            self.walked.offender = Some(self.offender.clone());
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
        if self.over.is_none() && self.window.contains(exemplar.time_ms) {
            self.walked.taken.exemplars += 1;
        }
    }

    fn metadata(&mut self, _metadata: Metadata<'_>) {
        self.walked.taken.metadata += 1;
    }
}
