//! Loki's push API: `logproto.PushRequest` as protobuf (its snappy is removed before)
//! and as JSON, both with structured metadata.
//!
//! Source: `pkg/push/push.proto` of Loki, "Ingest logs" in its HTTP API reference, and
//! bodies captured from pino-loki and python-logging-loki, which are the fixtures.

mod json;
mod labels;
mod protobuf;

use std::borrow::Cow;

use crate::formats::{DecodeLogs, Format};
use crate::log_text;
use crate::logs::{Field, Level, LogRecord, LogSink, Stream};
use crate::refused::Refused;

pub const PROTOBUF: Format<DecodeLogs> = Format {
    name: "loki.push.protobuf",
    decode: protobuf::decode,
};
pub const JSON: Format<DecodeLogs> = Format {
    name: "loki.push.json",
    decode: json::decode,
};

/// Labels of a stream that name its service, the first that is there: `service_name` and
/// what Loki makes it from (`discover_service_name` of its limits, in Loki's order).
pub const SERVICE_LABELS: [&str; 14] = [
    "service_name",
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];

fn stream(fields: Vec<Field<'_>>) -> Stream<'_> {
    Stream {
        service: log_text::service(&fields, &SERVICE_LABELS),
        fields,
    }
}

fn tell<'r>(
    time_ns: i64,
    line: &'r str,
    metadata: Vec<Field<'r>>,
    stream: &Stream<'_>,
    sink: &mut dyn LogSink,
) -> Vec<Field<'r>> {
    let mut record = LogRecord {
        time_ns,
        level: Level::Unknown,
        level_text: Cow::Borrowed(""),
        body: Cow::Borrowed(line),
        trace_id: None,
        span_id: None,
        fields: metadata,
    };
    log_text::complete(&mut record, line, &stream.fields);
    sink.record(&record);
    record.fields
}

fn not_in_range(field: &str, quoted: &str) -> Refused {
    Refused::new(field, format!("{quoted:?} is not a time in nanoseconds"))
}
