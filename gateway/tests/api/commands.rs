//! `/api/v1/commands/{id}` and what 202 promises.

use serde_json::json;

use crate::app::app;

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_not_settled_in_time_is_pending_and_then_accepted() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let id = app.incident(&ada, "x").await;
    app.stop_runner();
    let path = format!("/api/v1/incidents/{id}/acknowledge");
    let pending = app.post(&path, &ada.token, json!({})).await.with(202);
    let status = pending["status_url"].as_str().unwrap();
    let state = app.get(status, Some(&ada.token)).await.with(200);
    assert_eq!(state["state"], "pending");
    app.get(status, Some(&eve.token)).await.with(404);
    app.start_runner();
    let state = testkit::eventually("it is settled", || async {
        let state = app.get(status, Some(&ada.token)).await.with(200);
        (state["state"] != "pending").then_some(state)
    })
    .await;
    assert_eq!(state["state"], "accepted");
    assert_eq!(state["resource"]["id"], json!(id));
    app.get(status, Some(&eve.token)).await.with(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_kept_for_the_retry() {
    let app = app!();
    let ada = app.register("Ada").await;
    let id = app.incident(&ada, "x").await;
    let path = format!("/api/v1/incidents/{id}/learn");
    let keyed = [("idempotency-key", "learn")];
    let first = app.post_with(&path, &ada.token, json!({}), &keyed).await;
    assert_eq!(first.with(409)["rule"], "illegal_transition");
    let resolve = format!("/api/v1/incidents/{id}/resolve");
    app.post(&resolve, &ada.token, json!({})).await.with(200);
    // By now the step would be legal; the same request still has the same answer.
    let again = app.post_with(&path, &ada.token, json!({}), &keyed).await;
    assert_eq!(again.with(409)["rule"], "illegal_transition");
}
