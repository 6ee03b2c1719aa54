//! Every telemetry format: the name that log records carry, and its decoder. Ingest
//! walks a body with a sink that checks; the projection with one that stores.

use crate::logs::LogSink;
use crate::metrics::MetricSink;
use crate::refused::{Refused, Skipped};
use crate::spans::SpanSink;
use crate::{elastic_bulk, loki, native_logs, native_spans, otlp_logs, otlp_spans, syslog};
use crate::{native_metrics, otlp_metrics, remote_write_v1, remote_write_v2};

/// Decodes a decompressed body; `now_ns` is when it was received.
pub type DecodeMetrics = fn(&[u8], i64, &mut dyn MetricSink) -> Result<Skipped, Refused>;
/// The same for logs; what has no time of its own is of `now_ns`.
pub type DecodeLogs = fn(&[u8], i64, &mut dyn LogSink) -> Result<Skipped, Refused>;
/// The same for spans.
pub type DecodeSpans = fn(&[u8], i64, &mut dyn SpanSink) -> Result<Skipped, Refused>;

/// A format of one signal. `name` is on disk in log records: it never changes.
#[derive(Debug, Clone, Copy)]
pub struct Format<D: 'static> {
    pub name: &'static str,
    pub decode: D,
}

const fn format<D: Copy>(name: &'static str, decode: D) -> Format<D> {
    Format { name, decode }
}

/// Formats of topic `telemetry.metrics`.
pub const METRICS: &[Format<DecodeMetrics>] = &[
    format(remote_write_v1::FORMAT, remote_write_v1::decode),
    format(remote_write_v2::FORMAT, remote_write_v2::decode),
    format(otlp_metrics::PROTOBUF, otlp_metrics::decode_protobuf),
    format(otlp_metrics::JSON, otlp_metrics::decode_json),
    format(native_metrics::FORMAT, native_metrics::decode),
];
/// Formats of topic `telemetry.logs`.
pub const LOGS: &[Format<DecodeLogs>] = &[
    otlp_logs::PROTOBUF,
    otlp_logs::JSON,
    loki::PROTOBUF,
    loki::JSON,
    elastic_bulk::BULK,
    syslog::RFC5424,
    native_logs::JSON,
];
/// Formats of topic `telemetry.traces`.
pub const SPANS: &[Format<DecodeSpans>] =
    &[otlp_spans::PROTOBUF, otlp_spans::JSON, native_spans::JSON];

/// The format that a record names.
pub fn find<D>(formats: &'static [Format<D>], name: &str) -> Option<&'static Format<D>> {
    formats.iter().find(|format| format.name == name)
}
