//! Clients put a path behind a base that ends with a slash, and ask for
//! `/prometheus//api/v1/query`: repeated slashes are one, for every route. Agents are
//! given addresses that end with one, and drop what was answered with 404: where
//! something is sent, a slash at the end says nothing.

use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{Method, Request, uri};

/// The same request, without needless slashes in its path.
pub(super) fn needed<B>(mut request: Request<B>) -> Request<B> {
    let path = request.uri().path();
    let repeated = path.as_bytes().windows(2).any(|pair| pair == b"//");
    let sends = !matches!(*request.method(), Method::GET | Method::HEAD);
    let at_end = sends && path.len() > 1 && path.ends_with('/');
    if (repeated || at_end)
        && let Some(uri) = without(request.uri(), sends)
    {
        *request.uri_mut() = uri;
    }
    request
}

/// With one slash where there were several; None where nothing valid remains.
fn without(from: &Uri, the_last: bool) -> Option<Uri> {
    let mut path = String::with_capacity(from.path().len());
    for letter in from.path().chars() {
        if letter != '/' || !path.ends_with('/') {
            path.push(letter);
        }
    }
    if the_last && path.len() > 1 && path.ends_with('/') {
        path.pop();
    }
    if let Some(query) = from.query() {
        path.push('?');
        path.push_str(query);
    }
    let mut parts: uri::Parts = from.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_slashes_of_the_path_are_taken_away() {
        for (sent, meant) in [
            (
                "/prometheus//api/v1/query?query=a//b",
                "/prometheus/api/v1/query?query=a//b",
            ),
            ("///loki///api/v1/push//", "/loki/api/v1/push/"),
            ("//", "/"),
            ("/a%2F%2Fb/c?x=//", "/a%2F%2Fb/c?x=//"),
            ("http://host/a//b", "http://host/a/b"),
            ("/", "/"),
        ] {
            let request = Request::builder().uri(sent).body(()).unwrap();
            assert_eq!(needed(request).uri().to_string(), meant, "{sent}");
        }
    }

    #[test]
    fn where_something_is_sent_the_last_one_says_nothing() {
        for (method, sent, meant) in [
            (Method::POST, "/v1/logs/", "/v1/logs"),
            (
                Method::POST,
                "/otlp//v1/traces//?x=/",
                "/otlp/v1/traces?x=/",
            ),
            (Method::PUT, "/elastic/_bulk/", "/elastic/_bulk"),
            (Method::POST, "/", "/"),
            (Method::GET, "/elastic/", "/elastic/"),
        ] {
            let request = Request::builder().method(method).uri(sent);
            let request = needed(request.body(()).unwrap());
            assert_eq!(request.uri().to_string(), meant, "{sent}");
        }
    }
}
