//! Loki: 204, or text. It has no partial success: as with Loki itself, 400 tells what
//! was left out, and the others are stored.
//!
//! Source: "Ingest logs" in the HTTP API reference of Loki.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{BodyKind, Dialect, Refusal, Taken};

pub(in crate::telemetry) const LOKI: Dialect = Dialect { taken, refused };

fn taken(taken: &Taken) -> Response {
    match taken.complaint() {
        Some(complaint) => (StatusCode::BAD_REQUEST, complaint).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

fn refused(refusal: &Refusal, _: &BodyKind) -> Response {
    let mut response = (refusal.status(), refusal.to_string()).into_response();
    refusal.dress(response.headers_mut());
    response
}
