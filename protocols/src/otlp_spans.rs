//! OTLP traces over HTTP or gRPC: `ExportTraceServiceRequest` as protobuf and as JSON.
//!
//! Source: `opentelemetry/proto/trace/v1/trace.proto`, and bodies captured from the
//! SDKs for Python (protobuf) and JavaScript (JSON), which are the fixtures.

mod json;
mod protobuf;

use crate::formats::{DecodeSpans, Format};
use crate::item_limits::MAX_FIELDS;
use crate::otlp_envelope::{self as envelope, Names, Part, Scope};
use crate::refused::{Refused, Skipped};
use crate::spans::{SCOPE_VERSION, SpanKind, SpanRecord, SpanSink, SpanStatus};

pub const PROTOBUF: Format<DecodeSpans> = Format {
    name: "otlp.spans.protobuf",
    decode: protobuf,
};
pub const JSON: Format<DecodeSpans> = Format {
    name: "otlp.spans.json",
    decode: json,
};

const NAMES: Names = Names {
    protobuf: ["resource_spans", "scope_spans", "spans"],
    json: ["resourceSpans", "scopeSpans", "spans"],
};

pub fn protobuf(body: &[u8], _now_ns: i64, sink: &mut dyn SpanSink) -> Result<Skipped, Refused> {
    envelope::protobuf(body, &NAMES, |part| {
        match part {
            Part::Resource(resource) => sink.resource(resource),
            Part::Item { scope, item } => {
                sink.span(&versioned(protobuf::span(item, scope)?, scope))
            }
        }
        Ok(())
    })
}

pub fn json(body: &[u8], _now_ns: i64, sink: &mut dyn SpanSink) -> Result<Skipped, Refused> {
    envelope::json(body, &NAMES, |part| {
        match part {
            Part::Resource(resource) => sink.resource(resource),
            Part::Item { scope, item } => sink.span(&versioned(json::span(item, scope)?, scope)),
        }
        Ok(())
    })
}

/// The version of a scope is a field of its spans: among those that are all alike it costs
/// next to nothing. A span that has its fill of fields goes without.
#[inline]
fn versioned<'r>(mut span: SpanRecord<'r>, scope: &'r Scope<'_>) -> SpanRecord<'r> {
    let version = scope.version();
    if !version.is_empty() && span.fields.len() < MAX_FIELDS {
        span.fields.push((SCOPE_VERSION.into(), version.into()));
    }
    span
}

/// What newer senders may add is unspecified.
fn kind(number: i64) -> SpanKind {
    usize::try_from(number)
        .ok()
        .and_then(|index| SpanKind::ALL.get(index).copied())
        .unwrap_or_default()
}

fn status(number: i64) -> SpanStatus {
    usize::try_from(number)
        .ok()
        .and_then(|index| SpanStatus::ALL.get(index).copied())
        .unwrap_or_default()
}

fn missing(field: &str) -> Refused {
    Refused::new(field, "it is missing or zero")
}
