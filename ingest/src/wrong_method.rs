//! A path of agents that is asked by a method that it does not take: 405, beside the `Allow`
//! that the router says, in the words of whoever's path it is.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::response::Response;

use crate::answered::Answered;
use crate::{IngestState, Refusal, telemetry};

pub(crate) async fn refuse(State(state): State<Arc<IngestState>>, request: Request) -> Response {
    let answered = Answered::of(&state, request.headers());
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map(MatchedPath::as_str).unwrap_or_default();
    let refusal = Refusal::WrongMethod(request.method().clone());
    answered.dress(telemetry::refused_at(path, &refusal))
}
