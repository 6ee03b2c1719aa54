//! Traces that a search answers with all their spans.

use std::sync::Arc;

use promql::budget::Share;

use super::super::trace::Trace;

/// An answer ends with the trace that reaches so many spans.
pub const MOST_SPANS: usize = 200_000;

/// The newest first.
#[derive(Debug, Clone, Default)]
pub struct Found {
    pub traces: Vec<Trace>,
    /// There are more than the limit.
    pub more: bool,
    /// So many more are within the limit, and beyond [`MOST_SPANS`].
    pub left_out: usize,
    /// What the traces take of the memory of all queries, until it is dropped.
    pub held: Arc<Share>,
    spans: usize,
}

impl Found {
    pub(super) fn begin(more: bool, held: Arc<Share>) -> Self {
        Self {
            more,
            held,
            ..Self::default()
        }
    }

    pub(super) fn is_full(&self, most_spans: usize) -> bool {
        self.spans >= most_spans
    }

    /// Takes the next one, as far as there is room.
    pub(super) fn take(&mut self, most_spans: usize, trace: impl FnOnce() -> Trace) {
        if self.is_full(most_spans) {
            self.left_out += 1;
            return;
        }
        let trace = trace();
        self.spans += trace.spans.len();
        self.traces.push(trace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::spans::samples;

    #[test]
    fn it_ends_with_the_trace_that_reaches_the_most() {
        let table = samples::table(1);
        let trace = || Trace::of(&table, &table.rows);
        assert_eq!(trace().spans.len(), 10);
        let mut found = Found::begin(true, Arc::default());
        for _ in 0..5 {
            found.take(21, trace);
        }
        assert_eq!((found.traces.len(), found.left_out), (3, 2));
        assert!(found.more && found.is_full(30) && !found.is_full(31));
    }
}
