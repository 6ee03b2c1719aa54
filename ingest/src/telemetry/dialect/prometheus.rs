//! Remote write 1.0 and 2.0: errors as text. Neither knows partial success: what was
//! left out is told by 400, on which the sender does not repeat what was taken.
//!
//! Source: <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>.

use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{BodyKind, Dialect, Refusal, Taken};

pub(in crate::telemetry) const PROMETHEUS: Dialect = Dialect { taken, refused };

/// Version 2.0 wants to know what was written; a repeat is told the same as the first.
fn taken(taken: &Taken) -> Response {
    let mut response = match taken.complaint() {
        Some(complaint) => (StatusCode::BAD_REQUEST, complaint).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    };
    if taken.kind.format == "prometheus.remote_write.v2" {
        let counts = &taken.walked.taken;
        let written = [
            ("x-prometheus-remote-write-samples-written", counts.items),
            (
                "x-prometheus-remote-write-histograms-written",
                counts.histograms,
            ),
            (
                "x-prometheus-remote-write-exemplars-written",
                counts.exemplars,
            ),
        ];
        for (name, count) in written {
            let headers = response.headers_mut();
            headers.insert(HeaderName::from_static(name), count.into());
        }
    }
    response
}

fn refused(refusal: &Refusal, _: &BodyKind) -> Response {
    let mut response = (refusal.status(), refusal.to_string()).into_response();
    refusal.dress(response.headers_mut());
    response
}
