//! An Alertmanager that is restarted, and one that has forgotten everything, tell
//! the same alerts again: the incident stays the one it was.

use crate::client::Client;
use crate::peers::{Alertmanager, Credential, Programs, Prometheus};
use crate::platform::Platform;
use crate::shop::Shops;
use serde_json::json;
use testkit::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_alertmanager_opens_no_second_incident() {
    let test = "flows::restart";
    let Some(programs) = Programs::find(test) else {
        return;
    };
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    let credential = Credential::Bearer(&key);
    let mut alertmanager = Alertmanager::start(&programs, &platform.base(), credential).await;
    let shops = Shops::open().await;
    let _prometheus = Prometheus::start(&programs, shops.port, &[alertmanager.port]).await;

    shops.fail(&["north"]);
    let opened = client
        .incidents_until("an incident opens", |incidents| incidents.len() == 1)
        .await;

    // Each new alert shows that whatever the restart led to has been through.
    for (wipe, shop, open) in [(false, "south", 2), (true, "east", 3)] {
        alertmanager.stop(wipe);
        alertmanager.resume().await;
        shops.fail(&[shop]);
        let what = format!("the alert after the restart joins the incident (wiped: {wipe})");
        let incidents = client
            .incidents_until(&what, |incidents| {
                incidents.iter().any(|one| one["alerts_open"] == open)
            })
            .await;
        assert_eq!(
            (incidents.len(), &incidents[0]["id"]),
            (1, &opened[0]["id"])
        );
        let sent = &alertmanager;
        eventually("it notifies again", || async move {
            (sent.notified().await > 0).then_some(())
        })
        .await;
    }

    shops.mend(&["north", "south", "east"]);
    let ended = client
        .incidents_until("everything resolves", |incidents| {
            incidents.iter().all(Client::is_over)
        })
        .await;
    assert_eq!((ended.len(), &ended[0]["alerts_total"]), (1, &json!(3)));
}
