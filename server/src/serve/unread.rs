//! A body that nobody has read stands between an answer and the next request of its
//! connection: HTTP/1 is closed behind the answer, and a client that was not told so loses
//! what it sends next (RFC 9112, 9.6). Little is read to its end; else the answer says that
//! the connection is closed.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderValue, Request};
use axum::response::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::time::timeout;
use tower::Service;

/// What is little, in bytes.
const LITTLE: usize = 64 * 1024;
/// How long an answer waits for it.
const SOON: Duration = Duration::from_secs(1);

/// Answers one request of a connection of HTTP/1.
pub(super) async fn answer(
    mut router: Router,
    lender: Lender,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    if request.body().is_end_stream() {
        return router.call(request).await;
    }
    // Who waits to be invited has not sent it yet.
    let waits = request.headers().contains_key(EXPECT);
    let mut answer = router.call(request.map(|body| lender.lend(body))).await?;
    if let Some(rest) = lender.back()
        && (waits || !read_away(rest).await)
    {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(CONNECTION, close);
    }
    Ok(answer)
}

/// Whether the body ended soon, and with little.
async fn read_away(rest: Incoming) -> bool {
    let declared = rest.size_hint().upper();
    if declared.is_some_and(|bytes| bytes > LITTLE as u64) {
        return false;
    }
    let read = timeout(SOON, to_bytes(Body::new(rest), LITTLE)).await;
    read.is_ok_and(|read| read.is_ok())
}

/// Lends the bodies of one connection to those who read them, and has back what they
/// leave. HTTP/1 has one request at a time.
#[derive(Clone, Default)]
pub(super) struct Lender(Arc<Mutex<Loan>>);

#[derive(Default)]
enum Loan {
    /// No answer is being made; what comes back now comes too late.
    #[default]
    None,
    Open,
    Back(Incoming),
}

impl Lender {
    fn lend(&self, body: Incoming) -> Lent {
        *self.0.lock() = Loan::Open;
        Lent {
            body: Some(body),
            lender: self.clone(),
        }
    }

    fn back(&self) -> Option<Incoming> {
        let loan = std::mem::take(&mut *self.0.lock());
        match loan {
            Loan::Back(rest) => Some(rest),
            Loan::None | Loan::Open => None,
        }
    }
}

/// A body that goes back to its lender when it is dropped before its end.
struct Lent {
    body: Option<Incoming>,
    lender: Lender,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
        if let Poll::Ready(None | Some(Err(_))) = polled {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.body.as_ref().map(HttpBody::size_hint);
        hint.unwrap_or_else(|| SizeHint::with_exact(0))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(rest) = self.body.take().filter(|rest| !rest.is_end_stream()) else {
            return;
        };
        let mut loan = self.lender.0.lock();
        if matches!(*loan, Loan::Open) {
            *loan = Loan::Back(rest);
        }
    }
}
