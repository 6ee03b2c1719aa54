//! Many at once: one decision, and everybody learns it.

use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::app::{Answer, App, Person, app};

/// Calls `path` from `count` clients at once.
async fn at_once(
    app: &Arc<App>,
    person: &Person,
    count: usize,
    path: &str,
    body: Value,
    headers: &'static [(&'static str, &'static str)],
) -> Vec<Answer> {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let (app, token) = (app.clone(), person.token.clone());
        let (path, body) = (path.to_owned(), body.clone());
        calls.spawn(async move { app.post_with(&path, &token, body, headers).await });
    }
    calls.join_all().await
}

fn count(answers: &[Answer], status: u16) -> usize {
    let with = answers.iter().filter(|a| a.status.as_u16() == status);
    with.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_who_acknowledge_one_wins() {
    let app = Arc::new(app!());
    let ada = app.register("Ada").await;
    let id = app.incident(&ada, "x").await;
    let path = format!("/api/v1/incidents/{id}/acknowledge");
    let answers = at_once(&app, &ada, 50, &path, json!({}), &[]).await;
    assert_eq!((count(&answers, 200), count(&answers, 409)), (1, 49));
    assert_eq!(app.timeline(&ada, &id, 2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn creations_with_one_key_are_one_creation() {
    let app = Arc::new(app!());
    let ada = app.register("Ada").await;
    let body = json!({"title": "x", "severity": "SEV2"});
    let keyed = &[("idempotency-key", "once")];
    let answers = at_once(&app, &ada, 10, "/api/v1/incidents", body, keyed).await;
    assert_eq!(count(&answers, 201), 10);
    assert!(answers.iter().all(|answer| answer.id() == answers[0].id()));
    let list = app
        .get("/api/v1/incidents", Some(&ada.token))
        .await
        .with(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_used_for_another_body_is_refused() {
    let app = app!();
    let ada = app.register("Ada").await;
    let keyed = [("idempotency-key", "once")];
    let path = "/api/v1/incidents";
    let first = json!({"title": "x", "severity": "SEV2"});
    app.post_with(path, &ada.token, first, &keyed)
        .await
        .with(201);
    let other = json!({"title": "y", "severity": "SEV2"});
    let refused = app.post_with(path, &ada.token, other, &keyed).await;
    assert_eq!(refused.with(422)["rule"], "idempotency_mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_means_something_else_to_another_tenant() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let keyed = [("idempotency-key", "once")];
    let path = "/api/v1/incidents";
    let body = json!({"title": "x", "severity": "SEV2"});
    let theirs = app.post_with(path, &ada.token, body.clone(), &keyed).await;
    let ours = app.post_with(path, &eve.token, body, &keyed).await;
    theirs.with(201);
    ours.with(201);
    assert_ne!(theirs.id(), ours.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_who_remove_each_other_one_stays() {
    let app = app!();
    let ada = app.register("Ada").await;
    for _ in 0..5 {
        let bob = app.colleague(&ada, "Bob", "owner").await;
        let remove = async |by: &Person, whom: &str| {
            let path = format!("/api/v1/members/{whom}");
            let token = Some(by.token.as_str());
            app.send(Method::DELETE, &path, token, None, &[])
                .await
                .status
                .as_u16()
        };
        let (one, other) = tokio::join!(remove(&ada, &bob.user), remove(&bob, &ada.user));
        assert!(one == 204 || other == 204);
        assert!(!(one == 204 && other == 204), "both were removed");
        if other == 204 {
            // Bob stayed; the round that removes Ada is the last that Ada can begin.
            return;
        }
    }
}
