//! Alerts of one group are one incident, which ends with the last of them.

use serde_json::{Value, json};

use crate::client::Client;
use crate::peers::{Alertmanager, Credential, Programs, Prometheus};
use crate::platform::Platform;
use crate::shop::Shops;

/// How many alerts of `incident` fire, as the list of alerts has it.
async fn firing(client: &Client, incident: &Value) -> usize {
    let id = incident["id"].as_str().unwrap();
    client
        .list(&format!("/api/v1/alerts?incident_id={id}&status=firing"))
        .await
        .len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_alerts_of_one_group_are_one_incident_until_the_last_resolves() {
    let test = "flows::one_group";
    let Some(programs) = Programs::find(test) else {
        return;
    };
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    let credential = Credential::Bearer(&key);
    let alertmanager = Alertmanager::start(&programs, &platform.base(), credential).await;
    let shops = Shops::open().await;
    let _prometheus = Prometheus::start(&programs, shops.port, &[alertmanager.port]).await;

    shops.fail(&["north", "south", "east"]);
    let opened = client
        .incidents_until(
            "one incident with three open alerts",
            |incidents| matches!(incidents, [one] if one["alerts_open"] == 3),
        )
        .await;
    assert_eq!(opened[0]["status"], "detected");
    assert_eq!(opened[0]["severity"], "SEV1");
    assert_eq!(opened[0]["title"], "Checkout fails");
    assert_eq!(opened[0]["source"], "alertmanager");
    client
        .incidents_until("the incident has its number", |incidents| {
            incidents[0]["key"] == "INC-1"
        })
        .await;

    shops.mend(&["south"]);
    let fewer = client
        .incidents_until("two of its alerts are left", |incidents| {
            incidents.iter().any(|one| one["alerts_open"] == 2)
        })
        .await;
    assert_eq!(fewer.len(), 1);
    assert_eq!(
        (&fewer[0]["status"], &fewer[0]["alerts_total"]),
        (&json!("detected"), &json!(3))
    );
    assert_eq!(firing(&client, &fewer[0]).await, 2);

    shops.mend(&["north", "east"]);
    let resolved = client
        .incidents_until("the incident resolves with its last alert", |incidents| {
            incidents.iter().all(Client::is_over)
        })
        .await;
    assert_eq!(
        (resolved.len(), &resolved[0]["alerts_open"]),
        (1, &json!(0))
    );
    assert_eq!(resolved[0]["id"], opened[0]["id"]);

    acknowledging_does_not_hold_an_incident_open(&client, &shops).await;
}

/// The next episode of the same group, acknowledged while it fires.
async fn acknowledging_does_not_hold_an_incident_open(client: &Client, shops: &Shops) {
    shops.fail(&["north", "east"]);
    let again = client
        .incidents_until(
            "a new episode is a new incident",
            |incidents| matches!(incidents, [new, _] if new["alerts_open"] == 2),
        )
        .await;
    let id = again[0]["id"].as_str().unwrap();
    let path = format!("/api/v1/incidents/{id}/acknowledge");
    let (status, acknowledged) = client.post(&path, &json!({})).await;
    assert_eq!(
        (status.as_u16(), &acknowledged["status"]),
        (200, &json!("acknowledged"))
    );

    shops.mend(&["north", "east"]);
    let ended = client
        .incidents_until("the acknowledged incident resolves too", |incidents| {
            incidents.iter().all(Client::is_over)
        })
        .await;
    assert_eq!((ended.len(), &ended[0]["id"]), (2, &again[0]["id"]));
    assert!(ended[0]["acknowledged_at"].is_string());
}
