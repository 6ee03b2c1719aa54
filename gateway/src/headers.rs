//! Headers of every answer: what a browser may do with it.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// No script but our own files. Styles may be inline, because the console's
/// component library sets its variables so.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";
/// Data is nothing that a browser shows; where it is opened all the same, nothing of it
/// runs, and nothing shows it inside of something else.
const POLICY_OF_DATA: &str = "default-src 'none'; frame-ancestors 'none'";

static OF_ALL: [(HeaderName, HeaderValue); 3] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];
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
static OF_DATA: [(HeaderName, HeaderValue); 1] = [(
    CONTENT_SECURITY_POLICY,
    HeaderValue::from_static(POLICY_OF_DATA),
)];

/// Sets the headers; `https` is how the installation is reached.
pub(crate) fn secure(headers: &mut HeaderMap, https: bool) {
    headers.reserve(OF_ALL.len() + OF_PAGES.len() + 2);
    let of_kind = match is_data(headers) {
        true => OF_DATA.as_slice(),
        false => OF_PAGES.as_slice(),
    };
    for (name, value) in OF_ALL.iter().chain(of_kind) {
        headers.insert(name, value.clone());
    }
    if https {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(STRICT_TRANSPORT_SECURITY, year);
    }
    // What is not said to be cacheable holds somebody's data.
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

fn is_data(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| {
        [&b"application/json"[..], b"application/problem+json"]
            .iter()
            .any(|data| kind.starts_with(data))
    })
}
