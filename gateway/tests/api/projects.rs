//! `/api/v1/projects`

use std::time::Duration;

use axum::http::Method;
use schemas::context::Clock;
use serde_json::{Value, json};

use crate::app::{Answer, App, Person, app, unique_email};

#[tokio::test(flavor = "multi_thread")]
async fn projects_are_made_listed_and_renamed() {
    let app = app!();
    let ada = app.register("Ada").await;
    let shop = app
        .post("/api/v1/projects", &ada.token, json!({"name": "Web Shop"}))
        .await;
    assert_eq!(shop.with(201)["slug"], "web-shop");
    let taken = json!({"name": "Other", "slug": "web-shop"});
    let refused = app.post("/api/v1/projects", &ada.token, taken).await;
    assert_eq!(refused.with(409)["rule"], "slug_taken");
    let path = format!("/api/v1/projects/{}", shop.id());
    let body = json!({"name": "Shop"});
    let renamed = app
        .send(Method::PATCH, &path, Some(&ada.token), Some(&body), &[])
        .await;
    assert_eq!(renamed.with(200)["name"], "Shop");
    let list = app
        .get("/api/v1/projects", Some(&ada.token))
        .await
        .with(200);
    let slugs: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["slug"])
        .collect();
    assert_eq!(slugs, ["default", "web-shop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_one_projects_among_those_in_use() {
    let app = app!();
    let ada = app.register("Ada").await;
    let create = |name: &str| {
        let body = json!({"name": name, "slug": format!("p{}", name.trim().len())});
        let (app, token) = (&app, ada.token.clone());
        async move { app.post("/api/v1/projects", &token, body).await }
    };
    let shop = create("Shop").await;
    shop.with(201);
    let taken = create("  SHOP   ").await.with(409);
    assert_eq!(taken["rule"], "name_taken");
    assert!(
        taken["detail"].as_str().unwrap().contains("`SHOP`"),
        "{taken}"
    );
    let office = create("Office").await;
    office.with(201);
    let path = format!("/api/v1/projects/{}", office.id());
    let taken = app.patch(&path, &ada.token, json!({"name": "shop"})).await;
    assert_eq!(taken.with(409)["rule"], "name_taken");
    // An archived project gives its name free, and takes it back if it can.
    let archive = format!("/api/v1/projects/{}/archive", shop.id());
    app.post(&archive, &ada.token, json!(null)).await.with(200);
    app.patch(&path, &ada.token, json!({"name": "shop"}))
        .await
        .with(200);
    let restore = format!("/api/v1/projects/{}/restore", shop.id());
    let taken = app.post(&restore, &ada.token, json!(null)).await;
    assert_eq!(taken.with(409)["rule"], "name_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_project_is_closed_until_it_is_restored() {
    let app = app!();
    let ada = app.register("Ada").await;
    let first = format!("/api/v1/projects/{}/archive", ada.project);
    let only = app.post(&first, &ada.token, json!(null)).await;
    assert_eq!(only.with(409)["rule"], "last_project");
    let shop = app
        .post("/api/v1/projects", &ada.token, json!({"name": "Shop"}))
        .await
        .id();
    let body = json!({"refresh_token": ada.refresh, "project_id": shop});
    let there = Person::of(&app.ask("/api/v1/auth/refresh", body).await.with(200));
    let key = json!({"name": "agent", "scopes": ["read"]});
    let key = app
        .post("/api/v1/api-keys", &there.token, key)
        .await
        .with(201);
    let key = key["key"].as_str().unwrap();
    app.get("/api/v1/incidents", Some(key)).await.with(200);
    // Archived from the other project, so that the session of this one ends too.
    let ada = app.login(&ada.email).await;
    let archive = format!("/api/v1/projects/{shop}/archive");
    let archived = app.post(&archive, &ada.token, json!(null)).await.with(200);
    assert!(archived["archived_at"].is_string());
    let ended = app.get("/api/v1/incidents", Some(&there.token)).await;
    assert_eq!(ended.with(401)["rule"], "session_ended");
    testkit::eventually("the key is revoked", || async {
        let answer = app.get("/api/v1/incidents", Some(key)).await;
        (answer.status.as_u16() == 401).then_some(())
    })
    .await;
    // Without a wish the session goes on in a project that is in use.
    let moved = app.refreshed(&there).await;
    assert_eq!(moved.project, ada.project);
    let body = json!({"refresh_token": moved.refresh, "project_id": shop});
    app.ask("/api/v1/auth/refresh", body.clone())
        .await
        .with(404);
    let me = app.get("/api/v1/auth/me", Some(&ada.token)).await.with(200);
    assert_eq!(me["projects"].as_array().unwrap().len(), 1);
    let restore = format!("/api/v1/projects/{shop}/restore");
    app.post(&restore, &ada.token, json!(null)).await.with(200);
    app.ask("/api/v1/auth/refresh", body).await.with(200);
}

/// The second command is one of the other project's, which the caller may not follow.
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_waits_for_its_keys_names_the_command_that_the_caller_can_follow() {
    let quick = |config: &mut gateway::config::Config| config.outcome_wait = Duration::from_secs(2);
    let Some(app) = App::with(quick, Clock::System).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let shop = json!({"name": "Shop"});
    let shop = app.post("/api/v1/projects", &ada.token, shop).await.id();
    app.history.withhold("project_keys");
    for step in ["archive", "restore"] {
        let path = format!("/api/v1/projects/{shop}/{step}");
        let pending = app.post(&path, &ada.token, json!(null)).await.with(202);
        let status = pending["status_url"].as_str().unwrap();
        let state = app.get(status, Some(&ada.token)).await.with(200);
        assert_eq!(state["state"], "accepted", "{step}: {state}");
        assert_eq!(state["resource"]["id"], ada.tenant.as_str(), "{step}");
    }
    // What the answer was about is done all the same.
    let body = json!({"refresh_token": ada.refresh, "project_id": shop});
    app.ask("/api/v1/auth/refresh", body).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_gets_another_name() {
    let app = app!();
    let ada = app.register("Ada").await;
    let body = json!({"name": "Analytical Engines"});
    let renamed = app
        .send(
            Method::PATCH,
            "/api/v1/tenant",
            Some(&ada.token),
            Some(&body),
            &[],
        )
        .await;
    assert_eq!(renamed.with(200)["name"], "Analytical Engines");
    let me = app.get("/api/v1/auth/me", Some(&ada.token)).await.with(200);
    assert_eq!(me["tenant"]["name"], "Analytical Engines");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_named_in_any_script() {
    let app = app!();
    let ada = app.register("Ada").await;
    for name in ["日本語", "Ελλάδα"] {
        let made = app
            .post("/api/v1/projects", &ada.token, json!({"name": name}))
            .await;
        let slug = made.with(201)["slug"].as_str().unwrap().to_owned();
        assert!(slug.starts_with("project-"), "{slug}");
    }
    let empty = app
        .post("/api/v1/projects", &ada.token, json!({"name": " "}))
        .await;
    assert_eq!(empty.with(422)["errors"][0]["field"], "name");
}

/// The tag of an answer.
fn tag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_not_seen_the_last_change_of_the_tenant_is_told() {
    let app = app!();
    let ada = app.register("Ada").await;
    let patch = async |path: &str, body: Value, tag: &str| {
        let headers = [("if-match", tag)];
        app.send(Method::PATCH, path, Some(&ada.token), Some(&body), &headers)
            .await
    };
    let shop = json!({"name": "Shop"});
    let shop = app.post("/api/v1/projects", &ada.token, shop).await;
    let made = tag(&shop);
    for seen in ["/api/v1/tenant", "/api/v1/projects"] {
        let seen = app.get(seen, Some(&ada.token)).await;
        assert_eq!(tag(&seen), made);
    }
    let path = format!("/api/v1/projects/{}", shop.id());
    let renamed = patch(path.as_str(), json!({"name": "Web shop"}), made.as_str()).await;
    renamed.with(200);
    assert_ne!(tag(&renamed), made);
    let name = || json!({"name": "Analytical Engines"});
    let stale = patch("/api/v1/tenant", name(), made.as_str()).await;
    assert_eq!(stale.with(412)["rule"], "stale_version");
    // A member is one of the tenant's changes too.
    let bob = app.colleague(&ada, "Bob", "viewer").await;
    let stale = patch("/api/v1/tenant", name(), tag(&renamed).as_str()).await;
    assert_eq!(stale.with(412)["rule"], "stale_version");
    let named = patch("/api/v1/tenant", name(), "*").await;
    named.with(200);
    let seen = tag(&named);
    testkit::eventually("the members are as far", || async {
        let list = app.get("/api/v1/members", Some(&ada.token)).await;
        (tag(&list) == seen).then_some(())
    })
    .await;
    let path = format!("/api/v1/members/{}", bob.user);
    let role = |role: &str| json!({"role": role});
    patch(path.as_str(), role("engineer"), seen.as_str())
        .await
        .with(200);
    let stale = patch(path.as_str(), role("admin"), seen.as_str()).await;
    assert_eq!(stale.with(412)["rule"], "stale_version");
}

/// Invitations that go with the member are changes of the tenant too.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_was_invited_besides_goes_by_the_version_that_was_seen() {
    let app = app!();
    let ada = app.register("Ada").await;
    let email = unique_email("bob");
    let invitation = json!({"email": email, "role": "viewer"});
    app.post("/api/v1/invitations", &ada.token, invitation)
        .await
        .with(201);
    let bob = app.colleague_at(&ada, &email, "Bob", "viewer").await;
    let name = json!({"name": "Analytical Engines"});
    let named = app.patch("/api/v1/tenant", &ada.token, name).await;
    let seen = tag(&named);
    testkit::eventually("the members are as far", || async {
        let list = app.get("/api/v1/members", Some(&ada.token)).await;
        (tag(&list) == seen).then_some(())
    })
    .await;
    let path = format!("/api/v1/members/{}", bob.user);
    let headers = [("if-match", seen.as_str())];
    let removed = app.send(Method::DELETE, &path, Some(&ada.token), None, &headers);
    removed.await.with(204);
    let waiting = app.get("/api/v1/invitations", Some(&ada.token)).await;
    assert_eq!(waiting.with(200)["items"], json!([]));
}
