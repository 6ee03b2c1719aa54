//! A sink that asks for everything, keeps nothing, and holds that no body tells more
//! than it has room to say.

use protocols::logs::{Field, LogRecord, LogSink, Stream};
use protocols::metrics::{Exemplar, Labels, Metadata, MetricSink, NativeHistogram, SeriesKey};
use protocols::spans::{SpanRecord, SpanSink};

/// Fields that one item may have, those of a parsed body included.
const MAX_FIELDS: usize = 1_024 + 64;

#[derive(Default)]
pub(crate) struct Counted {
    pub(crate) items: usize,
}

fn check(fields: &[Field<'_>]) {
    assert!(fields.len() <= MAX_FIELDS);
}

impl MetricSink for Counted {
    fn series(&mut self, _: SeriesKey, labels: &dyn Fn() -> Labels) {
        labels();
    }

    fn sample(&mut self, _: i64, _: f64) {}
    fn histogram(&mut self, _: i64, _: NativeHistogram) {}
    fn exemplar(&mut self, _: Exemplar<'_>) {}
    fn metadata(&mut self, _: Metadata<'_>) {}
}

impl LogSink for Counted {
    fn stream(&mut self, stream: &Stream<'_>) {
        check(&stream.fields);
        assert!(!stream.service.is_empty());
    }

    fn record(&mut self, record: &LogRecord<'_>) {
        self.items += 1;
        check(&record.fields);
    }
}

impl SpanSink for Counted {
    fn resource(&mut self, resource: &Stream<'_>) {
        check(&resource.fields);
    }

    fn span(&mut self, span: &SpanRecord<'_>) {
        self.items += 1;
        assert!(span.duration_ns >= 0);
        check(&span.fields);
        for event in &span.events {
            check(&event.fields);
        }
    }
}
