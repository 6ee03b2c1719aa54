//! What every request goes through on its way in and every answer on its way out. It
//! lies around all routes together: a layer of the router lies around each of them,
//! and is copied with all that is inside it for every request.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::BoxFuture;
use tower::{Layer, Service};

use crate::Gateway;
use crate::dialects::Dialect;
use crate::error::Error;
use crate::{console, headers, proxies, request};

/// Names the request and says where it came from; gives the answer its headers and,
/// where it is a problem, its body.
#[derive(Clone)]
pub(crate) struct Dress(pub(crate) Gateway);

/// A service that is dressed.
#[derive(Clone)]
pub(crate) struct Dressed<S> {
    gateway: Gateway,
    inner: S,
}

impl<S> Layer<S> for Dress {
    type Service = Dressed<S>;

    fn layer(&self, inner: S) -> Dressed<S> {
        Dressed {
            gateway: self.0.clone(),
            inner,
        }
    }
}

impl<S> Service<Request> for Dressed<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let config = &self.gateway.config;
        proxies::locate(&config.trusted_proxies, &mut request);
        let id = request::identify(&mut request);
        let browser = console::wants_html(request.headers());
        let dialect = Dialect::of(request.uri().path());
        let secure = config.public_url.is_secure();
        // A half-done request leaves nothing behind that another one sees.
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            let mut answer = match answer.await {
                Ok(Ok(answer)) => answer,
                Err(_) => Error::Internal("a handler panicked".to_owned()).into_response(),
            };
            if browser {
                answer = console::instead_of_problem(answer);
            } else if let Some(dialect) = dialect {
                answer = dialect.speak(answer);
            }
            request::name(&id, &mut answer);
            headers::keep_promise(answer.status(), answer.headers_mut());
            headers::secure(answer.headers_mut(), secure);
            Ok(answer)
        })
    }
}
