//! Many at once: one decision, and everybody learns it.

use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::app::{Answer, App, Person, app};

const KEYS: &str = "/api/v1/api-keys";

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

async fn keys(app: &App, person: &Person) -> Vec<Value> {
    let path = format!("{KEYS}?limit=100");
    let list = app.get(&path, Some(&person.token)).await.with(200);
    list["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_who_rotate_a_key_one_gets_its_successor() {
    let app = Arc::new(app!());
    let ada = app.register("Ada").await;
    let body = json!({"name": "agent", "scopes": ["read"]});
    let old = app.post(KEYS, &ada.token, body).await;
    old.with(201);
    let path = format!("{KEYS}/{}/rotate", old.id());
    let answers = at_once(&app, &ada, 10, &path, json!({}), &[]).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 9));
    let refused = answers.iter().filter(|answer| answer.status == 409);
    assert!(
        refused
            .into_iter()
            .all(|answer| answer.rule() == "key_rotated")
    );
    assert_eq!(keys(&app, &ada).await.len(), 2, "the old key and the new");
}

#[tokio::test(flavor = "multi_thread")]
async fn rotations_with_one_key_are_one_rotation() {
    let app = Arc::new(app!());
    let ada = app.register("Ada").await;
    let body = json!({"name": "agent", "scopes": ["read"]});
    let old = app.post(KEYS, &ada.token, body).await;
    old.with(201);
    let path = format!("{KEYS}/{}/rotate", old.id());
    let keyed = &[("idempotency-key", "once")];
    let answers = at_once(&app, &ada, 10, &path, json!({}), keyed).await;
    assert_eq!(count(&answers, 201), 10);
    let told = |answer: &Answer| (answer.id(), answer.json()["key"].clone());
    assert!(
        answers
            .iter()
            .all(|answer| told(answer) == told(&answers[0]))
    );
    assert_eq!(keys(&app, &ada).await.len(), 2);
}

/// Whatever was made before, meanwhile or too late: no key of the account is good.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_made_while_their_project_is_archived_end_with_it() {
    let app = Arc::new(app!());
    let ada = app.register("Ada").await;
    let shop = json!({"name": "Shop"});
    let shop = app.post("/api/v1/projects", &ada.token, shop).await.id();
    let body = json!({"refresh_token": ada.refresh, "project_id": shop});
    let there = Person::of(&app.ask("/api/v1/auth/refresh", body).await.with(200));
    let ada = app.login(&ada.email).await;
    let body = json!({"name": "k", "scopes": ["admin"]});
    let first = app.post(KEYS, &there.token, body.clone()).await;
    first.with(201);
    let path = format!("/api/v1/projects/{shop}/archive");
    let (mut made, archived) = tokio::join!(
        at_once(&app, &there, 20, KEYS, body, &[]),
        app.post(&path, &ada.token, json!(null))
    );
    archived.with(200);
    made.push(first);
    made.retain(|answer| answer.status == 201);
    for answer in &made {
        let key = answer.json()["key"].as_str().unwrap().to_owned();
        testkit::eventually("the key is refused", || async {
            let answer = app.get("/api/v1/incidents", Some(&key)).await;
            (answer.status == 401 && answer.rule() == "key_revoked").then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_made_while_their_account_is_disabled_end_with_it() {
    let app = Arc::new(app!());
    let ada = app.register("Ada").await;
    let account = json!({"name": "deploys"});
    let account = app
        .post("/api/v1/service-accounts", &ada.token, account)
        .await;
    account.with(201);
    let body = json!({"name": "k", "scopes": ["admin"], "service_account_id": account.id()});
    let first = app.post(KEYS, &ada.token, body.clone()).await;
    first.with(201);
    let path = format!("/api/v1/service-accounts/{}", account.id());
    let (mut made, disabled) = tokio::join!(
        at_once(&app, &ada, 20, KEYS, body, &[]),
        app.delete(&path, &ada.token)
    );
    disabled.with(204);
    made.push(first);
    assert_eq!(count(&made, 201) + count(&made, 422), made.len());
    made.retain(|answer| answer.status == 201);
    for answer in &made {
        let key = answer.json()["key"].as_str().unwrap().to_owned();
        testkit::eventually("the key is refused", || async {
            let answer = app.get("/api/v1/incidents", Some(&key)).await;
            (answer.status == 401 && answer.rule() == "key_revoked").then_some(())
        })
        .await;
    }
    let shown = keys(&app, &ada).await;
    assert_eq!(shown.len(), made.len());
    assert!(
        shown.iter().all(|key| key["revoked_at"].is_string()),
        "{shown:?}"
    );
}
