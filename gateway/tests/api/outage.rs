//! Postgres is away: reads say so quickly, and what is in the log is not lost.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::json;
use tokio::time::timeout;

use crate::app::app;

#[tokio::test(flavor = "multi_thread")]
async fn reads_answer_503_and_appended_writes_202() {
    let app = app!();
    let ada = app.register("Ada").await;
    let id = app.incident(&ada, "x").await;
    app.wire.cut();
    let asked = Instant::now();
    let read = timeout(
        Duration::from_secs(30),
        app.get("/api/v1/incidents", Some(&ada.token)),
    );
    let read = read.await.expect("a read without Postgres does not hang");
    read.with(503);
    eprintln!("503 without Postgres after {:?}", asked.elapsed());
    assert!(read.headers.contains_key("retry-after"));
    assert_eq!(
        app.get("/readyz", None).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    let path = format!("/api/v1/incidents/{id}/acknowledge");
    let written = app.post(&path, &ada.token, json!({})).await;
    let pending = written.with(202);
    assert!(
        pending["status_url"]
            .as_str()
            .unwrap()
            .starts_with("/api/v1/commands/")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_log_it_is_not_ready() {
    let app = app!();
    let before = app.get("/readyz", None).await;
    assert_eq!(before.with(200)["log"], true);
    // Nobody sees the log's end any more, as where brokers are away.
    app.stop.cancel();
    let answer = testkit::eventually("it is noticed", || async {
        let answer = app.get("/readyz", None).await;
        (answer.status == StatusCode::SERVICE_UNAVAILABLE).then_some(answer)
    })
    .await;
    let told = answer.with(503);
    let rest = ["keyring", "sessions", "read_models"].map(|name| told[name] == true);
    assert_eq!((&told["log"], rest), (&json!(false), [true; 3]), "{told}");
}
