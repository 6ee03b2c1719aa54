//! Headers that every answer has, to people and to agents: what a browser may do with
//! it, and by which id it is asked about.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
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

/// The id that the caller has given the request, where it is a UUID.
pub fn sent_id(headers: &HeaderMap) -> Option<Uuid> {
    headers.get(REQUEST_ID)?.to_str().ok()?.parse().ok()
}

/// Tells the request's id, unless the answer tells one already.
pub fn name(headers: &mut HeaderMap, id: Uuid) {
    let mut buffer = Uuid::encode_buffer();
    let text: &str = id.hyphenated().encode_lower(&mut buffer);
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.entry(REQUEST_ID).or_insert(value);
    }
}

/// Sets what all answers have; `https` is how the installation is reached.
pub fn secure(headers: &mut HeaderMap, https: bool) {
    for (name, value) in &OF_ALL {
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

/// What answers have besides that are no pages.
pub fn holds_data(headers: &mut HeaderMap) {
    let policy = HeaderValue::from_static(POLICY_OF_DATA);
    headers.insert(CONTENT_SECURITY_POLICY, policy);
}
