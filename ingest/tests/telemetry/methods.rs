//! Paths of agents that are asked by a method that they do not take.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use tower::ServiceExt;

use crate::open;

#[tokio::test]
async fn a_method_that_is_not_taken_is_405_in_the_words_of_the_path() {
    const PROBLEM: &str = "application/problem+json";
    const TEXT: &str = "text/plain; charset=utf-8";
    const JSON: &str = "application/json";
    let (site, _) = open(|_| {}).await;
    for (path, taken, kind) in [
        ("/api/v1/ingest/logs", "POST", PROBLEM),
        ("/api/v1/webhooks/alertmanager", "POST", PROBLEM),
        ("/api/v1/write", "POST", TEXT),
        ("/loki/api/v1/push", "POST", TEXT),
        ("/v1/traces", "POST", JSON),
        ("/elastic/_bulk", "POST,PUT", JSON),
        ("/elastic/shop/_bulk", "POST,PUT", JSON),
        ("/elastic/_license", "GET,HEAD", JSON),
    ] {
        let request = Request::delete(path).body(Body::empty()).unwrap();
        let router = ingest::router(site.state.clone());
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.headers()["allow"], taken, "{path}");
        assert_eq!(answer.headers()["content-type"], kind, "{path}");
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let told = std::str::from_utf8(&body).unwrap();
        assert!(told.contains("does not take DELETE"), "{path}: {told}");
    }
}
