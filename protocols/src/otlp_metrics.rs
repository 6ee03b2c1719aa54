//! OTLP metrics as Prometheus' OTLP receiver understands them, formats
//! `otlp.metrics.protobuf` and `otlp.metrics.json`.
//!
//! Source: `opentelemetry/proto/metrics/v1/metrics.proto`, the mapping of protobuf to
//! JSON (ids are hexadecimal there), and "Prometheus and `OpenMetrics`
//! Compatibility" of OpenTelemetry. Names are translated with suffixes for unit and type
//! (`UnderscoreEscapingWithSuffixes`), `service.*` becomes `job` and `instance`, the
//! rest of a resource `target_info`. Points of delta temporality are left out, as
//! Prometheus leaves them out: adding them up needs state that a decoder has not.

mod json;
mod names;
mod points;
mod protobuf;
mod translate;

use crate::metrics::MetricSink;
use crate::refused::{Refused, Skipped};
use translate::Translator;

pub const PROTOBUF: &str = "otlp.metrics.protobuf";
pub const JSON: &str = "otlp.metrics.json";

/// Reads an `ExportMetricsServiceRequest`.
pub fn decode_protobuf(
    body: &[u8],
    _received_ns: i64,
    sink: &mut dyn MetricSink,
) -> Result<Skipped, Refused> {
    let mut translator = Translator::new(sink);
    protobuf::request(body, &mut translator)?;
    Ok(translator.skipped)
}

/// Reads an `ExportMetricsServiceRequest` as JSON.
pub fn decode_json(
    body: &[u8],
    _received_ns: i64,
    sink: &mut dyn MetricSink,
) -> Result<Skipped, Refused> {
    let mut translator = Translator::new(sink);
    json::request(&crate::json::text(body), &mut translator)?;
    Ok(translator.skipped)
}
