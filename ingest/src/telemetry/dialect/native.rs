//! Our own JSON: 202 with what was taken, problem details for the rest.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

use super::{BodyKind, Dialect, Refusal, Taken};

pub(in crate::telemetry) const NATIVE: Dialect = Dialect { taken, refused };

fn taken(taken: &Taken) -> Response {
    let counts = &taken.walked.taken;
    let answer = json!({
        "accepted": counts.items + counts.histograms,
        "refused": taken.walked.skipped.items,
        "reason": taken.complaint(),
    });
    (StatusCode::ACCEPTED, Json(answer)).into_response()
}

fn refused(refusal: &Refusal, _: &BodyKind) -> Response {
    refusal.problem()
}
