//! Decodes, and holds that no body tells more than it has room to say.

#![allow(dead_code, reason = "each target uses one of them")]

use protocols::formats::{self, LOGS, SPANS};
use protocols::logs::{Field, LogRecord, LogSink, Stream};
use protocols::spans::{SpanRecord, SpanSink};

/// Fields that one item may have, those of a parsed body included.
const MAX_FIELDS: usize = 1_024 + 64;

#[derive(Default)]
struct Counted {
    items: usize,
}

impl Counted {
    fn fields(&self, fields: &[Field<'_>]) {
        assert!(fields.len() <= MAX_FIELDS);
    }
}

impl LogSink for Counted {
    fn stream(&mut self, stream: &Stream<'_>) {
        self.fields(&stream.fields);
        assert!(!stream.service.is_empty());
    }

    fn record(&mut self, record: &LogRecord<'_>) {
        self.items += 1;
        self.fields(&record.fields);
    }
}

impl SpanSink for Counted {
    fn resource(&mut self, resource: &Stream<'_>) {
        self.fields(&resource.fields);
    }

    fn span(&mut self, span: &SpanRecord<'_>) {
        self.items += 1;
        assert!(span.duration_ns >= 0);
        self.fields(&span.fields);
        for event in &span.events {
            self.fields(&event.fields);
        }
    }
}

pub fn logs(format: &str, body: &[u8]) {
    let mut counted = Counted::default();
    let format = formats::find(LOGS, format).expect("a format of the registry");
    if let Err(refused) = (format.decode)(body, 0, &mut counted) {
        assert!(!refused.detail.is_empty());
    }
    assert!(counted.items <= body.len());
}

pub fn spans(format: &str, body: &[u8]) {
    let mut counted = Counted::default();
    let format = formats::find(SPANS, format).expect("a format of the registry");
    if let Err(refused) = (format.decode)(body, 0, &mut counted) {
        assert!(!refused.detail.is_empty());
    }
    assert!(counted.items <= body.len());
}
