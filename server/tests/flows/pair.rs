//! A pair of Alertmanagers, each with a key of its own, tells everything twice.

use crate::client::Client;
use crate::peers::{Alertmanager, Credential, Programs, Prometheus};
use crate::platform::Platform;
use crate::shop::Shops;
use serde_json::json;
use testkit::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_alertmanagers_with_two_keys_make_one_incident() {
    let test = "flows::pair";
    let Some(programs) = Programs::find(test) else {
        return;
    };
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let (one_key, other_key) = (
        client.new_key(&["ingest"]).await,
        client.new_key(&["ingest"]).await,
    );
    let base = platform.base();
    let one = Alertmanager::start(&programs, &base, Credential::Bearer(&one_key)).await;
    let other = Alertmanager::start(&programs, &base, Credential::BasicPassword(&other_key)).await;
    let shops = Shops::open().await;
    let _prometheus = Prometheus::start(&programs, shops.port, &[one.port, other.port]).await;

    shops.fail(&["north", "south"]);
    let told_twice = || async {
        let both = (one.notified().await, other.notified().await);
        (both.0 > 0 && both.1 > 0).then_some(())
    };
    eventually("both have told of the alerts", told_twice).await;
    client
        .incidents_until("two alerts are open", |incidents| {
            incidents.iter().any(|one| one["alerts_open"] == 2)
        })
        .await;

    shops.mend(&["north", "south"]);
    let ended = client
        .incidents_until("the incident resolves", |incidents| {
            incidents.iter().any(Client::is_over)
        })
        .await;
    assert_eq!((ended.len(), &ended[0]["alerts_total"]), (1, &json!(2)));

    // The second teller's resolve comes after the incident has ended.
    let before = (one.notified().await, other.notified().await);
    shops.fail(&["east"]);
    let told_again = || async {
        let now = (one.notified().await, other.notified().await);
        (now.0 > before.0 && now.1 > before.1).then_some(())
    };
    eventually("both have told of the next episode", told_again).await;
    shops.mend(&["east"]);
    let all = client
        .incidents_until("the next episode resolves", |incidents| {
            incidents.len() > 1 && incidents.iter().all(Client::is_over)
        })
        .await;
    assert_eq!((all.len(), &all[0]["alerts_total"]), (2, &json!(1)));
}
