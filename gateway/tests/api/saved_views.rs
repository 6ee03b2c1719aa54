//! `/api/v1/saved-views`: shared by a project, replaced by name, gone when deleted.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{App, Person, app};

const PATH: &str = "/api/v1/saved-views";

async fn save(app: &App, person: &Person, body: Value, status: u16) -> Value {
    let token = Some(&person.token[..]);
    let answer = app.send(Method::PUT, PATH, token, Some(&body), &[]).await;
    answer.with(status)
}

async fn listed(app: &App, person: &Person, query: &str) -> Vec<Value> {
    let path = format!("{PATH}{query}");
    let answer = app.get(&path, Some(&person.token)).await.with(200);
    answer["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_saved_replaced_and_deleted() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let view =
        |search: &str| json!({"page": "logs", "name": " Failed payments ", "search": search});
    let first = save(&app, &ada, view("q=declined"), 200).await;
    assert_eq!(first["name"], "Failed payments");
    assert_eq!(first["saved_by"]["id"], ada.user);
    let second = save(&app, &ada, view("q=declined&level=error"), 200).await;
    assert_eq!(second["id"], first["id"]);
    let traces = json!({"page": "traces", "name": "Failed payments", "search": "errors=1"});
    save(&app, &ada, traces, 200).await;

    let logs = listed(&app, &ada, "?page=logs").await;
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0]["search"], "q=declined&level=error");
    assert_eq!(listed(&app, &ada, "").await.len(), 2);
    assert!(listed(&app, &eve, "").await.is_empty());

    let one = format!("{PATH}/{}", first["id"].as_str().unwrap());
    let delete = |token: &str| {
        let token = token.to_owned();
        let (app, one) = (&app, &one);
        async move { app.send(Method::DELETE, one, Some(&token), None, &[]).await }
    };
    delete(&eve.token).await.with(404);
    assert_eq!(delete(&ada.token).await.status.as_u16(), 204);
    assert!(listed(&app, &ada, "?page=logs").await.is_empty());
    delete(&ada.token).await.with(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_saved_is_said_by_field() {
    let app = app!();
    let ada = app.register("Ada").await;
    let unnamed = json!({"page": "logs", "name": " ", "search": ""});
    let refused = save(&app, &ada, unnamed, 422).await;
    assert_eq!(refused["errors"][0]["field"], "name");
}
