//! `/api/v1/commands/{id}` and what 202 promises.

use axum::http::Method;
use schemas::ids::{CommandId, TenantId, UserId};
use schemas::scope::Actor;
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

/// The answer to the write says so; what became of its command must too.
#[tokio::test(flavor = "multi_thread")]
async fn a_thing_of_another_tenant_looks_like_none() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let body = json!({"name": "agent", "scopes": ["read"]});
    let key = app.post("/api/v1/api-keys", &ada.token, body).await.id();
    let tenant = TenantId(eve.tenant.parse().unwrap());
    let actor = Actor::User(UserId(eve.user.parse().unwrap())).to_string();
    let mut told = Vec::new();
    for id in [key.as_str(), "0192f0c1-2b3c-7d4e-8f50-123456789abc"] {
        let path = format!("/api/v1/api-keys/{id}");
        let once = [("idempotency-key", "once")];
        let refused = app
            .send(Method::DELETE, &path, Some(&eve.token), None, &once)
            .await;
        refused.with(404);
        let command = CommandId::of_request(tenant, &actor, &format!("DELETE {path}"), "once");
        let state = format!("/api/v1/commands/{}", command.0);
        let state = app.get(&state, Some(&eve.token)).await.with(200);
        assert_eq!(state["resource"]["id"], id);
        told.push((
            state["refusal"].clone(),
            state["resource"]["version"].clone(),
        ));
    }
    assert_eq!(told[0], told[1]);
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
