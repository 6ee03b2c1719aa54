//! OTLP/HTTP: `Export<Signal>ServiceResponse` with its partial success, and
//! `google.rpc.Status` for refusals, in the encoding of the request.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#otlphttp-response>.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use super::{BodyKind, Dialect, Refusal, Signal, Taken};

pub(in crate::telemetry) const OTLP: Dialect = Dialect { taken, refused };

const JSON: &str = "application/json";

fn taken(taken: &Taken) -> Response {
    if taken.kind.media != JSON {
        return protobuf(StatusCode::OK, export_response(taken));
    }
    let rejected = taken.walked.skipped.items;
    Json(match taken.complaint() {
        Some(text) => json!({ "partialSuccess": {
            rejected_name(taken.signal): rejected.to_string(), "errorMessage": text,
        } }),
        None => json!({}),
    })
    .into_response()
}

/// `Export<Signal>ServiceResponse`, which is alike for all signals.
pub(super) fn export_response(taken: &Taken) -> Vec<u8> {
    let mut body = Vec::new();
    if let Some(text) = taken.complaint() {
        let mut partial = Vec::new();
        number(&mut partial, 1, taken.walked.skipped.items);
        bytes(&mut partial, 2, text.as_bytes());
        bytes(&mut body, 1, &partial);
    }
    body
}

fn refused(refusal: &Refusal, kind: &BodyKind) -> Response {
    let (code, text) = (code(refusal.status()), refusal.to_string());
    let mut response = if kind.media == JSON {
        let status: Value = json!({ "code": code, "message": text });
        (refusal.status(), Json(status)).into_response()
    } else {
        let mut body = Vec::new();
        number(&mut body, 1, code);
        bytes(&mut body, 2, text.as_bytes());
        protobuf(refusal.status(), body)
    };
    refusal.dress(response.headers_mut());
    response
}

fn rejected_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => "rejectedDataPoints",
        Signal::Logs => "rejectedLogRecords",
        Signal::Traces => "rejectedSpans",
    }
}

/// The code of `google.rpc.Status` that says the same.
pub(super) fn code(status: StatusCode) -> u64 {
    match status {
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::FORBIDDEN => 7,
        StatusCode::TOO_MANY_REQUESTS => 8,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        _ => 3,
    }
}

fn protobuf(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, "application/x-protobuf")], body).into_response()
}

pub(super) fn number(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3);
    varint(out, value);
}

pub(super) fn bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
