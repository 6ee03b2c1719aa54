//! Headers of every answer: what a browser may do with it.

use access::answers;
use axum::http::StatusCode;
use axum::http::header::{
    CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    RETRY_AFTER, UPGRADE, X_FRAME_OPTIONS,
};

/// No script but our own files. Styles may be inline, because the console's
/// component library sets its variables so.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";
static OF_PAGES: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(PERMISSIONS),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Sets the headers; `https` is how the installation is reached.
pub(crate) fn secure(headers: &mut HeaderMap, https: bool) {
    headers.reserve(OF_PAGES.len() + 6);
    answers::secure(headers, https);
    if is_data(headers) {
        answers::holds_data(headers);
    } else {
        for (name, value) in &OF_PAGES {
            headers.insert(name, value.clone());
        }
    }
}

/// What a status promises (RFC 9110, sections 10.2.3 and 15.5.22), whichever route and in
/// whichever dialect it is answered.
pub(crate) fn keep_promise(status: StatusCode, headers: &mut HeaderMap) {
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            headers
                .entry(RETRY_AFTER)
                .or_insert(HeaderValue::from_static("2"));
        }
        StatusCode::UPGRADE_REQUIRED => {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        _ => {}
    }
}

fn is_data(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| {
        [&b"application/json"[..], b"application/problem+json"]
            .iter()
            .any(|data| kind.starts_with(data))
    })
}
