//! Answers that are sent piece by piece for as long as their reader takes: what ends a
//! credential ends them too.

use axum::BoxError;
use axum::body::{Body, Bytes};
use futures::{Stream, StreamExt};

use crate::Gateway;
use crate::operations::Allowed;

#[derive(Debug, thiserror::Error)]
#[error("the credential has ended")]
struct Ended;

/// A body of these pieces. The first that is due after the caller's credential has ended
/// is an error, as one of the pieces is: it breaks the transfer off, so that nobody takes
/// a part for the whole.
pub(crate) fn body<E: Into<BoxError> + 'static>(
    gateway: Gateway,
    allowed: &Allowed,
    pieces: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
) -> Body {
    let principal = allowed.principal().clone();
    let sent = pieces.map(move |piece| match gateway.still_admits(&principal) {
        true => piece.map_err(Into::into),
        false => Err(BoxError::from(Ended)),
    });
    Body::from_stream(sent)
}
