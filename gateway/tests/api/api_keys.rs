//! `/api/v1/api-keys`

use axum::http::{Method, StatusCode};
use schemas::context::Clock;
use schemas::time::Timestamp;
use serde_json::{Value, json};

use crate::app::{App, Person, app};
use crate::audit::entries;

async fn key(app: &App, person: &Person, scope: &str) -> Value {
    let body = json!({"name": "agent", "scopes": [scope]});
    app.post("/api/v1/api-keys", &person.token, body)
        .await
        .with(201)
}

/// The keyring follows the log by itself.
pub(crate) async fn until_known(app: &App, key: &str) {
    testkit::eventually("the key is known", || async {
        let answer = app.get("/api/v1/incidents", Some(key)).await;
        (answer.status != StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_wherever_it_is_put_until_it_is_revoked() {
    let app = app!();
    let ada = app.register("Ada").await;
    let made = key(&app, &ada, "write").await;
    let text = made["key"].as_str().unwrap();
    assert!(text.starts_with(made["prefix"].as_str().unwrap()));
    until_known(&app, text).await;
    let declared = app
        .post(
            "/api/v1/incidents",
            text,
            json!({"title": "x", "severity": "SEV3"}),
        )
        .await;
    assert_eq!(declared.with(201)["opened_by"], Value::Null);
    let headers = [("x-api-key", text)];
    app.send(Method::GET, "/api/v1/incidents", None, None, &headers)
        .await
        .with(200);
    app.get("/api/v1/auth/me", Some(text)).await.with(403);
    let list = app.get("/api/v1/api-keys", Some(&ada.token)).await;
    assert!(!list.text.contains(text));
    let path = format!("/api/v1/api-keys/{}", made["id"].as_str().unwrap());
    app.delete(&path, &ada.token).await.with(204);
    let refused = testkit::eventually("the revocation is known", || async {
        let answer = app.get("/api/v1/incidents", Some(text)).await;
        (answer.status == StatusCode::UNAUTHORIZED).then_some(answer)
    })
    .await;
    assert_eq!(refused.rule(), "key_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_is_all_that_a_key_can_do() {
    let app = app!();
    let ada = app.register("Ada").await;
    let ingest = key(&app, &ada, "ingest").await["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let read = key(&app, &ada, "read").await["key"]
        .as_str()
        .unwrap()
        .to_owned();
    until_known(&app, &ingest).await;
    until_known(&app, &read).await;
    app.get("/api/v1/incidents", Some(&ingest)).await.with(403);
    app.get("/api/v1/incidents", Some(&read)).await.with(200);
    let body = json!({"title": "x", "severity": "SEV3"});
    app.post("/api/v1/incidents", &read, body).await.with(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_creation_shows_the_same_key() {
    let app = app!();
    let ada = app.register("Ada").await;
    let body = json!({"name": "agent", "scopes": ["ingest"]});
    let keyed = [("idempotency-key", "once")];
    let first = app
        .post_with("/api/v1/api-keys", &ada.token, body.clone(), &keyed)
        .await
        .with(201);
    let again = app
        .post_with("/api/v1/api-keys", &ada.token, body, &keyed)
        .await
        .with(201);
    assert_eq!((&first["id"], &first["key"]), (&again["id"], &again["key"]));
    let list = app
        .get("/api/v1/api-keys", Some(&ada.token))
        .await
        .with(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_mistyped_keys_are_refused() {
    let app = app!();
    let unknown = access::api_key::generate();
    let answer = app.get("/api/v1/incidents", Some(&unknown.text)).await;
    assert_eq!(answer.with(401)["rule"], "key_unknown");
    let answer = app.get("/api/v1/incidents", Some("srec_mistyped")).await;
    assert_eq!(answer.with(401)["rule"], "key_unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_set_up_a_sender_sees_what_it_was_refused() {
    let app = app!();
    let ada = app.register("Ada").await;
    let key = key(&app, &ada, "ingest").await;
    let key = key["key"].as_str().unwrap();
    let body = json!({"version": "4", "alerts": [{"labels": 7}]});
    testkit::eventually("the sender is refused for what it sends", || async {
        let answer = app
            .post("/api/v1/webhooks/alertmanager", key, body.clone())
            .await;
        (answer.status == StatusCode::BAD_REQUEST).then_some(())
    })
    .await;
    let shown = app
        .get("/api/v1/webhooks/refused", Some(&ada.token))
        .await
        .with(200);
    let refused = &shown["items"][0];
    assert_eq!(refused["integration"], "alertmanager");
    assert!(
        refused["reason"].as_str().unwrap().contains("labels"),
        "{refused}"
    );
    assert_eq!(refused["body"], body.to_string());

    let keys_read_alone = app.get("/api/v1/webhooks/refused", Some(key)).await;
    assert_eq!(keys_read_alone.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_works_beside_its_successor_until_the_overlap_ends() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let old = key(&app, &ada, "read").await;
    let (id, old) = (old["id"].as_str().unwrap(), old["key"].as_str().unwrap());
    let path = format!("/api/v1/api-keys/{id}/rotate");
    let long = app
        .post(&path, &ada.token, json!({"overlap_hours": 721}))
        .await;
    assert_eq!(long.with(422)["errors"][0]["field"], "overlap_hours");
    let new = app
        .post(&path, &ada.token, json!({"overlap_hours": 2}))
        .await
        .with(201);
    assert_eq!(
        (&new["name"], &new["scopes"]),
        (&json!("agent"), &json!(["read"]))
    );
    assert_eq!(new["expires_at"], Value::Null);
    let new = new["key"].as_str().unwrap();
    for text in [old, new] {
        until_known(&app, text).await;
        app.get("/api/v1/incidents", Some(text)).await.with(200);
    }
    // Its successor would live as long as what is left of it.
    let twice = app.post(&path, &ada.token, json!({})).await;
    assert_eq!(twice.with(409)["rule"], "key_rotated");
    clock.advance_millis(2 * 3_600_000);
    let ended = app.get("/api/v1/incidents", Some(old)).await;
    assert_eq!(ended.with(401)["rule"], "key_expired");
    app.get("/api/v1/incidents", Some(new)).await.with(200);
    let ada = app.refreshed(&ada).await;
    let again = app.post(&path, &ada.token, json!({})).await;
    assert_eq!(again.with(409)["rule"], "key_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_one_signal_sends_that_and_reads_nothing() {
    let app = app!();
    let ada = app.register("Ada").await;
    let made = key(&app, &ada, "ingest:logs").await;
    let text = made["key"].as_str().unwrap();
    until_known(&app, text).await;
    let logs = json!([{"message": "x", "service": "shop"}]);
    let sent = app
        .post("/api/v1/ingest/logs", text, json!({"logs": logs}))
        .await;
    assert!(sent.status.is_success(), "{sent:?}");
    let metrics = json!({"metrics": [{"name": "x", "labels": {}, "value": 1.0}]});
    app.post("/api/v1/ingest/metrics", text, metrics)
        .await
        .with(403);
    let webhook = app
        .post("/api/v1/webhooks/alertmanager", text, json!({}))
        .await;
    webhook.with(403);
    app.get("/api/v1/incidents", Some(text)).await.with(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_service_account_end_with_it() {
    let app = app!();
    let ada = app.register("Ada").await;
    let account = json!({"name": "deploys", "description": "The pipeline"});
    let account = app
        .post("/api/v1/service-accounts", &ada.token, account)
        .await;
    account.with(201);
    let body = json!({"name": "k", "scopes": ["read"], "service_account_id": account.id()});
    let made = app
        .post("/api/v1/api-keys", &ada.token, body.clone())
        .await
        .with(201);
    assert_eq!(made["service_account_id"], json!(account.id()));
    let (its, other) = (made["key"].as_str().unwrap(), key(&app, &ada, "read").await);
    until_known(&app, its).await;
    let path = format!("/api/v1/service-accounts/{}", account.id());
    app.delete(&path, &ada.token).await.with(204);
    testkit::eventually("its key is revoked", || async {
        let answer = app.get("/api/v1/incidents", Some(its)).await;
        (answer.status == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
    let other = other["key"].as_str().unwrap();
    app.get("/api/v1/incidents", Some(other)).await.with(200);
    let refused = app
        .post("/api/v1/api-keys", &ada.token, body)
        .await
        .with(422);
    assert_eq!(refused["errors"][0]["field"], "service_account_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_is_told_again_to_who_asks_again() {
    let app = app!();
    let ada = app.register("Ada").await;
    let old = key(&app, &ada, "read").await;
    let path = format!("/api/v1/api-keys/{}/rotate", old["id"].as_str().unwrap());
    let headers = [("idempotency-key", "once")];
    let ask = || app.send(Method::POST, &path, Some(&ada.token), None, &headers);
    let (first, second) = (ask().await.with(201), ask().await.with(201));
    assert_eq!(
        (&first["id"], &first["key"]),
        (&second["id"], &second["key"])
    );
}

/// A field that nobody knows may be the one that was to limit what is given.
#[tokio::test(flavor = "multi_thread")]
async fn what_gives_access_refuses_fields_that_it_does_not_know() {
    let app = app!();
    let ada = app.register("Ada").await;
    let grace = app.colleague(&ada, "Grace", "viewer").await;
    let made = key(&app, &ada, "read").await;
    let rotate = format!("/api/v1/api-keys/{}/rotate", made["id"].as_str().unwrap());
    let role = format!("/api/v1/members/{}/project-role", grace.user);
    let new = json!({"name": "agent", "scopes": ["read"], "expires": "2030-01-01T00:00:00Z"});
    let elsewhere = json!({"role": "admin", "project_id": ada.project});
    for (method, path, body, field) in [
        (Method::POST, "/api/v1/api-keys", new, "expires"),
        (
            Method::POST,
            &rotate,
            json!({"overlap_seconds": 0}),
            "overlap_seconds",
        ),
        (Method::PUT, &role, elsewhere, "project_id"),
    ] {
        let refused = app
            .send(method, path, Some(&ada.token), Some(&body), &[])
            .await;
        assert_eq!(refused.with(400)["errors"][0]["field"], field, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_have_no_characters_that_nobody_sees() {
    let app = app!();
    let ada = app.register("Ada").await;
    let integration = json!({"name": "a\u{202e}b", "kind": "prometheus", "url": "http://p:9090"});
    let project = format!("/api/v1/projects/{}", ada.project);
    for (method, path, body) in [
        (Method::PATCH, "/api/v1/tenant", json!({"name": "a\r\nb"})),
        (Method::PATCH, &project, json!({"name": "a\u{200b}b"})),
        (Method::POST, "/api/v1/projects", json!({"name": "a\0b"})),
        (
            Method::POST,
            "/api/v1/service-accounts",
            json!({"name": "a\u{202e}b"}),
        ),
        (Method::POST, "/api/v1/monitoring-integrations", integration),
        (
            Method::POST,
            "/api/v1/api-keys",
            json!({"name": "a\tb", "scopes": ["read"]}),
        ),
    ] {
        let refused = app
            .send(method, path, Some(&ada.token), Some(&body), &[])
            .await;
        let problem = refused.with(422);
        assert_eq!(problem["errors"][0]["field"], "name", "{path}");
        let said = problem["errors"][0]["message"].as_str().unwrap();
        assert!(said.contains("U+"), "{path}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_may_do_what_it_was_changed_to() {
    let app = app!();
    let ada = app.register("Ada").await;
    let made = key(&app, &ada, "read").await;
    let (id, text) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    until_known(&app, text).await;
    let path = format!("/api/v1/api-keys/{id}");
    let patch = async |body: Value| app.patch(&path, &ada.token, body).await;

    let renamed = patch(json!({"name": " agent-eu "})).await.with(200);
    assert_eq!(renamed["name"], "agent-eu");
    assert_eq!(renamed["scopes"], json!(["read"]));
    app.get("/api/v1/incidents", Some(text)).await.with(200);

    let narrowed = patch(json!({"scopes": ["ingest:logs"]})).await.with(200);
    assert_eq!(narrowed["name"], "agent-eu");
    assert_eq!(narrowed["scopes"], json!(["ingest:logs"]));
    testkit::eventually("the key reads no more", || async {
        let answer = app.get("/api/v1/incidents", Some(text)).await;
        (answer.status == StatusCode::FORBIDDEN).then_some(())
    })
    .await;

    let is_told = |entry: &Value| {
        entry["action"] == "ChangeApiKey"
            && entry["before"] == json!({"scopes": ["read"]})
            && entry["after"] == json!({"scopes": ["ingest:logs"]})
    };
    testkit::eventually("the audit tells of it", || async {
        let entries = entries(&app, &ada, "kind=change&result=accepted").await;
        entries.iter().any(is_told).then_some(())
    })
    .await;

    for (body, field) in [
        (json!({"scopes": []}), "scopes"),
        (json!({"name": " "}), "name"),
    ] {
        let refused = patch(body).await.with(422);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    patch(json!({"scopes": ["root"]})).await.with(400);
    patch(json!({"expires_at": null})).await.with(400);
    app.delete(&path, &ada.token).await;
    let over = patch(json!({"name": "x"})).await;
    assert_eq!(over.with(409)["rule"], "key_revoked");
}
