//! Takes what a decoder reads into a table.

use protocols::logs::{LogRecord, LogSink, Stream};
use schemas::telemetry::Window;

use super::table::{Arrival, Table};

/// The records of one body.
pub(super) struct Sink<'a> {
    table: &'a mut Table,
    window: Window,
    stream: Option<u32>,
    next: Arrival,
    outside: u64,
}

impl<'a> Sink<'a> {
    pub(super) fn new(table: &'a mut Table, window: Window, received_ns: i64, offset: i64) -> Self {
        Self {
            table,
            window,
            stream: None,
            next: Arrival {
                received_ns,
                offset,
                index: 0,
            },
            outside: 0,
        }
    }

    /// Records whose time ingest did not take either.
    pub(super) fn outside(&self) -> u64 {
        self.outside
    }
}

impl LogSink for Sink<'_> {
    fn stream(&mut self, stream: &Stream<'_>) {
        self.stream = Some(self.table.stream(stream));
    }

    fn record(&mut self, record: &LogRecord<'_>) {
        let arrival = self.next;
        self.next.index += 1;
        if !self.window.contains(record.time_ns.div_euclid(1_000_000)) {
            self.outside += 1;
            return;
        }
        let table = &mut self.table;
        let stream = *self.stream.get_or_insert_with(|| {
            table.stream(&Stream {
                service: "unknown_service".into(),
                fields: Vec::new(),
            })
        });
        self.table.push(stream, record, arrival);
    }
}
