//! `/api/v1/projects`

use axum::http::Method;
use serde_json::json;

use crate::app::app;

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
