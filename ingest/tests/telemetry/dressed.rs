//! What every answer has besides what its protocol says, taken or refused.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use eventlog::LogError;
use serde_json::json;
use tower::ServiceExt;

use crate::site::{FIRING, PATH as WEBHOOK, Site};
use crate::{NATIVE, OTLP, PROTOBUF, WRITE, gauge, now_ms, open, written};

const ID: &str = "0192f0c1-2b3c-7d4e-8f50-123456789abc";
const JSON: &str = "application/json";
const LOKI: &str = "/loki/api/v1/push";

/// The status, the headers and the text of the answer.
async fn ask(
    site: &Site,
    (method, path, media): (Method, &str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("content-type", media);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_vec())).unwrap();
    let router = ingest::router(site.state.clone());
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (parts.status, parts.headers, text)
}

fn is_dressed(headers: &HeaderMap, what: &str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ] {
        let told = headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(told, Some(value), "{what}: {name}");
    }
}

#[tokio::test]
async fn every_answer_is_safe_to_open_and_carries_the_id_of_its_request() {
    let (site, key) = open(|_| {}).await;
    let now = now_ms(&site);
    let ndjson = "application/x-ndjson";
    let bulk = b"{\"create\":{}}\n{\"message\":\"x\"}\n".to_vec();
    let line = json!({ "stream": { "app": "shop" }, "values": [[format!("{now}000000"), "x"]] });
    let loki = json!({ "streams": [line] }).to_string().into_bytes();
    let native = br#"{"metrics":[{"name":"a","value":1}]}"#.to_vec();
    for (method, path, media, body, status) in [
        (Method::POST, WRITE, PROTOBUF, written(&[("up", now)]), 204),
        (Method::POST, OTLP, JSON, gauge(now, 1), 200),
        (Method::POST, "/v1/logs", JSON, b"{}".to_vec(), 200),
        (Method::POST, "/v1/traces", JSON, b"{}".to_vec(), 200),
        (Method::POST, NATIVE, JSON, native, 202),
        (Method::POST, LOKI, JSON, loki, 204),
        (Method::POST, "/elastic/_bulk", ndjson, bulk, 200),
        (Method::POST, WEBHOOK, JSON, FIRING.to_vec(), 202),
        (Method::GET, "/elastic/", JSON, Vec::new(), 200),
        (Method::GET, "/elastic/shop/_search", JSON, Vec::new(), 404),
        (Method::DELETE, WRITE, JSON, Vec::new(), 405),
    ] {
        let sent = [("x-api-key", &*key), ("x-request-id", ID)];
        let asked = (method.clone(), path, media);
        let (told, headers, text) = ask(&site, asked.clone(), &sent, &body).await;
        assert_eq!(told.as_u16(), status, "{method} {path}: {text}");
        is_dressed(&headers, path);
        assert_eq!(headers["x-request-id"], ID, "{method} {path}");
        // Nobody says so of an installation that is reached by http.
        assert!(!headers.contains_key("strict-transport-security"), "{path}");

        let refused = ask(&site, asked, &[("x-request-id", "no uuid")], &body);
        let (told, headers, text) = refused.await;
        assert!(told.is_client_error(), "{method} {path}: {told} {text}");
        is_dressed(&headers, path);
        let id = headers["x-request-id"].to_str().unwrap();
        assert!(id.parse::<uuid::Uuid>().is_ok() && id != ID, "{path}: {id}");
    }
}

#[tokio::test]
async fn a_panic_is_answered_alike_and_https_is_said_to_stay() {
    let (mut site, key) = open(|_| {}).await;
    Arc::get_mut(&mut site.state).unwrap().https = true;
    site.log.panic();
    let sent = [("x-api-key", &*key)];
    let body = written(&[("up", now_ms(&site))]);
    let (status, headers, _) = ask(&site, (Method::POST, WRITE, PROTOBUF), &sent, &body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    is_dressed(&headers, WRITE);
    assert!(headers.contains_key("x-request-id"));
    let year = "max-age=31536000; includeSubDomains";
    assert_eq!(headers["strict-transport-security"], year);
}

/// The operator finds what it was about under that id.
#[tokio::test]
async fn the_id_is_the_one_that_the_text_and_our_own_log_name() {
    let (site, key) = open(|_| {}).await;
    site.log.fail(LogError::Unavailable("a broker".to_owned()));
    let sent = [("x-api-key", &*key), ("x-request-id", ID)];
    let body = written(&[("up", now_ms(&site))]);
    let (status, headers, text) = ask(&site, (Method::POST, WRITE, PROTOBUF), &sent, &body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let id = headers["x-request-id"].to_str().unwrap();
    assert!(text.contains(&format!("(request {id})")), "{id}: {text}");
}
