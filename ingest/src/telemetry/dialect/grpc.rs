//! OTLP/gRPC: the answers of OTLP/HTTP as gRPC frames them. What passes is
//! `UNAVAILABLE` with a time to come back, said in every way that clients look for:
//! exporters drop the data on any other status of a server in trouble.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-response>.

use std::future::ready;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{BufMut, Bytes};
use http_body_util::{BodyExt, Full};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::otlp::{bytes, code, export_response, number};
use super::{Dialect, Refusal, Taken};

pub(in crate::telemetry) const OTLP_GRPC: Dialect = Dialect {
    taken,
    refused: |refusal, _| refused(refusal),
};

const MEDIA: &str = "application/grpc";
const STATUS: &str = "grpc-status";
const ACCEPTED: &str = "identity,gzip,deflate,zstd";
const OK: u64 = 0;
const UNIMPLEMENTED: u64 = 12;
const UNAVAILABLE: u64 = 14;
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
/// What `grpc-message` may not hold as it is, beside bytes outside ASCII.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');
/// Clients bound all headers together, some to 8 KiB.
const MESSAGE_CHARS: usize = 400;

fn taken(taken: &Taken) -> Response {
    let message = export_response(taken);
    let mut framed = Vec::with_capacity(message.len() + 5);
    framed.put_u8(0);
    framed.put_u32(message.len() as u32);
    framed.extend(message);
    let trailers = HeaderMap::from_iter([(HeaderName::from_static(STATUS), OK.into())]);
    let body = Full::new(Bytes::from(framed)).with_trailers(ready(Some(Ok(trailers))));
    let headers = [
        (CONTENT_TYPE.as_str(), MEDIA),
        ("grpc-accept-encoding", ACCEPTED),
    ];
    (headers, Body::new(body)).into_response()
}

/// An answer without a message says its status in the headers.
pub(in crate::telemetry) fn refused(refusal: &Refusal) -> Response {
    let text: String = refusal.to_string().chars().take(MESSAGE_CHARS).collect();
    let Some(seconds) = refusal.retry_after_seconds() else {
        return status(code(refusal.status()), &text);
    };
    let mut response = status(UNAVAILABLE, &text);
    let retry_info = retry_info(seconds);
    let headers = response.headers_mut();
    headers.insert(
        "grpc-retry-pushback-ms",
        (u64::from(seconds) * 1_000).into(),
    );
    headers.insert(
        "grpc-status-details-bin",
        binary(&details(&text, &retry_info)),
    );
    headers.insert("google.rpc.retryinfo-bin", binary(&retry_info));
    response
}

/// No such service or method is known.
pub(in crate::telemetry) fn unimplemented() -> Response {
    status(UNIMPLEMENTED, "only the Export calls of OTLP are known")
}

fn status(code: u64, text: &str) -> Response {
    let escaped = utf8_percent_encode(text, ESCAPED).to_string();
    let headers = [
        (CONTENT_TYPE.as_str(), MEDIA.to_owned()),
        ("grpc-accept-encoding", ACCEPTED.to_owned()),
        (STATUS, code.to_string()),
        ("grpc-message", escaped),
    ];
    (headers, Body::empty()).into_response()
}

/// `google.rpc.RetryInfo`.
fn retry_info(seconds: u16) -> Vec<u8> {
    let (mut duration, mut info) = (Vec::new(), Vec::new());
    number(&mut duration, 1, seconds.into());
    bytes(&mut info, 1, &duration);
    info
}

/// `google.rpc.Status` with one detail.
fn details(text: &str, retry_info: &[u8]) -> Vec<u8> {
    let (mut detail, mut out) = (Vec::new(), Vec::new());
    bytes(&mut detail, 1, RETRY_INFO.as_bytes());
    bytes(&mut detail, 2, retry_info);
    number(&mut out, 1, UNAVAILABLE);
    bytes(&mut out, 2, text.as_bytes());
    bytes(&mut out, 3, &detail);
    out
}

fn binary(value: &[u8]) -> HeaderValue {
    let text = STANDARD_NO_PAD.encode(value);
    HeaderValue::try_from(text).expect("base64 is ASCII")
}
