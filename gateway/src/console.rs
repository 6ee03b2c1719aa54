//! The console's files, part of the program. Paths of the console's own router get
//! its page; a program that asks for what is not there gets a problem, a browser a
//! page.

use axum::extract::Request;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::{Error, Problem};
use crate::etag;

/// What `npm run build` wrote. Empty where it was not run.
#[derive(RustEmbed)]
#[folder = "../frontend/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";
const NOT_BUILT: &str = include_str!("console/not_built.html");
const NOT_FOUND: &str = include_str!("console/not_found.html");
const UNAVAILABLE: &str = include_str!("console/unavailable.html");
/// First path segments that are never pages of the console.
const NOT_PAGES: [&str; 9] = [
    "api",
    "v1",
    "loki",
    "prometheus",
    "jaeger",
    "elastic",
    "alertmanager",
    "assets",
    ".well-known",
];

/// Answers everything that is no operation of the API.
pub(crate) async fn serve(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Error::NotFound.into_response();
    }
    if let Some(file) = Files::get(path).filter(|_| !path.is_empty()) {
        return answer(path, &file, request.headers());
    }
    // The address itself is the console, whoever asks; deeper paths only for people.
    let wanted = path.is_empty() || wants_html(request.headers());
    match is_page(path) && wanted {
        true => page(request.headers()),
        false => not_found(request.headers()),
    }
}

/// An answer to a browser that navigates: a page instead of a problem.
pub(crate) fn instead_of_problem(answer: Response) -> Response {
    let page = match answer.extensions().get::<Problem>() {
        Some(_) => for_browsers(answer.status()),
        None => None,
    };
    page.unwrap_or(answer)
}

/// What browsers see instead of a problem: a page for people.
fn for_browsers(status: StatusCode) -> Option<Response> {
    let page = match status {
        StatusCode::NOT_FOUND => NOT_FOUND,
        StatusCode::SERVICE_UNAVAILABLE => UNAVAILABLE,
        _ => return None,
    };
    Some((status, Html(page)).into_response())
}

/// Whether the client is a browser that navigates.
pub(crate) fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn page(headers: &HeaderMap) -> Response {
    match Files::get(INDEX) {
        Some(file) => answer(INDEX, &file, headers),
        None => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
    }
}

fn not_found(headers: &HeaderMap) -> Response {
    let page = for_browsers(StatusCode::NOT_FOUND).filter(|_| wants_html(headers));
    page.unwrap_or_else(|| Error::NotFound.into_response())
}

/// The console's routes have no dots; a missing file must not become a page.
fn is_page(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    !NOT_PAGES.contains(&first) && !file.contains('.')
}

fn answer(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let answer = match etag::is_known(headers, &tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => file.data.clone().into_owned().into_response(),
    };
    described(answer, path, file.metadata.mimetype(), &tag)
}

/// With what a browser is to know of a file. It is told so again when it has the file
/// already: it believes the newer answer (RFC 9111, section 4.3.4), and would drop a file
/// that suddenly is not said to be kept.
fn described(mut answer: Response, path: &str, kind: &str, tag: &str) -> Response {
    // The names of assets hold a hash of their content, the page's does not.
    let caching = match path.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let set = answer.headers_mut();
    set.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    for (name, value) in [(CONTENT_TYPE, kind), (ETAG, tag)] {
        if let Ok(value) = value.parse() {
            set.insert(name, value);
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers;

    #[test]
    fn a_file_that_the_browser_has_stays_kept() {
        for (path, expected) in [
            ("index.html", "no-cache"),
            ("assets/x.js", "public, max-age=31536000, immutable"),
        ] {
            let same = StatusCode::NOT_MODIFIED.into_response();
            let mut same = described(same, path, "text/html", "\"a\"");
            headers::secure(same.headers_mut(), false);
            assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(same.headers()[CACHE_CONTROL], expected, "{path}");
            assert_eq!(same.headers()[ETAG], "\"a\"");
        }
    }

    #[test]
    fn pages_are_told_from_files_and_operations() {
        for path in ["", "login", "p/0192f0c1/incidents", "register"] {
            assert!(is_page(path), "{path}");
        }
        for path in ["api/v1/nothing", "assets/x.js", "favicon.ico", "v1/metrics"] {
            assert!(!is_page(path), "{path}");
        }
    }
}
