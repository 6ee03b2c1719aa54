//! `/api/v1/incidents/*`

use std::time::Duration;

use axum::http::Method;
use gateway::config::Config;
use schemas::context::Clock;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};

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
    // A weak tag matches nothing, and `*` whatever there is.
    let weak = put("W/\"2\"").await;
    assert_eq!(weak.with(412)["rule"], "stale_version");
    put("*").await.with(200);
    let no_tag = put("2").await.with(400);
    assert_eq!(no_tag["errors"][0]["field"], "If-Match");
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

/// One of each way to be refused; the reason stands in `detail` too, for who prints
/// nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_named_and_quoted() {
    let app = app!();
    let ada = app.register("Ada").await;
    let range = "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z";
    let backwards = "from: `2026-01-02T00:00:00Z` lies after `to`, `2026-01-01T00:00:00Z`";
    for (path, told) in [
        (
            "/api/v1/incidents?cursor=top",
            "cursor: `top` is not a cursor of this list",
        ),
        (&format!("/api/v1/incidents?{range}"), backwards),
        (&format!("/api/v1/incidents/stats?{range}"), backwards),
        (&format!("/api/v1/traces?{range}"), backwards),
        (&format!("/api/v1/audit?{range}"), backwards),
        (
            "/api/v1/incidents/stats?to=-262143-01-02T00:00:00Z",
            "to: `-262143-01-02T00:00:00Z` is not a time as 2026-11-23T02:41:00Z: input is out of range",
        ),
        (
            "/api/v1/audit?from=-9999-01-02T00:00:00Z",
            "from: `-9999-01-02T00:00:00Z` is not a time as 2026-11-23T02:41:00Z: input is out of range",
        ),
        (
            "/api/v1/traces?min_duration_ms=-3",
            "min_duration_ms: `-3` is no duration in milliseconds",
        ),
        (
            "/api/v1/traces?attr=region",
            "attr: `region` is not `name=value`",
        ),
    ] {
        let refused = app.get(path, Some(&ada.token)).await.with(400);
        assert_eq!(refused["detail"], told, "{path}");
    }
    let past = json!({"name": "", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"});
    for (path, body, told) in [
        (
            "/api/v1/api-keys",
            past,
            "name: has 0 characters, not 1 to 100; expires_at: `2020-01-01T00:00:00Z` lies in the past",
        ),
        (
            "/api/v1/invitations",
            json!({"email": "ada at home", "role": "viewer"}),
            "email: `ada at home` is no e-mail address",
        ),
        (
            "/api/v1/projects",
            json!({"name": "Shop", "slug": "The Shop"}),
            "`slug` `The Shop` is not 1 to 63 lower-case letters, digits and inner hyphens",
        ),
        (
            "/api/v1/monitoring-integrations",
            json!({"name": "a", "kind": "prometheus", "url": "prometheus:9090"}),
            "url: `prometheus:9090` must be an http or https address",
        ),
        (
            "/api/v1/monitoring-integrations",
            json!({"name": "a", "kind": "prometheus", "url": "http://ada:hunter2@prometheus"}),
            "url: must not hold a user name or password: give them as the credential",
        ),
    ] {
        let refused = app.post(path, &ada.token, body).await.with(422);
        assert_eq!(refused["detail"], told, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_is_none_is_refused_by_name() {
    let app = app!();
    let ada = app.register("Ada").await;
    let get = async |path: &str| app.get(&format!("/api/v1/{path}"), Some(&ada.token)).await;
    for (path, field, told) in [
        (
            "incidents?sort=severity",
            "sort",
            "`sort` is no parameter here",
        ),
        (
            "alerts?status=firing&severity=SEV1",
            "severity",
            "`severity` is no parameter here",
        ),
        ("incidents?limit=0", "limit", "`0` is not 1 or more"),
        ("logs?limit=0", "limit", "`0` is not 1 or more"),
        ("logs?order=up", "order", "`up` cannot be read"),
    ] {
        let refused = get(path).await.with(400);
        let error = &refused["errors"][0];
        assert_eq!(error["field"], field, "{path}");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with(told), "{path}: {message}");
    }
    get("incidents?limit=100000&q=x&status=open")
        .await
        .with(200);
    get("logs?limit=1000&order=oldest_first").await.with(200);
    // Who may not ask is not told what could be asked.
    app.get("/api/v1/incidents?sort=x", None).await.with(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_under_another_name_is_not_lost_silently() {
    let app = app!();
    let ada = app.register("Ada").await;
    let id = app.incident(&ada, "x").await;
    let path = format!("/api/v1/incidents/{id}/acknowledge");
    let wrong = json!({"notes": "looking"});
    let refused = app.post(&path, &ada.token, wrong).await.with(400);
    assert!(
        refused["detail"].as_str().unwrap().contains("notes"),
        "{refused}"
    );
    app.post(&path, &ada.token, json!({"note": "looking"}))
        .await
        .with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_declares_an_incident_is_told_its_number() {
    let clock = Clock::System;
    let wait = |config: &mut Config| config.number_wait = Duration::from_secs(30);
    let Some(app) = App::with(wait, clock).await else {
        return;
    };
    let ada = app.register("Ada").await;
    // Numbers are given by a worker, which does not run here.
    let mut superuser = PgConnection::connect(&app.database).await.unwrap();
    let number = async {
        let given = "INSERT INTO read.incident_numbers
            SELECT id, tenant_id, project_id, 7 FROM read.incidents";
        while superuser.execute(given).await.unwrap().rows_affected() == 0 {}
    };
    let body = json!({"title": "x", "severity": "SEV2"});
    let declared = app.post("/api/v1/incidents", &ada.token, body);
    let (declared, ()) = tokio::join!(declared, number);
    assert_eq!(declared.with(201)["key"], "INC-7");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_answers_to_its_key() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let id = app.incident(&ada, "x").await;
    let get = async |path: &str| app.get(path, Some(&ada.token)).await;
    get("/api/v1/incidents/INC-1").await.with(404);
    // Numbers are given by a worker, which does not run here.
    let mut superuser = PgConnection::connect(&app.database).await.unwrap();
    let given =
        "INSERT INTO read.incident_numbers SELECT id, tenant_id, project_id, 1 FROM read.incidents";
    superuser.execute(given).await.unwrap();
    assert_eq!(
        get("/api/v1/incidents/INC-1").await.with(200)["id"],
        json!(id)
    );
    assert_eq!(
        get("/api/v1/incidents/inc-1/timeline").await.with(200)["items"][0]["kind"],
        "opened"
    );
    assert_eq!(
        act(&app, &ada, "INC-1", "acknowledge").await.with(200)["id"],
        json!(id)
    );
    // A foreign number is one that is not there.
    let foreign = app.get("/api/v1/incidents/INC-1", Some(&eve.token)).await;
    foreign.with(404);
    get("/api/v1/incidents/INC-2").await.with(404);
    let refused = get("/api/v1/incidents/first").await.with(400);
    assert_eq!(refused["errors"][0]["field"], "id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_is_read_from_either_end() {
    let app = app!();
    let ada = app.register("Ada").await;
    let id = app.incident(&ada, "x").await;
    for n in 0..5 {
        let body = json!({"body": format!("comment {n}")});
        let path = format!("/api/v1/incidents/{id}/comments");
        app.post(&path, &ada.token, body).await.with(201);
    }
    let oldest = app.timeline(&ada, &id, 6).await;
    let path = format!("/api/v1/incidents/{id}/timeline?order=newest_first&limit=4");
    let first = app.get(&path, Some(&ada.token)).await.with(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    // What is said meanwhile moves nothing.
    let body = json!({"body": "meanwhile"});
    let comments = format!("/api/v1/incidents/{id}/comments");
    app.post(&comments, &ada.token, body).await.with(201);
    let next = app
        .get(&format!("{path}&cursor={cursor}"), Some(&ada.token))
        .await;
    let next = next.with(200);
    let pages = [&first, &next].map(|page| page["items"].as_array().unwrap().clone());
    let mut read = pages.concat();
    read.reverse();
    assert_eq!(read, oldest);
    assert_eq!(next["next_cursor"], Value::Null);
    // A cursor goes on in its own order only.
    let other = format!("/api/v1/incidents/{id}/timeline?cursor={cursor}");
    app.get(&other, Some(&ada.token)).await.with(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_in_its_order_page_by_page() {
    let app = app!();
    let ada = app.register("Ada").await;
    for severity in ["SEV3", "SEV1", "SEV2", "SEV1", "SEV4", "SEV2", "SEV3"] {
        let body = json!({"title": "x", "severity": severity});
        app.post("/api/v1/incidents", &ada.token, body)
            .await
            .with(201);
    }
    let read = async |order: &str| {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/incidents?limit=3{order}&cursor={cursor}");
            let page = app.get(&path, Some(&ada.token)).await.with(200);
            items.extend(page["items"].as_array().unwrap().clone());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        items
    };
    let newest = read("").await;
    assert_eq!(newest.len(), 7);
    assert_eq!(read("&order=newest_first").await, newest);
    let mut expected = newest.clone();
    expected.reverse();
    assert_eq!(read("&order=oldest_first").await, expected);
    // Stable: of one severity the newest stays first.
    expected.reverse();
    expected.sort_by_key(|incident| incident["severity"].to_string());
    assert_eq!(read("&order=worst_first").await, expected);

    // A cursor goes on in its own order only.
    let first = "/api/v1/incidents?limit=3&order=worst_first";
    let first = app.get(first, Some(&ada.token)).await.with(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    for order in ["", "&order=oldest_first"] {
        let path = format!("/api/v1/incidents?cursor={cursor}{order}");
        app.get(&path, Some(&ada.token)).await.with(400);
    }
}
