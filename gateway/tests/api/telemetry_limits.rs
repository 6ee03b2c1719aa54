//! `/api/v1/telemetry/limits`

use axum::http::Method;
use eventlog::NewRecord;
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{ProjectId, TenantId};
use schemas::messages::MessageSet;
use schemas::scope::{Actor, Scope};
use schemas::telemetry_limits::{SeriesLimitReached, TelemetryNote, TelemetryUsed};
use schemas::topic::Topic;
use serde_json::{Value, json};

use crate::app::{Answer, App, Person, app};
use crate::{audit, logs};

const PATH: &str = "/api/v1/telemetry/limits";

async fn set(app: &App, person: &Person, body: &Value) -> Answer {
    app.send(Method::PUT, PATH, Some(&person.token), Some(body), &[])
        .await
}

/// Appends what ingest notes of a tenant.
pub(crate) async fn note(app: &App, person: &Person, note: impl Into<TelemetryNote>) {
    let scope = Scope::granted(
        TenantId(person.tenant.parse().unwrap()),
        ProjectId(person.project.parse().unwrap()),
        Actor::system("ingest"),
    );
    let (context, note) = (Context::ambient(&Clock::System), note.into());
    let subject = person.tenant.clone();
    let mut envelope = Envelope::of(&scope, context.id(), note.kind(), "/ingest", subject);
    envelope.time = context.now();
    let record = NewRecord::of(Topic::AuditOperations, &envelope, &note).unwrap();
    app.log.append(vec![record]).await.unwrap();
}

pub(crate) fn today() -> i32 {
    let now = Context::ambient(&Clock::System).now();
    i32::try_from(now.micros().div_euclid(86_400_000_000)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_set_as_a_whole_and_hold_at_ingest() {
    let app = app!();
    let ada = app.register("Ada").await;
    let before = app.get(PATH, Some(&ada.token)).await.with(200);
    assert_eq!(before["limits"]["active_streams"]["own"], Value::Null);
    assert_eq!(before["limits"]["bytes_per_second"]["value"], Value::Null);
    assert_eq!(before["set_by"], Value::Null);

    let after = set(&app, &ada, &json!({"active_streams": 1}))
        .await
        .with(200);
    let streams = &after["limits"]["active_streams"];
    assert_eq!(streams["own"], 1);
    assert_eq!(streams["value"], 1);
    assert_eq!(
        streams["default"],
        before["limits"]["active_streams"]["value"]
    );
    assert_eq!(after["set_by"]["name"], "Ada Owner");
    let told = audit::entries_become(&app, &ada, "action=SetTelemetryLimits", 1).await;
    let held = &before["limits"]["active_streams"]["value"];
    assert_eq!(told[0]["before"], json!({"active_streams": held}));
    assert_eq!(told[0]["after"], json!({"active_streams": 1}));

    let tenant = TenantId(ada.tenant.parse().unwrap());
    testkit::eventually("ingest has read it", || async {
        app.gateway.keyring.telemetry_limits(tenant)
    })
    .await;
    let key = logs::ingest_key(&app, &ada).await;
    let line = |service: &str| json!({"message": "hello", "service": service});
    logs::send(&app, &key, json!([line("one"), line("two"), line("one")])).await;
    let found = logs::found(&app, &ada, "", 2).await;
    assert!(
        found.iter().all(|line| line["service"] == "one"),
        "{found:?}"
    );

    let refused = set(&app, &ada, &json!({"active_series": 0})).await;
    assert_eq!(refused.with(422)["rule"], "invalid");
    let misspelt = set(&app, &ada, &json!({"active_serie": 5})).await;
    assert_eq!(misspelt.with(400)["errors"][0]["field"], "active_serie");
    let none = set(&app, &ada, &json!({})).await.with(200);
    assert_eq!(
        none["limits"]["active_streams"],
        before["limits"]["active_streams"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ingest_notes_is_shown_to_its_tenant_alone() {
    let app = app!();
    let (ada, bob) = (app.register("Ada").await, app.register("Bob").await);
    let used = |instance: &str, day| TelemetryUsed {
        instance: instance.to_owned(),
        day,
        active_series: 100,
        active_streams: 7,
        bytes: 120_000,
        over_ms: 60_000,
    };
    note(&app, &ada, used("a", today())).await;
    note(&app, &ada, used("b", today())).await;
    note(&app, &ada, used("yesterday's", today() - 1)).await;
    let reached = SeriesLimitReached {
        limit: "active_series".to_owned(),
        most: 100,
        day: today(),
        offender: "http_requests_total".to_owned(),
    };
    note(&app, &ada, reached.clone()).await;
    note(
        &app,
        &ada,
        SeriesLimitReached {
            offender: "another".to_owned(),
            ..reached
        },
    )
    .await;
    let shown = testkit::eventually("the notes are read", || async {
        let shown = app.get(PATH, Some(&ada.token)).await.with(200);
        // What one request shows is read one after the other.
        let all = shown["usage"]["active_series"] == 200;
        (all && shown["reached"].as_array().unwrap().len() == 1).then_some(shown)
    })
    .await;
    assert_eq!(shown["usage"]["active_series"], 200);
    assert_eq!(shown["usage"]["active_streams"], 14);
    assert_eq!(shown["usage"]["bytes_per_second"], 6_000.0);
    assert_eq!(shown["reached"][0]["offender"], "http_requests_total");
    let others = app.get(PATH, Some(&bob.token)).await.with(200);
    assert_eq!(others["usage"]["active_series"], 0);
    assert_eq!(others["reached"], json!([]));
}
