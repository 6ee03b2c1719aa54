//! What senders do when the network is bad: the same body twice, and a resolve
//! that overtakes its fire.

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::eventually;

use crate::client::Client;
use crate::notification::{Told, body, firing, first_incident};
use crate::platform::Platform;

const LATER: &str = "2026-11-01T03:00:00Z";

async fn send(client: &Client, key: &str, body: &Value) {
    let answer = client.webhook(key, body).await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_body_twice_changes_nothing() {
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;

    let one = firing("CheckoutFailing", "aaaa");
    send(&client, &key, &one).await;
    send(&client, &key, &one).await;
    send(&client, &key, &firing("CheckoutFailing", "bbbb")).await;
    let incidents = client
        .incidents_until("the alert that was sent last is open", |incidents| {
            incidents.iter().any(|one| one["alerts_open"] == 2)
        })
        .await;
    let expected = first_incident(client.project, "CheckoutFailing").to_string();
    assert_eq!(
        (incidents.len(), &incidents[0]["id"]),
        (1, &json!(expected))
    );
    assert_eq!(incidents[0]["alerts_total"], 2);

    let ended = |fingerprint| Told {
        fingerprint,
        ended: Some(LATER),
    };
    let all = body("CheckoutFailing", &[ended("aaaa"), ended("bbbb")]);
    send(&client, &key, &all).await;
    send(&client, &key, &all).await;
    send(&client, &key, &firing("Sentinel", "cccc")).await;
    let incidents = client
        .incidents_until(
            "the group has resolved, and what came last is there",
            |incidents| incidents.len() > 1 && incidents.iter().any(Client::is_over),
        )
        .await;
    assert_eq!(incidents.len(), 2);
    let timeline = format!("/api/v1/incidents/{expected}/timeline");
    let told = || async {
        let entries = client.list(&timeline).await;
        let count = |kind: &str| entries.iter().filter(|one| one["kind"] == kind).count();
        let told = ["alert_fired", "alert_resolved", "resolved"].map(count);
        (told.iter().sum::<usize>() >= 5).then_some(told)
    };
    let told = eventually("the timeline tells of it all", told).await;
    assert_eq!(told, [2, 2, 1]);
}

/// Alertmanager names `max_alerts` of a group, and of the others only how many there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_notification_left_out_is_told_until_none_is() {
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    for (fingerprint, left_out) in [("aaaa", 37), ("bbbb", 36), ("cccc", 0)] {
        let mut told = firing("CheckoutFailing", fingerprint);
        told["truncatedAlerts"] = json!(left_out);
        send(&client, &key, &told).await;
        let incidents = client
            .incidents_until("as many are left out as was told", |incidents| {
                incidents
                    .iter()
                    .any(|one| one["alerts_left_out"] == left_out)
                    && incidents[0]["alerts_open"].as_i64() > Some(0)
            })
            .await;
        assert_eq!(incidents.len(), 1);
    }
    let mut ended = body(
        "CheckoutFailing",
        &[Told {
            fingerprint: "aaaa",
            ended: Some(LATER),
        }],
    );
    ended["truncatedAlerts"] = json!(2);
    send(&client, &key, &ended).await;
    client
        .incidents_until("nothing fires, and so nothing is left out", |incidents| {
            incidents[0]["alerts_open"] == 0 && incidents[0]["alerts_left_out"] == 0
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resolve_before_its_fire_opens_nothing() {
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;

    let overtaking = Told {
        fingerprint: "aaaa",
        ended: Some(LATER),
    };
    send(&client, &key, &body("CheckoutFailing", &[overtaking])).await;
    send(&client, &key, &firing("CheckoutFailing", "aaaa")).await;
    // Another alert of the same group shows that both have been through.
    send(&client, &key, &firing("CheckoutFailing", "bbbb")).await;
    let incidents = client.whole_incidents(1).await;
    assert_eq!(incidents[0]["alerts_total"], 1);
    let alerts = eventually("the other alert is listed", || async {
        let alerts = client.list("/api/v1/alerts?status=firing").await;
        (!alerts.is_empty()).then_some(alerts)
    })
    .await;
    let fingerprints: Vec<_> = alerts.iter().map(|alert| &alert["fingerprint"]).collect();
    assert_eq!(fingerprints, [&json!("bbbb")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_refused_with_its_reason() {
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    let mut wrong = firing("CheckoutFailing", "aaaa");
    wrong["alerts"][0]["startsAt"] = json!("yesterday");

    let refused = client.webhook(&key, &wrong).await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["errors"][0]["field"], "alerts[0].startsAt");
    assert!(
        problem["detail"].as_str().unwrap().contains("`yesterday`"),
        "{problem}"
    );

    let unknown = client
        .webhook("srec_unknown", &firing("A", "aaaa"))
        .await
        .unwrap();
    assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);
    let reader = client
        .webhook(&client.token, &firing("A", "aaaa"))
        .await
        .unwrap();
    assert_eq!(reader.status(), StatusCode::FORBIDDEN);
}
