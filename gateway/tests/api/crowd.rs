//! Many queries over telemetry at once, and others beside them.

use axum::http::StatusCode;
use futures::future::join_all;

use crate::as_of::Told;

/// Each of them alone asks for more than there are connections to Postgres.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_queries_is_answered_and_leaves_room_for_others() {
    let Some(told) = Told::new().await else {
        return;
    };
    let (app, token) = (&told.app, told.ada.token.as_str());
    let query = vec!["orders"; 300].join("+or+");
    let path = format!("/prometheus/api/v1/query?query={query}");
    let crowd = join_all((0..8).map(|_| app.get(&path, Some(token))));
    let others = async {
        let mut seen = Vec::new();
        for _ in 0..50 {
            let answer = app.get("/api/v1/incidents", Some(token)).await;
            seen.push(answer.status);
        }
        seen
    };
    let (crowd, others) = tokio::join!(crowd, others);
    for answer in crowd {
        answer.with(200);
    }
    assert!(
        others.iter().all(|status| *status == StatusCode::OK),
        "{others:?}"
    );
}
