//! The log waits for all who read it, and for nobody whom this version does not have.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::eventually;

use crate::platform::Platform;

const GONE: &str = "keeps nothing for it";
const OF_ANOTHER_VERSION: &str = "projection of_yesterday";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_counts_as_gone_but_who_is() {
    let mut platform = Platform::start_with(&[]).await;
    let file = platform.folder().join("data/log/pins.json");
    let pins = || -> Option<Value> { serde_json::from_slice(&std::fs::read(&file).ok()?).ok() };
    let groups = commands::groups().chain(workers::groups());
    let groups = groups.map(|group| format!("group {group}"));
    let all: BTreeSet<_> = groups.chain(projections::consumers()).collect();
    eventually("everybody who is named has come", || async {
        let pins = pins()?;
        let pinned = pins["consumers"].as_object()?;
        let came = |consumer: &String| pinned.contains_key(consumer);
        all.iter().all(came).then_some(())
    })
    .await;
    tokio::task::block_in_place(|| platform.end());

    let mut pins = pins().unwrap();
    pins["consumers"][OF_ANOTHER_VERSION] = json!({"incident.events/0": 0});
    std::fs::write(&file, pins.to_string()).unwrap();
    platform.restart().await;
    let said = platform.said();
    let gone: Vec<_> = said.lines().filter(|line| line.contains(GONE)).collect();
    assert!(
        matches!(gone[..], [one] if one.contains(OF_ANOTHER_VERSION)),
        "{gone:?}"
    );
}
