//! Remote write 1.0 and 2.0: errors as text. Neither knows partial success: what was
//! left out is told by 400, on which the sender does not repeat what was taken.
//!
//! Source: <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>.

use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{BodyKind, Dialect, Refusal, Taken};

pub(in crate::telemetry) const PROMETHEUS: Dialect = Dialect { taken, refused };

/// Version 2.0 wants to know what was written; a repeat is told the same as the first.
fn taken(taken: &Taken) -> Response {
    let mut response = match taken.complaint() {
        Some(complaint) => (StatusCode::BAD_REQUEST, complaint).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    };
    if is_v2(taken.kind) {
        let counts = &taken.walked.taken;
        let written = [counts.items, counts.histograms, counts.exemplars];
        tell_written(response.headers_mut(), written);
    }
    response
}

/// Without these headers a sender of version 2.0 takes nothing for granted of what became
/// of its samples, and warns of a receiver that speaks only 1.0.
fn tell_written(headers: &mut HeaderMap, written: [u64; 3]) {
    let names = [
        "x-prometheus-remote-write-samples-written",
        "x-prometheus-remote-write-histograms-written",
        "x-prometheus-remote-write-exemplars-written",
    ];
    for (name, count) in names.into_iter().zip(written) {
        headers.insert(HeaderName::from_static(name), count.into());
    }
}

fn is_v2(kind: &BodyKind) -> bool {
    kind.format == "prometheus.remote_write.v2"
}

fn refused(refusal: &Refusal, kind: &BodyKind) -> Response {
    let mut response = (refusal.status(), refusal.to_string()).into_response();
    let headers = response.headers_mut();
    refusal.dress(headers);
    if is_v2(kind) {
        tell_written(headers, [0; 3]);
    }
    response
}
