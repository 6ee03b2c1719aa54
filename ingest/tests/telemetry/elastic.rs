//! What Elasticsearch's clients ask and send, and what they make of the answers.

use std::sync::Arc;

use access::rates::{Quota, Quotas, Rates};
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use schemas::topic::Topic;
use serde_json::Value;
use tower::ServiceExt;

use crate::site::Site;
use crate::{now_ms, open, stored_in};

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

#[tokio::test]
async fn what_is_asked_before_counts_like_what_is_sent() {
    const PATHS: [&str; 4] = [
        "/elastic/",
        "/elastic/_license",
        "/elastic/_cluster/health",
        "/elastic/_ilm/policy/logs",
    ];
    let quota = Some(Quota {
        per_second: 1,
        burst: PATHS.len() as u32,
    });
    let quotas = Quotas {
        agent: quota,
        ..Quotas::default()
    };
    let site = Site::open_with(|state| state.rates = Arc::new(Rates::new(quotas, None))).await;
    let credential = format!("ApiKey {}", site.key(&["ingest"], None).await);
    let get = async |path: &str| ask(&site, Method::GET, path, Some(&credential), "").await;
    for path in PATHS {
        assert_ne!(get(path).await.0, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
    for path in PATHS {
        let (status, named, said) = get(path).await;
        assert_eq!(
            (status, named),
            (StatusCode::TOO_MANY_REQUESTS, true),
            "{path}"
        );
        assert_eq!(said["error"]["type"], "agent_rate_limited", "{path}");
    }
}

#[tokio::test]
async fn who_may_not_send_logs_is_told_so_before_the_first() {
    let (site, _) = open(|_| ()).await;
    for (scope, expected) in [
        ("ingest", StatusCode::OK),
        ("ingest:logs", StatusCode::OK),
        ("ingest:metrics", StatusCode::FORBIDDEN),
    ] {
        let credential = format!("ApiKey {}", site.key(&[scope], None).await);
        let (status, _, said) = ask(&site, Method::GET, "/elastic/", Some(&credential), "").await;
        assert_eq!(status, expected, "{scope}: {said}");
    }
}

#[tokio::test]
async fn the_paths_index_goes_to_the_log_and_back_to_the_client() {
    let (site, key) = open(|_| ()).await;
    let credential = format!("Bearer {key}");
    for (path, index) in [
        ("/elastic/logs-shop/_bulk", "logs-shop"),
        ("/elastic/caf%C3%A9/_bulk", "café"),
        ("/elastic/_bulk", ""),
    ] {
        let (_, _, said) = ask(&site, Method::POST, path, Some(&credential), LINE).await;
        assert_eq!(said["items"][0]["create"]["_index"], index, "{path}");
    }
    let stored = stored_in(&site, Topic::TelemetryLogs).await;
    let origins: Vec<_> = stored.iter().map(|body| body.origin.as_deref()).collect();
    assert_eq!(origins, [Some("logs-shop"), Some("café"), None]);
}

#[tokio::test]
async fn a_bulk_whose_documents_have_ids_or_times_is_a_repeat_when_it_comes_again() {
    let (site, key) = open(|_| ()).await;
    let credential = format!("Bearer {key}");
    let before = now_ms(&site) - 1_000;
    let with_id = "{\"create\":{\"_id\":\"a\"}}\n{\"message\":\"x\"}\n";
    let with_time = format!("{{\"create\":{{}}}}\n{{\"@timestamp\":{before},\"message\":\"x\"}}\n");
    let without = "{\"create\":{}}\n{\"message\":\"x\"}\n";
    for (body, repeated) in [
        (with_id.to_owned(), true),
        (with_time.clone(), true),
        (format!("{with_time}{with_id}"), true),
        (without.to_owned(), false),
        (format!("{with_id}{without}"), false),
        (format!("{without}{with_id}"), false),
    ] {
        let before = stored_in(&site, Topic::TelemetryLogs).await.len();
        for _ in 0..2 {
            ask(&site, Method::POST, "/_bulk", Some(&credential), &body).await;
        }
        let stored = stored_in(&site, Topic::TelemetryLogs).await;
        let [first, second] = &stored[before..] else {
            panic!("{} bodies", stored.len() - before);
        };
        assert_eq!(first.body_hash == second.body_hash, repeated, "{body}");
    }
}
