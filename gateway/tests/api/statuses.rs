//! What a status promises besides its body: when to come back, by what to come, where the
//! new thing is.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::app::app;
use crate::as_of::Told;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_503_says_when_to_come_back() {
    let Some(told) = Told::new().await else {
        return;
    };
    told.app.wire.cut();
    for (path, accept) in [
        ("/prometheus/api/v1/metadata", "*/*"),
        ("/loki/api/v1/labels", "*/*"),
        ("/loki/ready", "*/*"),
        ("/jaeger/api/services", "*/*"),
        ("/jaeger/api/v3/services", "*/*"),
        ("/api/v1/incidents", "application/json"),
        ("/api/v1/incidents", "text/html"),
        ("/readyz", "*/*"),
    ] {
        let (token, headers) = (Some(&told.ada.token[..]), [("accept", accept)]);
        let answer = told.app.send(Method::GET, path, token, None, &headers);
        let answer = answer.await;
        assert_eq!(answer.status.as_u16(), 503, "{path}: {answer:?}");
        assert_eq!(answer.headers["retry-after"], "2", "{path}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metric_with_a_nul_in_its_name_is_none_that_there_is() {
    let Some(told) = Told::new().await else {
        return;
    };
    let path = "/prometheus/api/v1/metadata?metric=orders%00";
    let found = told.app.get(path, Some(&told.ada.token)).await.with(200);
    assert_eq!(found["data"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_says_what_to_upgrade_to() {
    let app = app!();
    let ada = app.register("Ada").await;
    for path in [
        "/ws",
        "/api/v1/logs/tail",
        "/loki/api/v1/tail?query=%7Ba%3D%22b%22%7D",
    ] {
        let answer = app.get(path, Some(&ada.token)).await;
        assert_eq!(answer.status.as_u16(), 426, "{path}: {answer:?}");
        assert_eq!(answer.headers["upgrade"], "websocket", "{path}");
        assert_eq!(answer.headers["connection"], "upgrade", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_is_not_taken_is_answered_with_those_that_are() {
    let app = app!();
    for (path, taken) in [
        ("/api/v1/tenant", "GET,HEAD,PATCH"),
        ("/api/v1/ingest/logs", "POST"),
    ] {
        let answer = app.send(Method::DELETE, path, None, None, &[]).await;
        answer.with(405);
        let kind = &answer.headers["content-type"];
        assert_eq!(kind, "application/problem+json", "{path}");
        let allowed = answer.headers["allow"].to_str().unwrap();
        let mut allowed: Vec<_> = allowed.split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(","), taken, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_not_read_is_answered_like_any_body() {
    let app = app!();
    let ada = app.register("Ada").await;
    let large = "x".repeat(1024 * 1024 + 1);
    for path in ["/prometheus/api/v1/query", "/loki/api/v1/query_range"] {
        for (encoding, body, status) in [("identity", &large[..], 413), ("br", "query=1", 415)] {
            let request = Request::post(path)
                .header("authorization", format!("Bearer {}", ada.token))
                .header("content-type", "application/x-www-form-urlencoded")
                .header("content-encoding", encoding)
                .body(Body::from(body.to_owned()));
            let answer = app.call(request.unwrap()).await;
            assert_eq!(answer.status.as_u16(), status, "{path}: {answer:?}");
            if path.starts_with("/prometheus") {
                assert_eq!(answer.json()["errorType"], "bad_data");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_is_where_the_answer_says() {
    let app = app!();
    let ada = app.register("Ada").await;
    let server = json!({"name": "AM", "kind": "alertmanager", "url": "http://am.shop:9093"});
    for (path, body) in [
        (
            "/api/v1/incidents",
            json!({"title": "x", "severity": "SEV2"}),
        ),
        ("/api/v1/monitoring-integrations", server),
    ] {
        let made = app.post(path, &ada.token, body).await;
        made.with(201);
        let place = made.headers["location"].to_str().unwrap();
        let found = app.get(place, Some(&ada.token)).await;
        found.with(200);
        assert_eq!(found.id(), made.id());
    }
}
