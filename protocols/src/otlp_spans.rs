//! OTLP traces over HTTP or gRPC: `ExportTraceServiceRequest` as protobuf and as JSON.
//!
//! Source: `opentelemetry/proto/trace/v1/trace.proto`, and bodies captured from the
//! SDKs for Python (protobuf) and JavaScript (JSON), which are the fixtures.

mod json;
mod protobuf;

use crate::formats::{DecodeSpans, Format};
use crate::otlp_envelope::{self as envelope, Names, Part};
use crate::refused::{Refused, Skipped};
use crate::spans::{SpanKind, SpanSink, SpanStatus};

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
            Part::Item { scope, item } => sink.span(&protobuf::span(item, scope)?),
        }
        Ok(())
    })
}

pub fn json(body: &[u8], _now_ns: i64, sink: &mut dyn SpanSink) -> Result<Skipped, Refused> {
    envelope::json(body, &NAMES, |part| {
        match part {
            Part::Resource(resource) => sink.resource(resource),
            Part::Item { scope, item } => sink.span(&json::span(item, scope)?),
        }
        Ok(())
    })
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
