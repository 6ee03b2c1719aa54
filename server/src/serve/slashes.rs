//! Clients put a path behind a base that ends with a slash, and ask for
//! `/prometheus//api/v1/query`: repeated slashes are one, for every route.

use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{Request, uri};

/// The same request, without repeated slashes in its path.
pub(super) fn one_each<B>(mut request: Request<B>) -> Request<B> {
    let path = request.uri().path().as_bytes();
    if path.windows(2).any(|pair| pair == b"//")
        && let Some(uri) = single(request.uri())
    {
        *request.uri_mut() = uri;
    }
    request
}

/// None where nothing valid remains.
fn single(from: &Uri) -> Option<Uri> {
    let mut path = String::with_capacity(from.path().len());
    for letter in from.path().chars() {
        if letter != '/' || !path.ends_with('/') {
            path.push(letter);
        }
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
            assert_eq!(one_each(request).uri().to_string(), meant, "{sent}");
        }
    }
}
