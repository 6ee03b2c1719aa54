//! What every answer to an agent has besides what its dialect says: the same headers as
//! the answers to people. It is put on where an answer is made, since a layer around the
//! routes would be copied with all of them for every request.

use access::answers;
use axum::http::HeaderMap;
use axum::response::Response;
use schemas::context::{Clock, Context};
use uuid::Uuid;

use crate::IngestState;

/// Known before the request is taken apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    pub(crate) id: Uuid,
    https: bool,
}

impl Answered {
    /// By the caller's id if it sent a UUID, else by a new one.
    pub(crate) fn of(state: &IngestState, sent: &HeaderMap) -> Self {
        match answers::sent_id(sent) {
            Some(id) => Self {
                id,
                https: state.https,
            },
            None => Self::anew(state.https),
        }
    }

    pub(crate) fn anew(https: bool) -> Self {
        let id = Context::ambient(&Clock::System).id();
        Self { id, https }
    }

    /// An id that a refusal has told already stays: our own log tells more under it.
    pub(crate) fn dress(self, mut answer: Response) -> Response {
        let headers = answer.headers_mut();
        answers::name(headers, self.id);
        answers::secure(headers, self.https);
        answers::holds_data(headers);
        answer
    }
}
