//! Checks what a decoder of spans tells.

use protocols::logs::Stream;
use protocols::spans::{SpanRecord, SpanSink};
use schemas::telemetry::Window;

use super::Walked;

/// Spans that began within the window.
pub(super) struct Check {
    window: Window,
    pub(super) walked: Walked,
}

impl Check {
    pub(super) fn new(window: Window) -> Self {
        Self {
            window,
            walked: Walked::default(),
        }
    }
}

impl SpanSink for Check {
    fn resource(&mut self, _resource: &Stream<'_>) {}

    fn span(&mut self, span: &SpanRecord<'_>) {
        let time_ms = span.start_ns.div_euclid(1_000_000);
        if self.walked.in_time(self.window, time_ms) {
            self.walked.taken.items += 1;
        }
    }
}
