//! Sinks that keep what they are told.

use protocols::formats::{self, LOGS, SPANS};
use protocols::logs::{Level, LogRecord, LogSink, Stream};
use protocols::refused::{Refused, Skipped};
use protocols::spans::{SpanEvent, SpanLink, SpanRecord, SpanSink};

/// When the bodies of these tests were received: 2026-09-21T14:13:20Z.
pub(crate) const NOW: i64 = 1_790_000_000_000_000_000;

pub(crate) type Pairs = Vec<(String, String)>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) service: String,
    pub(crate) stream: Pairs,
    pub(crate) time_ns: i64,
    pub(crate) level: Level,
    pub(crate) level_text: String,
    pub(crate) body: String,
    pub(crate) trace_id: Option<[u8; 16]>,
    pub(crate) span_id: Option<[u8; 8]>,
    pub(crate) fields: Pairs,
}

#[derive(Debug, Default)]
pub(crate) struct Lines {
    service: String,
    stream: Pairs,
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug, Default)]
pub(crate) struct Spans {
    resource: (String, Pairs),
    pub(crate) spans: Vec<Span>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) resource: Pairs,
    pub(crate) record: SpanRecord<'static>,
}

pub(crate) fn pairs<N: AsRef<str>, V: AsRef<str>>(fields: &[(N, V)]) -> Pairs {
    let owned = fields
        .iter()
        .map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned()));
    owned.collect()
}

impl Line {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(known, _)| known == name)?;
        Some(value)
    }
}

impl LogSink for Lines {
    fn stream(&mut self, stream: &Stream<'_>) {
        self.service = stream.service.to_string();
        self.stream = pairs(&stream.fields);
    }

    fn record(&mut self, record: &LogRecord<'_>) {
        self.lines.push(Line {
            service: self.service.clone(),
            stream: self.stream.clone(),
            time_ns: record.time_ns,
            level: record.level,
            level_text: record.level_text.to_string(),
            body: record.body.to_string(),
            trace_id: record.trace_id,
            span_id: record.span_id,
            fields: pairs(&record.fields),
        });
    }
}

fn owned(fields: &[protocols::logs::Field<'_>]) -> Vec<protocols::logs::Field<'static>> {
    pairs(fields)
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

impl SpanSink for Spans {
    fn resource(&mut self, resource: &Stream<'_>) {
        self.resource = (resource.service.to_string(), pairs(&resource.fields));
    }

    fn span(&mut self, span: &SpanRecord<'_>) {
        let text = |text: &str| text.to_owned().into();
        let events = span.events.iter().map(|event| SpanEvent {
            time_ns: event.time_ns,
            name: text(&event.name),
            fields: owned(&event.fields),
        });
        let links = span.links.iter().map(|link| SpanLink {
            trace_id: link.trace_id,
            span_id: link.span_id,
            fields: owned(&link.fields),
        });
        self.spans.push(Span {
            service: self.resource.0.clone(),
            resource: self.resource.1.clone(),
            record: SpanRecord {
                trace_id: span.trace_id,
                span_id: span.span_id,
                parent_id: span.parent_id,
                name: text(&span.name),
                kind: span.kind,
                start_ns: span.start_ns,
                duration_ns: span.duration_ns,
                status: span.status,
                status_message: text(&span.status_message),
                trace_state: text(&span.trace_state),
                scope: text(&span.scope),
                fields: owned(&span.fields),
                events: events.collect(),
                links: links.collect(),
            },
        });
    }
}

/// Decodes as a record of `format` would be.
pub(crate) fn lines(format: &str, body: &[u8]) -> Result<(Vec<Line>, Skipped), Refused> {
    let mut sink = Lines::default();
    let decode = formats::find(LOGS, format).unwrap().decode;
    let skipped = decode(body, NOW, &mut sink)?;
    Ok((sink.lines, skipped))
}

/// The lines of a body that nothing is wrong with.
pub(crate) fn all_lines(format: &str, body: &[u8]) -> Vec<Line> {
    let (lines, skipped) = lines(format, body).unwrap();
    assert_eq!(skipped, Skipped::default());
    lines
}

pub(crate) fn spans(format: &str, body: &[u8]) -> Result<(Vec<Span>, Skipped), Refused> {
    let mut sink = Spans::default();
    let decode = formats::find(SPANS, format).unwrap().decode;
    let skipped = decode(body, NOW, &mut sink)?;
    Ok((sink.spans, skipped))
}

pub(crate) fn all_spans(format: &str, body: &[u8]) -> Vec<Span> {
    let (spans, skipped) = spans(format, body).unwrap();
    assert_eq!(skipped, Skipped::default());
    spans
}

/// An id of `N` bytes from its digits.
pub(crate) fn id<const N: usize>(digits: &str) -> [u8; N] {
    assert_eq!(digits.len(), 2 * N);
    std::array::from_fn(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
}
