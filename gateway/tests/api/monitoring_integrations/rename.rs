//! Another name for a monitoring server.

use axum::http::Method;
use serde_json::{Value, json};

use super::{PATH, alertmanager, basic, matching, one, with};
use crate::app::app;

#[tokio::test(flavor = "multi_thread")]
async fn one_is_renamed_and_its_first_name_is_free_again() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let engineer = app.colleague(&ada, "Grace", "engineer").await;
    let body = with(alertmanager("http://am.shop:9093"), "credential", basic());
    let id = app.post(PATH, &ada.token, body).await.id();
    let other = with(alertmanager("http://b:1"), "name", json!("Straße"));
    let other = app.post(PATH, &ada.token, other).await.id();
    let name = |name: &str| json!({ "name": name });

    let stale = matching(
        &app,
        Method::PATCH,
        &one(&id),
        &ada,
        Some(&name("Old")),
        "\"1\"",
    )
    .await;
    stale.with(412);
    app.patch(&one(&id), &eve.token, name("Old"))
        .await
        .with(404);
    app.patch(&one(&id), &engineer.token, name("Old"))
        .await
        .with(403);
    let blank = app.patch(&one(&id), &ada.token, name(" ")).await;
    assert_eq!(blank.with(422)["errors"][0]["field"], "name");
    let free = app.patch(&one(&id), &ada.token, name("STRASSE")).await;
    free.with(200);
    let taken = app.patch(&one(&id), &ada.token, name(" straße ")).await;
    assert_eq!(
        (taken.status.as_u16(), taken.rule().as_str()),
        (409, "name_taken")
    );

    let renamed = matching(
        &app,
        Method::PATCH,
        &one(&id),
        &ada,
        Some(&name(" Old ")),
        "\"3\"",
    )
    .await;
    let shown = renamed.with(200);
    assert_eq!(
        (&shown["name"], shown["id"].as_str()),
        (&json!("Old"), Some(id.as_str()))
    );
    assert_eq!(shown["credential"]["kind"], "basic");
    assert_eq!(renamed.headers["etag"], "\"4\"");
    // Its own name in another case is its own.
    app.patch(&one(&id), &ada.token, name("OLD"))
        .await
        .with(200);

    // Another server takes the first name, once, and a retry makes no second one.
    let keyed = [("idempotency-key", "again")];
    let again = || alertmanager("http://am.new:9093");
    let first = app.post_with(PATH, &ada.token, again(), &keyed).await;
    let second = app.post_with(PATH, &ada.token, again(), &keyed).await;
    let new = first.with(201)["id"].clone();
    assert_eq!(new, second.with(201)["id"]);
    assert!(new != json!(id) && new != json!(other));
    let taken = app.post(PATH, &ada.token, again()).await;
    assert_eq!(taken.rule(), "name_taken");
    let taken = app.patch(&one(&id), &ada.token, name("alertmanager")).await;
    assert_eq!(taken.rule(), "name_taken");
    let list = app.get(PATH, Some(&ada.token)).await.with(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 3);

    let path = format!("/api/v1/audit?action=RenameMonitoringIntegration&target_id={id}");
    let told = testkit::eventually("the renames are told", || async {
        let page = app.get(&path, Some(&ada.token)).await;
        let items = page.with(200)["items"].as_array().unwrap().clone();
        let done: Vec<Value> = items
            .into_iter()
            .filter(|entry| entry["before"]["name"] == "STRASSE")
            .collect();
        done.first().cloned()
    })
    .await;
    assert_eq!(told["after"], json!({"name": "Old"}), "{told}");
}
