//! `/api/v1/incidents/*`

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, App, Person, app};

async fn act(app: &App, person: &Person, id: &str, action: &str) -> Answer {
    let path = format!("/api/v1/incidents/{id}/{action}");
    app.post(&path, &person.token, json!({"note": action}))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_walked_from_detected_to_learned() {
    let app = app!();
    let ada = app.register("Ada").await;
    let body = json!({"title": "Checkout is down", "severity": "SEV1", "description": "5xx"});
    let declared = app.post("/api/v1/incidents", &ada.token, body).await;
    let incident = declared.with(201);
    assert_eq!(declared.headers["etag"], "\"1\"");
    assert_eq!(incident["status"], "detected");
    assert_eq!(incident["source"], "manual");
    assert_eq!(incident["opened_by"]["name"], "Ada Owner");
    let id = declared.id();
    let steps = ["acknowledge", "investigate", "mitigate", "resolve", "learn"];
    let states = [
        "acknowledged",
        "investigating",
        "mitigated",
        "resolved",
        "learned",
    ];
    for (step, state) in steps.into_iter().zip(states) {
        let moved = act(&app, &ada, &id, step).await.with(200);
        assert_eq!(moved["status"], state);
    }
    let reopened = act(&app, &ada, &id, "reopen").await.with(200);
    assert_eq!(reopened["status"], "investigating");
    let expected = [&["opened"][..], &states, &["reopened"]].concat();
    let timeline = app.timeline(&ada, &id, expected.len()).await;
    let kinds: Vec<_> = timeline.iter().map(|e| &e["kind"]).collect();
    assert_eq!(kinds, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_illegal_step_lists_the_legal_ones() {
    let app = app!();
    let ada = app.register("Ada").await;
    let id = app.incident(&ada, "x").await;
    act(&app, &ada, &id, "resolve").await.with(200);
    let refused = act(&app, &ada, &id, "acknowledge").await;
    let problem = refused.with(409);
    assert_eq!(problem["rule"], "illegal_transition");
    let next = problem["allowed_next"].as_array().unwrap();
    assert!(next.contains(&json!("learn")) && next.contains(&json!("reopen")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_version_is_refused() {
    let app = app!();
    let ada = app.register("Ada").await;
    let id = app.incident(&ada, "x").await;
    let path = format!("/api/v1/incidents/{id}/severity");
    let put = async |version: &str| {
        let body = json!({"severity": "SEV1"});
        let headers = [("if-match", version)];
        app.send(Method::PUT, &path, Some(&ada.token), Some(&body), &headers)
            .await
    };
    let stale = put("\"7\"").await;
    assert_eq!(stale.with(412)["rule"], "stale_version");
    assert_eq!(put("\"1\"").await.with(200)["severity"], "SEV1");
    assert_eq!(
        put("W/\"2\"").await.with(400)["errors"][0]["field"],
        "If-Match"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn title_assignee_and_comments_change() {
    let app = app!();
    let ada = app.register("Ada").await;
    let id = app.incident(&ada, "x").await;
    let put = async |what: &str, body: Value| {
        let path = format!("/api/v1/incidents/{id}/{what}");
        app.send(Method::PUT, &path, Some(&ada.token), Some(&body), &[])
            .await
    };
    let titled = put("title", json!({"title": "Checkout"})).await.with(200);
    assert_eq!(titled["title"], "Checkout");
    let mine = put("assignee", json!({"user_id": ada.user}))
        .await
        .with(200);
    assert_eq!(mine["assignee"]["name"], "Ada Owner");
    let nobody = put("assignee", json!({"user_id": null})).await.with(200);
    assert_eq!(nobody["assignee"], Value::Null);
    let stranger = put("assignee", json!({"user_id": ada.tenant})).await;
    assert_eq!(stranger.with(422)["errors"][0]["field"], "user_id");
    let path = format!("/api/v1/incidents/{id}/comments");
    let comment = app
        .post(&path, &ada.token, json!({"body": "looking"}))
        .await
        .with(201);
    assert_eq!(
        (&comment["kind"], &comment["text"]),
        (&json!("comment"), &json!("looking"))
    );
    assert_eq!(
        app.post(&path, &ada.token, json!({"body": " "}))
            .await
            .with(422)["rule"],
        "invalid"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_filters_and_pages() {
    let app = app!();
    let ada = app.register("Ada").await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(app.incident(&ada, &format!("Checkout {n}")).await);
    }
    act(&app, &ada, &ids[0], "resolve").await.with(200);
    let list = async |query: &str| {
        let path = format!("/api/v1/incidents?{query}");
        app.get(&path, Some(&ada.token)).await
    };
    let first = list("status=open&limit=3").await.with(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = list(&format!("status=open&limit=3&cursor={cursor}"))
        .await
        .with(200);
    let pages = [&first, &second]
        .map(|page| page["items"].as_array().unwrap().clone())
        .concat();
    let found: Vec<_> = pages.iter().map(|i| i["id"].as_str().unwrap()).collect();
    let newest_first: Vec<_> = ids[1..].iter().rev().map(String::as_str).collect();
    assert_eq!(found, newest_first);
    assert_eq!(second["next_cursor"], Value::Null);
    let resolved = list("status=resolved&severity=SEV2&q=checkout")
        .await
        .with(200);
    assert_eq!(resolved["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        list("cursor=AAAA").await.with(400)["errors"][0]["field"],
        "cursor"
    );
    assert_eq!(
        list("status=broken").await.with(400)["errors"][0]["field"],
        "status"
    );
    let stats = app
        .get("/api/v1/incidents/stats", Some(&ada.token))
        .await
        .with(200);
    assert_eq!(stats["open"]["total"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_watch_and_keys_do_what_their_scope_says() {
    let app = app!();
    let ada = app.register("Ada").await;
    let id = app.incident(&ada, "x").await;
    let viewer = app.colleague(&ada, "Vic", "viewer").await;
    app.get("/api/v1/incidents", Some(&viewer.token))
        .await
        .with(200);
    let refused = act(&app, &viewer, &id, "acknowledge").await;
    assert_eq!(refused.with(403)["rule"], "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_out_of_bounds_are_refused() {
    let app = app!();
    let ada = app.register("Ada").await;
    let long = json!({"title": "x".repeat(400), "severity": "SEV1"});
    let refused = app.post("/api/v1/incidents", &ada.token, long).await;
    assert_eq!(refused.with(422)["rule"], "invalid");
    let huge = json!({"title": "x".repeat(300_000), "severity": "SEV1"});
    app.post("/api/v1/incidents", &ada.token, huge)
        .await
        .with(413);
    let unknown = json!({"title": "x", "severity": "SEV9"});
    let refused = app.post("/api/v1/incidents", &ada.token, unknown).await;
    assert_eq!(refused.with(400)["errors"][0]["field"], "severity");
}
