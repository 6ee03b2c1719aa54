//! `/api/v1/projects`

use axum::http::Method;
use serde_json::json;

use crate::app::{Person, app};

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
