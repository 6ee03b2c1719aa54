//! An incident is as bad as the worst that has joined it, an alert or a whole incident,
//! and ends with the last alert of all.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::client::Client;
use crate::notification::{Told, body, firing};
use crate::platform::Platform;

async fn send(client: &Client, key: &str, body: &Value) {
    let answer = client.webhook(key, body).await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
}

fn mild(group: &str, fingerprint: &str) -> Value {
    let mut told = firing(group, fingerprint);
    told["alerts"][0]["labels"]["severity"] = json!("warning");
    told
}

fn over(group: &str, fingerprints: &[&str]) -> Value {
    let told: Vec<Told<'_>> = fingerprints
        .iter()
        .copied()
        .map(|fingerprint| Told {
            fingerprint,
            ended: Some("2026-11-01T03:00:00Z"),
        })
        .collect();
    body(group, &told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worse_alert_raises_the_incident_that_it_joins() {
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    send(&client, &key, &mild("CheckoutFailing", "aaaa")).await;
    let opened = client.whole_incidents(1).await;
    assert_eq!(opened[0]["severity"], "SEV3");
    send(&client, &key, &firing("CheckoutFailing", "bbbb")).await;
    let raised = client
        .incidents_until("it is as bad as the alert that joined", |incidents| {
            incidents[0]["alerts_open"] == 2 && incidents[0]["severity"] == "SEV1"
        })
        .await;
    assert_eq!((raised.len(), &raised[0]["id"]), (1, &opened[0]["id"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_leaves_one_as_bad_as_the_worse_that_ends_with_the_last_alert_of_both() {
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    send(&client, &key, &mild("DiskFilling", "aaaa")).await;
    send(&client, &key, &firing("CheckoutFailing", "bbbb")).await;
    let both = client.whole_incidents(2).await;
    let ids: Vec<&str> = both.iter().map(|one| one["id"].as_str().unwrap()).collect();
    let (stays, goes) = (ids[0].min(ids[1]), ids[0].max(ids[1]));
    let path = format!("/api/v1/incidents/{stays}/merge");
    let (status, _) = client.post(&path, &json!({ "into": goes })).await;
    assert_eq!(status, StatusCode::OK);
    let of = |incidents: &[Value], id: &str| {
        let found = incidents.iter().find(|one| one["id"] == id);
        found.cloned().unwrap_or_default()
    };
    client
        .incidents_until("one has both alerts and the worse severity", |incidents| {
            let survivor = of(incidents, stays);
            of(incidents, goes)["status"] == "merged"
                && survivor["alerts_open"] == 2
                && survivor["severity"] == "SEV1"
        })
        .await;

    send(&client, &key, &over("DiskFilling", &["aaaa"])).await;
    client
        .incidents_until("one alert is left", |incidents| {
            of(incidents, stays)["alerts_open"] == 1
        })
        .await;
    assert_eq!(of(&client.incidents().await, stays)["status"], "detected");
    send(&client, &key, &over("CheckoutFailing", &["bbbb"])).await;
    client
        .incidents_until("it has resolved with the last", |incidents| {
            Client::is_over(&of(incidents, stays))
        })
        .await;
}
