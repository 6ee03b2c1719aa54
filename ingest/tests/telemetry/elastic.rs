//! What Elasticsearch's clients ask and send, and what they make of the answers.

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use schemas::topic::Topic;
use serde_json::Value;
use tower::ServiceExt;

use crate::site::Site;
use crate::{open, stored_in};

const LINE: &str = "{\"create\":{}}\n{\"message\":\"x\"}\n";

/// Status, whether the product is named, and what is said.
async fn ask(
    site: &Site,
    method: Method,
    path: &str,
    credential: Option<&str>,
    body: &str,
) -> (StatusCode, bool, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(credential) = credential {
        request = request.header("authorization", credential);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let router = ingest::router(site.state.clone());
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let product = parts.headers.get("x-elastic-product");
    let named = product.is_some_and(|product| product == "Elasticsearch");
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let said = serde_json::from_slice(&body).unwrap_or(Value::Null);
    (parts.status, named, said)
}

#[tokio::test]
async fn a_client_learns_whom_it_talks_to() {
    let (site, key) = open(|_| ()).await;
    let credential = format!("ApiKey {key}");
    let get = async |path: &str| ask(&site, Method::GET, path, Some(&credential), "").await;
    for path in ["/elastic", "/elastic/"] {
        let (status, named, said) = get(path).await;
        assert_eq!((status, named), (StatusCode::OK, true), "{path}");
        let version = said["version"]["number"].as_str().unwrap();
        assert!(version.starts_with("8."), "{version}");
        assert_eq!(said["tagline"], "You Know, for Search");
        let (status, named, _) = ask(&site, Method::HEAD, path, Some(&credential), "").await;
        assert_eq!((status, named), (StatusCode::OK, true), "{path}");
    }
    let (_, _, health) = get("/elastic/_cluster/health").await;
    assert_eq!(health["status"], "green");
    let (_, _, license) = get("/elastic/_license").await;
    assert_eq!(license["license"]["status"], "active");

    // What is not here, and who may not ask, are told apart from a server that is away.
    let (status, named, said) = get("/elastic/_ilm/policy/logs").await;
    assert_eq!((status, named), (StatusCode::NOT_FOUND, true));
    assert_eq!(said["status"], 404);
    for path in ["/elastic/", "/elastic/_nodes/http", "/elastic/_bulk"] {
        let method = match path.ends_with("_bulk") {
            true => Method::POST,
            false => Method::GET,
        };
        let (status, named, _) = ask(&site, method, path, Some("ApiKey srec_no"), LINE).await;
        assert_eq!((status, named), (StatusCode::UNAUTHORIZED, true), "{path}");
    }
}

#[tokio::test]
async fn lines_are_taken_however_a_client_sends_them() {
    let (site, key) = open(|_| ()).await;
    let credential = format!("Bearer {key}");
    for (method, path) in [
        (Method::POST, "/_bulk"),
        (Method::PUT, "/_bulk"),
        (Method::PUT, "/elastic/_bulk"),
        (Method::POST, "/elastic/logs-shop/_bulk"),
        (Method::PUT, "/elastic/logs-shop/_bulk"),
    ] {
        let (status, named, said) = ask(&site, method.clone(), path, Some(&credential), LINE).await;
        assert_eq!((status, named), (StatusCode::OK, true), "{method} {path}");
        assert_eq!(said["errors"], false, "{method} {path}");
    }
    assert_eq!(stored_in(&site, Topic::TelemetryLogs).await.len(), 5);
}

#[tokio::test]
async fn a_bulk_of_nothing_but_bad_items_is_not_sent_again() {
    let (site, key) = open(|_| ()).await;
    let credential = format!("Bearer {key}");
    let old = "{\"create\":{\"_id\":\"7\"}}\n{\"@timestamp\":\"1999-01-01\",\"message\":\"old\"}\n";
    let gone = "{\"delete\":{\"_id\":\"1\"}}\n";
    let broken = "{\"index\":{}}\n{\"message\":\n";
    for (body, action) in [(old, "create"), (gone, "delete"), (broken, "index")] {
        let post = ask(
            &site,
            Method::POST,
            "/elastic/_bulk",
            Some(&credential),
            body,
        );
        let (status, _, said) = post.await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(said["errors"], true, "{body}");
        assert_eq!(said["items"][0][action]["status"], 400, "{said}");
    }
    assert!(stored_in(&site, Topic::TelemetryLogs).await.is_empty());
    // An action that is none leaves nobody to answer to.
    let post = ask(&site, Method::POST, "/_bulk", Some(&credential), "{}\n{}\n");
    assert_eq!(post.await.0, StatusCode::BAD_REQUEST);
}
