//! `/api/v1/monitoring-integrations`: added, changed, tested and removed; what a server
//! is shown is seen by the server and by nobody else.

mod rename;

use std::sync::Arc;

use axum::http::{HeaderMap, Method};
use axum::routing::get;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::app::{Answer, App, Person, app};

const PATH: &str = "/api/v1/monitoring-integrations";
const SECRET: &str = "canary-credential-51c2";

fn alertmanager(url: &str) -> Value {
    json!({"name": " Alertmanager ", "kind": "alertmanager", "url": url})
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

fn basic() -> Value {
    json!({"kind": "basic", "username": "sre-copilot", "password": SECRET})
}

fn one(id: &str) -> String {
    format!("{PATH}/{id}")
}

/// What is asked for a change: no name.
fn settings(url: &str) -> Value {
    json!({"kind": "alertmanager", "url": url})
}

async fn matching(
    app: &App,
    method: Method,
    path: &str,
    who: &Person,
    body: Option<&Value>,
    version: &str,
) -> Answer {
    let tag = [("if-match", version)];
    app.send(method, path, Some(&who.token), body, &tag).await
}

/// An Alertmanager that says what it was shown.
async fn server() -> (String, Arc<Mutex<Vec<String>>>) {
    let shown: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = shown.clone();
    let status = move |headers: HeaderMap| async move {
        let shown = headers
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned());
        seen.lock().push(shown.unwrap_or_default());
        axum::Json(json!({"versionInfo": {"version": "0.28.1"}}))
    };
    let router = axum::Router::new().route("/api/v2/status", get(status));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), shown)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_added_changed_and_removed() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let body = with(alertmanager("http://am.shop:9093/"), "credential", basic());
    let made = app.post(PATH, &ada.token, body).await;
    let shown = made.with(201);
    let id = made.id();
    assert_eq!(shown["name"], "Alertmanager");
    assert_eq!(shown["url"], "http://am.shop:9093");
    assert_eq!(shown["credential"]["kind"], "basic");
    assert_eq!(shown["health"]["status"], "unknown");
    assert_eq!(made.headers["etag"], "\"2\"");
    assert!(!made.text.contains(SECRET));

    // A name is given once, in whatever case; another project has its own.
    let again = with(alertmanager("http://b:1"), "name", json!("ALERTMANAGER"));
    let taken = app.post(PATH, &ada.token, again.clone()).await;
    assert_eq!(
        (taken.status.as_u16(), taken.rule().as_str()),
        (409, "name_taken")
    );
    app.post(PATH, &eve.token, again).await.with(201);

    // Whoever is late is told so.
    let change = settings("http://am.shop:9093/alerts");
    let stale = matching(&app, Method::PUT, &one(&id), &ada, Some(&change), "\"1\"").await;
    stale.with(412);
    let changed = matching(&app, Method::PUT, &one(&id), &ada, Some(&change), "\"2\"").await;
    assert_eq!(changed.with(200)["credential"]["kind"], "basic");
    app.put(&one(&id), &eve.token, change).await.with(404);

    // The credential goes to another server only with who knows it.
    let moved = app
        .put(&one(&id), &ada.token, settings("http://elsewhere:9093"))
        .await;
    assert_eq!(
        (moved.status.as_u16(), moved.rule().as_str()),
        (409, "credential_needed")
    );
    let none = with(
        settings("http://elsewhere:9093"),
        "credential",
        json!({"kind": "none"}),
    );
    let moved = app.put(&one(&id), &ada.token, none).await.with(200);
    assert_eq!(moved["credential"], Value::Null);

    let list = app.get(PATH, Some(&ada.token)).await.with(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let stale = matching(&app, Method::DELETE, &one(&id), &ada, None, "\"1\"").await;
    stale.with(412);
    app.delete(&one(&id), &eve.token).await.with(404);
    app.delete(&one(&id), &ada.token).await.with(204);
    app.get(&one(&id), Some(&ada.token)).await.with(404);
    app.delete(&one(&id), &ada.token).await.with(404);
    // The name is free again.
    app.post(PATH, &ada.token, alertmanager("http://b:1"))
        .await
        .with(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_makes_one_and_another_question_is_refused() {
    let app = app!();
    let ada = app.register("Ada").await;
    let keyed = [("idempotency-key", "once")];
    let body = with(alertmanager("http://am.shop:9093"), "credential", basic());
    let first = app.post_with(PATH, &ada.token, body.clone(), &keyed).await;
    let second = app.post_with(PATH, &ada.token, body.clone(), &keyed).await;
    assert_eq!(first.with(201)["id"], second.with(201)["id"]);
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM vault.credentials")
        .fetch_one(app.gateway.db.writer())
        .await
        .unwrap();
    assert_eq!(rows, 1);
    let other = with(body, "url", json!("http://b:1"));
    let refused = app.post_with(PATH, &ada.token, other, &keyed).await;
    assert_eq!(refused.rule(), "idempotency_mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_told_by_field_and_without_the_secret() {
    let app = app!();
    let ada = app.register("Ada").await;
    let good = || alertmanager("http://a:1");
    let cases = [
        ("name", with(good(), "name", json!(" "))),
        ("url", with(good(), "url", json!("ftp://a"))),
        (
            "url",
            with(good(), "url", json!(format!("http://ada:{SECRET}@a"))),
        ),
        (
            "url",
            with(good(), "url", json!(format!("http://a/?key={SECRET}"))),
        ),
        (
            "url",
            with(good(), "url", json!("http://169.254.169.254/latest")),
        ),
        ("url", with(good(), "url", json!("http://[fe80::1]:9090"))),
        ("url", with(good(), "url", json!("http://0xa9.254.43518/"))),
        (
            "ca_certificate",
            with(good(), "ca_certificate", json!("no certificate")),
        ),
        (
            "credential.username",
            with(
                good(),
                "credential",
                json!({"kind": "basic", "username": "a:b", "password": SECRET}),
            ),
        ),
        (
            "credential.token",
            with(
                good(),
                "credential",
                json!({"kind": "bearer", "token": format!("{SECRET}\r\nx: y")}),
            ),
        ),
        (
            "credential.headers",
            with(
                good(),
                "credential",
                json!({"kind": "headers", "headers": [{"name": "Host", "value": SECRET}]}),
            ),
        ),
    ];
    for (field, body) in cases {
        let refused = app.post(PATH, &ada.token, body).await;
        assert_eq!(
            refused.with(422)["errors"][0]["field"],
            field,
            "{refused:?}"
        );
        assert!(!refused.text.contains(SECRET), "{refused:?}");
    }
    let unknown = with(good(), "kind", json!("nagios"));
    assert_eq!(
        app.post(PATH, &ada.token, unknown).await.with(400)["errors"][0]["field"],
        "kind"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_asks_at_once_and_tells_each_step() {
    let app = app!();
    let ada = app.register("Ada").await;
    let (url, shown) = server().await;
    let body = with(alertmanager(&url), "credential", basic());
    let id = app.post(PATH, &ada.token, body).await.id();
    let test = format!("{PATH}/{id}/test");
    let engineer = app.colleague(&ada, "Grace", "engineer").await;
    let viewer = app.colleague(&ada, "Vic", "viewer").await;
    let found = app
        .post(&test, &engineer.token, json!(null))
        .await
        .with(200);
    assert_eq!(
        (&found["status"], &found["version"]),
        (&json!("up"), &json!("0.28.1"))
    );
    let steps: Vec<_> = found["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["resolve", "connect", "request", "version"]);
    assert!(shown.lock()[0].starts_with("Basic "), "{shown:?}");
    let health = app.get(&one(&id), Some(&viewer.token)).await.with(200)["health"].clone();
    assert_eq!(
        (&health["status"], &health["version"]),
        (&json!("up"), &json!("0.28.1"))
    );
    assert!(health["since"].is_string() && health["latency_ms"].is_number());
    app.post(&test, &viewer.token, json!(null)).await.with(403);
    app.put(&one(&id), &engineer.token, settings(&url))
        .await
        .with(403);

    // The version of what people have set has not moved.
    let tag = app.get(&one(&id), Some(&ada.token)).await.headers["etag"].clone();
    assert_eq!(tag, "\"2\"");
    let gone = with(
        settings("http://127.0.0.1:9"),
        "credential",
        json!({"kind": "none"}),
    );
    app.put(&one(&id), &ada.token, gone).await.with(200);
    let found = app.post(&test, &ada.token, json!(null)).await.with(200);
    assert_eq!(found["error"], "not_connected");
    assert_eq!(found["steps"][1]["ok"], false);
    let health = app.get(&one(&id), Some(&ada.token)).await.with(200)["health"].clone();
    assert_eq!(
        (&health["status"], &health["error"]),
        (&json!("down"), &json!("not_connected"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_tells_before_and_after_and_never_the_secret() {
    let app = app!();
    let ada = app.register("Ada").await;
    let body = with(alertmanager("http://am.shop:9093"), "credential", basic());
    let id = app.post(PATH, &ada.token, body).await.id();
    let change = with(
        settings("https://am.shop"),
        "credential",
        json!({"kind": "bearer", "token": SECRET}),
    );
    app.put(&one(&id), &ada.token, change).await.with(200);
    app.delete(&one(&id), &ada.token).await.with(204);
    let path = format!("/api/v1/audit?target_type=monitoring_integration&target_id={id}");
    let told = testkit::eventually("three entries", || async {
        let page = app.get(&path, Some(&ada.token)).await;
        let items = page.with(200)["items"].as_array().unwrap().clone();
        (items.len() == 3).then_some((page.text, items))
    })
    .await;
    let (text, items) = told;
    assert!(!text.contains(SECRET), "{text}");
    let change = &items[1];
    assert_eq!(change["action"], "ChangeMonitoringIntegration");
    assert_eq!(change["before"]["url"], "http://am.shop:9093");
    assert_eq!(change["after"]["url"], "https://am.shop");
    let credential = |of: &Value| of["credential"].as_str().unwrap().to_owned();
    assert!(
        credential(&change["before"]).starts_with("basic *** ("),
        "{change}"
    );
    assert!(
        credential(&change["after"]).starts_with("bearer *** ("),
        "{change}"
    );
    assert_eq!(items[0]["after"]["removed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_whose_command_was_refused_is_not_kept() {
    let app = app!();
    let ada = app.register("Ada").await;
    app.post(PATH, &ada.token, alertmanager("http://a:1"))
        .await
        .with(201);
    let taken = with(alertmanager("http://a:1"), "credential", basic());
    app.post(PATH, &ada.token, taken).await.with(409);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM vault.credentials")
        .fetch_one(app.gateway.db.writer())
        .await
        .unwrap();
    assert_eq!(left, 0);
}
