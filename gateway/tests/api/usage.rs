//! `/api/v1/usage`

use axum::http::Method;
use schemas::context::Context;
use serde_json::{Value, json};

use crate::app::{App, Person, app};
use crate::logs;

async fn shown(app: &App, person: &Person) -> Value {
    app.get("/api/v1/usage", Some(&person.token))
        .await
        .with(200)
}

/// The row of what `used` and what refused it; null where there is none.
fn of(usage: &Value, used: &str, rule: &Value) -> Value {
    let rows = usage["keys"].as_array().unwrap().iter();
    let mut found = rows.filter(|row| row["used"] == used && row["rule"] == *rule);
    found.next().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_sent_and_refused_is_counted_for_its_tenant() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let viewer = app.colleague(&ada, "Vic", "viewer").await;
    let key = logs::ingest_key(&app, &ada).await;
    let line = |message: &str| json!({"message": message});
    logs::send(&app, &key, json!([line("one"), line("two")])).await;
    let old = json!([{"message": "late", "timestamp": "2020-01-01T00:00:00Z"}, line("three")]);
    logs::send(&app, &key, old).await;
    let nonsense = app
        .send(
            Method::POST,
            "/api/v1/ingest/logs",
            Some(&key),
            Some(&json!(7)),
            &[],
        )
        .await;
    assert_eq!(nonsense.status.as_u16(), 400);
    let rename = json!({"name": "Mine"});
    app.send(
        Method::PATCH,
        "/api/v1/tenant",
        Some(&viewer.token),
        Some(&rename),
        &[],
    )
    .await
    .with(403);

    let context = Context::ambient(&app.gateway.clock);
    app.gateway.meter.note(&app.log, &context).await;
    let usage = testkit::eventually("the note is folded", || async {
        let usage = shown(&app, &ada).await;
        let noted = [("logs", Value::Null), ("api", json!("forbidden"))];
        let folded = noted
            .iter()
            .all(|(used, rule)| !of(&usage, used, rule).is_null());
        folded.then_some(usage)
    })
    .await;
    // The names of keys are for those who see the keys.
    let seen = shown(&app, &viewer).await;
    assert_eq!(seen["keys"], json!([]));
    assert_eq!(seen["days"], usage["days"]);
    let sent = of(&usage, "logs", &Value::Null);
    assert_eq!((&sent["requests"], &sent["items"]), (&json!(2), &json!(3)));
    assert!(sent["bytes"].as_i64().unwrap() > 50, "{sent}");
    assert_eq!(sent["key_name"], "agent");
    assert_eq!(of(&usage, "logs", &json!("too_old"))["items"], 1);
    let refused: i64 = usage["keys"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["used"] == "logs" && !row["rule"].is_null())
        .map(|row| row["requests"].as_i64().unwrap())
        .sum();
    assert_eq!(refused, 1, "{usage}");
    assert_eq!(of(&usage, "api", &json!("forbidden"))["requests"], 1);
    let day = usage["days"]
        .as_array()
        .unwrap()
        .iter()
        .find(|day| day["used"] == "logs");
    let day = day.unwrap();
    assert_eq!(
        (&day["items"], &day["refused_items"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(day["refused_requests"], 1);

    // Counted again, it is added; others see nothing of it.
    logs::send(&app, &key, json!([line("four")])).await;
    app.gateway.meter.note(&app.log, &context).await;
    testkit::eventually("the next note is added", || async {
        let usage = shown(&app, &ada).await;
        (of(&usage, "logs", &Value::Null)["items"] == 4).then_some(())
    })
    .await;
    let theirs = shown(&app, &eve).await;
    assert_eq!(of(&theirs, "logs", &Value::Null), Value::Null);
}
