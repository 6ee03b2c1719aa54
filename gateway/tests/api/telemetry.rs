//! `/api/v1/telemetry`

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::app;

const RETENTION: &str = "/api/v1/telemetry/retention";
const DELETIONS: &str = "/api/v1/telemetry/deletions";

fn days(shown: &Value, signal: &str, stream: &str) -> Option<i64> {
    let items = shown["items"].as_array().unwrap();
    let rule = items
        .iter()
        .find(|rule| rule["signal"] == signal && rule["stream"] == stream);
    rule.map(|rule| rule["days"].as_i64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_set_shown_and_taken_away() {
    let app = app!();
    let ada = app.register("Ada").await;
    let shown = app.get(RETENTION, Some(&ada.token)).await.with(200);
    assert_eq!(days(&shown, "logs", ""), Some(30));
    assert_eq!(days(&shown, "metrics_1h", ""), Some(400));
    let set = |body: Value| {
        let (app, token) = (&app, &ada.token);
        async move {
            app.send(Method::PUT, RETENTION, Some(token), Some(&body), &[])
                .await
        }
    };
    let rule = json!({"signal": "logs", "stream": "debug-*", "days": 3});
    let shown = set(rule).await.with(200);
    assert_eq!(days(&shown, "logs", "debug-*"), Some(3));
    let shown = set(json!({"signal": "traces", "days": 90})).await.with(200);
    assert_eq!(days(&shown, "traces", ""), Some(90));
    // A rule as the list has it, with other days.
    let mut rule = shown["items"].as_array().unwrap().last().unwrap().clone();
    rule["days"] = json!(15);
    let signal = rule["signal"].as_str().unwrap().to_owned();
    let shown = set(rule).await.with(200);
    assert_eq!(days(&shown, &signal, ""), Some(15));
    let shown = set(json!({"signal": "logs", "stream": "debug-*", "days": null}))
        .await
        .with(200);
    assert_eq!(days(&shown, "logs", "debug-*"), None);
    for (wrong, field, quoted) in [
        (
            json!({"signal": "profiles", "days": 3}),
            "signal",
            "`profiles`",
        ),
        (json!({"signal": "logs", "days": 4}), "days", "`4`"),
        (
            json!({"signal": "logs", "stream": "a*b", "days": 3}),
            "stream",
            "`a*b`",
        ),
    ] {
        let refused = set(wrong).await.with(422);
        let text = refused.to_string();
        assert!(text.contains(field) && text.contains(quoted), "{text}");
    }
    // What is misspelt is not left out: nothing would be kept of all logs but a day.
    let misspelt = json!({"signal": "logs", "streams": "debug-*", "days": 1});
    let refused = set(misspelt).await.with(400);
    assert_eq!(refused["errors"][0]["field"], "streams", "{refused}");
    let shown = app.get(RETENTION, Some(&ada.token)).await.with(200);
    assert_eq!(days(&shown, "logs", ""), Some(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_is_listed_where_it_belongs() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let asked = app
        .post(DELETIONS, &ada.token, json!({"of": "project"}))
        .await
        .with(201);
    assert_eq!(asked["items"].as_array().unwrap().len(), 1);
    assert!(asked["items"][0]["project_id"].is_string());
    let asked = app
        .post(DELETIONS, &ada.token, json!({"of": "tenant"}))
        .await
        .with(201);
    assert_eq!(asked["items"].as_array().unwrap().len(), 2);
    let wrong = app
        .post(DELETIONS, &ada.token, json!({"of": "world"}))
        .await
        .with(400);
    assert!(wrong.to_string().contains("`world`"), "{wrong}");
    let theirs = app.get(DELETIONS, Some(&eve.token)).await.with(200);
    assert_eq!(theirs["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_administers_one_project_deletes_nothing_of_the_others() {
    let app = app!();
    let ada = app.register("Ada").await;
    let bob = app.colleague(&ada, "Bob", "viewer").await;
    let role = format!("/api/v1/members/{}/project-role", bob.user);
    let admin = app.put(&role, &ada.token, json!({"role": "admin"})).await;
    admin.with(200);
    let bob = app.refreshed(&bob).await;
    let refused = app
        .post(DELETIONS, &bob.token, json!({"of": "tenant"}))
        .await;
    let refused = refused.with(403).to_string();
    assert!(refused.contains("tenant_telemetry.delete"), "{refused}");
    let own = app
        .post(DELETIONS, &bob.token, json!({"of": "project"}))
        .await;
    assert_eq!(own.with(201)["items"].as_array().unwrap().len(), 1);
}
