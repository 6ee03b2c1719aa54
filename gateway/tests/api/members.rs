//! `/api/v1/members`

use axum::http::Method;
use serde_json::json;

use crate::app::{PASSWORD, app};

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_gets_an_account_a_role_and_leaves() {
    let app = app!();
    let ada = app.register("Ada").await;
    let bob = app.colleague(&ada, "Bob", "engineer").await;
    let path = format!("/api/v1/members/{}", bob.user);
    let body = json!({"role": "admin"});
    let patch = app
        .send(Method::PATCH, &path, Some(&ada.token), Some(&body), &[])
        .await;
    assert_eq!(patch.with(200)["role"], "admin");
    app.delete(&path, &ada.token).await.with(204);
    let body = json!({"refresh_token": bob.refresh});
    let refresh = app
        .send(Method::POST, "/api/v1/auth/refresh", None, Some(&body), &[])
        .await;
    assert_eq!(refresh.with(401)["rule"], "session_over");
    let body = json!({"email": bob.email, "password": PASSWORD});
    app.send(Method::POST, "/api/v1/auth/login", None, Some(&body), &[])
        .await
        .with(401);
    let list = app.get("/api/v1/members", Some(&ada.token)).await.with(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_owner_stays() {
    let app = app!();
    let ada = app.register("Ada").await;
    let path = format!("/api/v1/members/{}", ada.user);
    let leave = app.delete(&path, &ada.token).await;
    assert_eq!(leave.with(409)["rule"], "last_owner");
    let body = json!({"role": "viewer"});
    let step_down = app
        .send(Method::PATCH, &path, Some(&ada.token), Some(&body), &[])
        .await;
    assert_eq!(step_down.with(409)["rule"], "last_owner");
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_manage_members_but_not_owners() {
    let app = app!();
    let ada = app.register("Ada").await;
    let admin = app.colleague(&ada, "Max", "admin").await;
    app.colleague(&admin, "Eve", "engineer").await;
    let owner =
        json!({"email": "o@example.com", "name": "O", "password": PASSWORD, "role": "owner"});
    app.post("/api/v1/members", &admin.token, owner)
        .await
        .with(403);
    let path = format!("/api/v1/members/{}", ada.user);
    app.delete(&path, &admin.token).await.with(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_nowhere_read_and_what_they_did_stays() {
    let app = app!();
    let ada = app.register("Ada").await;
    let grace = app.colleague(&ada, "Grace", "engineer").await;
    let incident = app.incident(&grace, "Disk").await;
    let path = format!("/api/v1/incidents/{incident}");
    let before = app.get(&path, Some(&ada.token)).await;
    assert!(before.text.contains("\"Grace\""));
    let max = app.colleague(&ada, "Max", "admin").await;
    let erase = format!("/api/v1/members/{}/erase", grace.user);
    app.post(&erase, &max.token, json!(null)).await.with(403);
    app.post(&erase, &ada.token, json!(null)).await.with(204);
    app.get("/api/v1/auth/me", Some(&grace.token))
        .await
        .with(401);
    let after = app.get(&path, Some(&ada.token)).await;
    assert_eq!(after.with(200)["opened_by"]["name"], "erased");
    let export = app.get("/api/v1/tenant/export", Some(&ada.token)).await;
    for text in [&after.text, &export.text] {
        assert!(!text.contains("Grace") && !text.contains(&grace.email));
    }
    let rows = sqlx::query_scalar::<_, i64>(
        "SELECT count(*) FROM vault.subject_keys WHERE subject = $1::uuid",
    )
    .bind(&grace.user)
    .fetch_one(app.gateway.db.writer())
    .await
    .unwrap();
    assert_eq!(rows, 0);
    let eve = app.register("Eve").await;
    app.post(&erase, &eve.token, json!(null)).await.with(404);
}
