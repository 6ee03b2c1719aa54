//! Answers that are sent piece by piece for as long as their reader takes: what ends a
//! credential ends them too.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Json};
use futures::{Stream, StreamExt};
use promql::budget::Share;
use promql::render::Pieces;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::Gateway;
use crate::operations::Allowed;

/// How long a reader may take for a piece of an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Of an answer that is written already, so many bytes at once.
const PIECE: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
#[error("the credential has ended")]
struct Ended;

#[derive(Debug, thiserror::Error)]
#[error("the answer was not read for {} s", PATIENCE.as_secs())]
struct Stalled;

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

/// The answer of a query, written as its reader takes it. What is held for it is given back
/// with the last piece, or when the reader goes away or takes none for too long.
pub(crate) fn answer(mut pieces: Pieces, held: Arc<Share>) -> Response {
    let first = pieces.next().unwrap_or_default();
    let body = match pieces.next() {
        // A small one tells its length.
        None => Body::from(first),
        Some(second) => {
            let begun = [first, second].into_iter();
            Body::from_stream(written(begun.chain(pieces), held, PATIENCE))
        }
    };
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// An answer that is written at once. What is held for it is given back as above.
pub(crate) fn json(said: &impl Serialize, held: impl Send + 'static) -> Response {
    let Ok(text) = serde_json::to_vec(said) else {
        // Which says why.
        return Json(said).into_response();
    };
    let (length, text) = (text.len(), Bytes::from(text));
    let body = match length <= PIECE {
        true => Body::from(text),
        false => {
            let piece = move |from: usize| text.slice(from..length.min(from + PIECE));
            let pieces = (0..length).step_by(PIECE).map(piece);
            Body::from_stream(written(pieces, held, PATIENCE))
        }
    };
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// The pieces apart from their reader, who could hold what is held for them from everybody
/// by taking none. Whoever took too long gets an error: a part is not the whole.
fn written<P: Into<Bytes> + Send + 'static>(
    pieces: impl Iterator<Item = P> + Send + 'static,
    held: impl Send + 'static,
    patience: Duration,
) -> impl Stream<Item = Result<Bytes, Stalled>> {
    let (sender, mut receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let stalled = hand_over(pieces, &sender, patience).await;
        // Whoever has stalled may go on doing so, and others need what was held.
        drop(held);
        if let Err(stalled) = stalled {
            sender.send(Err(stalled)).await.ok();
        }
    });
    futures::stream::poll_fn(move |context| receiver.poll_recv(context))
}

/// Ends with the pieces, or when the reader has gone or takes none for so long.
async fn hand_over<P: Into<Bytes>>(
    pieces: impl Iterator<Item = P>,
    sender: &mpsc::Sender<Result<Bytes, Stalled>>,
    patience: Duration,
) -> Result<(), Stalled> {
    for piece in pieces {
        match timeout(patience, sender.reserve()).await {
            Ok(Ok(place)) => place.send(Ok(piece.into())),
            Ok(Err(_gone)) => break,
            Err(_) => return Err(Stalled),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use promql::budget::Budget;

    use super::*;

    #[tokio::test]
    async fn who_takes_nothing_holds_nothing_from_others_and_gets_no_part_for_the_whole() {
        let long = Duration::from_secs(60);
        let budget = Budget::with_patience(100, long);
        let held = budget.share();
        held.take(100).await.unwrap();
        let rows = Arc::new(());
        let of_rows = rows.clone();
        let pieces = (0..3).map(move |n| format!("{n}{}", Arc::strong_count(&of_rows)));
        let answer = written(pieces, held, Duration::from_millis(1));
        // Waits for as long as the other holds it.
        budget.share().take(100).await.unwrap();
        assert_eq!(Arc::strong_count(&rows), 1, "the rows are gone as well");
        let taken: Vec<_> = answer.map(|piece| piece.is_ok()).collect().await;
        assert_eq!(taken, [true, false]);
    }

    #[tokio::test]
    async fn what_is_held_for_a_long_answer_is_held_until_it_is_read() {
        let budget = Budget::with_patience(100, Duration::from_millis(1));
        let held = budget.share();
        held.take(100).await.unwrap();
        let said = "x".repeat(4 * PIECE);
        let answer = json(&said, vec![held]);
        assert!(budget.share().take(1).await.is_err());
        let read = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
        assert_eq!(read.unwrap(), format!("\"{said}\""));
        budget.share().take(100).await.unwrap();

        let held = budget.share();
        let answer = json(&"short", held);
        let read = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
        assert_eq!(read.unwrap(), "\"short\"");
    }

    #[tokio::test]
    async fn who_reads_gets_all_of_it() {
        let budget = Budget::new(100);
        let pieces = ["a", "b", "c"].map(str::to_owned).into_iter();
        let answer = written(pieces, budget.share(), PATIENCE);
        let taken: Vec<_> = answer.map(|piece| piece.unwrap()).collect().await;
        assert_eq!(taken.concat(), b"abc");
    }
}
