//! Which pages of other sites may use the API (Fetch, section 3.2): those on the list,
//! with a header credential. Cookies are never sent along, so a page that is let in can
//! do no more than the key it holds.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderValue, ORIGIN, VARY,
};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;

const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
const HEADERS: &str = "authorization, x-api-key, content-type, content-encoding, idempotency-key, \
    if-match, x-project, x-request-id, traceparent, tracestate";
const EXPOSED: &str = "content-disposition, etag, location, retry-after, ratelimit, \
    ratelimit-policy, x-request-id";
const MAX_AGE_S: &str = "600";

/// `router` with the list of origins, each as a browser sends it: `https://app.example`.
pub fn allow(router: Router, origins: &[String]) -> Router {
    if origins.is_empty() {
        return router;
    }
    let origins: Arc<[String]> = origins.into();
    router.layer(middleware::from_fn_with_state(origins, answer))
}

async fn answer(State(origins): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let allowed = origin.filter(|origin| {
        let text = origin.to_str().unwrap_or_default();
        origins.iter().any(|known| known.eq_ignore_ascii_case(text))
    });
    let asks = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (&allowed, asks) {
        (Some(_), true) => permission(),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSED),
        );
    }
    response
}

/// What a page asks before it sends anything that a form could not.
fn permission() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static(METHODS),
    );
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(HEADERS),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE_S));
    response
}
