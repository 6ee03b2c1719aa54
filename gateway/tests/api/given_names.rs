//! Names that are one thing's within a project, given by many at once.

use axum::http::Method;
use futures::future::join_all;
use schemas::context::Context;
use schemas::ids::{CommandId, MonitoringIntegrationId, ProjectId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, app};
use gateway::auth::vault::held_names;

const SERVERS: &str = "/api/v1/monitoring-integrations";
const ACCOUNTS: &str = "/api/v1/service-accounts";

fn server(name: &str) -> Value {
    json!({"name": name, "kind": "alertmanager", "url": "http://am.shop:9093"})
}

fn count(answers: &[Answer], status: u16) -> usize {
    let with = answers.iter().filter(|a| a.status.as_u16() == status);
    with.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_give_one_name_at_once_one_does() {
    let app = app!();
    let ada = app.register("Ada").await;
    let mut paths = Vec::new();
    for number in 0..8 {
        let one = app.post(SERVERS, &ada.token, server(&number.to_string()));
        paths.push(format!("{SERVERS}/{}", one.await.id()));
    }
    let body = json!({"name": "Main"});
    let renames = paths
        .iter()
        .map(|path| app.send(Method::PATCH, path, Some(&ada.token), Some(&body), &[]));
    let (renamed, added) = tokio::join!(
        join_all(renames),
        app.post(SERVERS, &ada.token, server("MAIN"))
    );
    let all: Vec<Answer> = renamed.into_iter().chain([added]).collect();
    let won = count(&all, 200) + count(&all, 201);
    assert_eq!((won, count(&all, 409)), (1, 8));
    let lost = all.iter().filter(|answer| answer.status == 409);
    assert!(lost.into_iter().all(|answer| answer.rule() == "name_taken"));
    let list = app.get(SERVERS, Some(&ada.token)).await.with(200);
    let called = list["items"].as_array().unwrap().iter();
    let main = called.filter(|server| server["name"].as_str().unwrap().to_lowercase() == "main");
    assert_eq!(main.count(), 1);

    // Those who lost are told of, like those whom an aggregate refuses.
    let told = testkit::eventually("the refusals are told", || async {
        let page = app.get("/api/v1/audit?limit=200", Some(&ada.token)).await;
        let items = page.with(200)["items"].as_array().unwrap().clone();
        let refused = |entry: &&Value| entry["rule"] == "name_taken";
        let refused: Vec<Value> = items.iter().filter(refused).cloned().collect();
        (refused.len() == 8).then_some(refused)
    });
    let told = told.await;
    assert!(
        told.iter()
            .all(|entry| entry["target"]["id"].as_str().unwrap().contains(SERVERS))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_in_use_have_two_names() {
    let app = app!();
    let ada = app.register("Ada").await;
    let body = || json!({"name": "deploys"});
    let creations = (0..6).map(|_| app.post(ACCOUNTS, &ada.token, body()));
    let answers = join_all(creations).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 5));
    let taken = app.post(ACCOUNTS, &ada.token, json!({"name": " DEPLOYS "}));
    assert_eq!(taken.await.rule(), "name_taken");

    // A retry is no second account, and the name of one that is disabled is free.
    let first = answers.iter().find(|answer| answer.status == 201).unwrap();
    let path = format!("{ACCOUNTS}/{}", first.id());
    app.delete(&path, &ada.token).await.with(204);
    let again = [("idempotency-key", "again")];
    let retries = (0..3).map(|_| app.post_with(ACCOUNTS, &ada.token, body(), &again));
    let ids: Vec<String> = join_all(retries).await.iter().map(Answer::id).collect();
    assert!(ids.iter().all(|id| id == &ids[0] && *id != first.id()));
    // Another project's are its own.
    let other = app.post("/api/v1/projects", &ada.token, json!({"name": "Other"}));
    let other = other.await.id();
    let switch = json!({"refresh_token": ada.refresh, "project_id": other});
    let switched = app.ask("/api/v1/auth/refresh", switch).await.with(200);
    let token = switched["access_token"].as_str().unwrap();
    app.post(ACCOUNTS, token, body()).await.with(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_a_crash_left_held_is_free_after_a_minute() {
    let app = app!();
    let ada = app.register("Ada").await;
    let project = ProjectId(ada.project.parse::<Uuid>().unwrap());
    let name = MonitoringIntegrationId::of(project, "Main").0;
    let now = Context::ambient(&app.gateway.clock).now();
    let hold = async |at| {
        let other = CommandId(Uuid::from_u128(7));
        held_names::hold(&app.gateway.db, name, other, at).await
    };
    assert!(hold(now).await.unwrap());
    let held = app.post(SERVERS, &ada.token, server("main")).await;
    assert_eq!(held.rule(), "name_taken");
    assert!(hold(now.plus_millis(-61_000)).await.unwrap());
    app.post(SERVERS, &ada.token, server("main"))
        .await
        .with(201);
}
