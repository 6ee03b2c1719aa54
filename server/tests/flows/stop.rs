//! An orderly end: what uses Postgres ends before the Postgres of our own does.

use serde_json::json;
use testkit::eventually;

use crate::platform::Platform;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_interrupts_nothing() {
    let mut platform = Platform::start_with(&[]).await;
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    let (http, base) = (crate::client::http(), platform.base());
    let load = tokio::spawn(async move {
        for number in 0.. {
            let body = json!({"logs": [{"body": format!("line {number}"), "service": "shop"}]});
            let url = format!("{base}/api/v1/ingest/logs");
            let sent = http.post(url).bearer_auth(&key).json(&body).send().await;
            if sent.is_err() {
                return number;
            }
        }
        0
    });
    eventually("lines are there to be read", || async {
        let found = client.list("/api/v1/logs").await;
        (found.len() > 50).then_some(())
    })
    .await;
    tokio::task::block_in_place(|| platform.end());
    assert!(load.await.unwrap() > 50);
    let said = platform.said();
    let (_, end) = said.split_once("stopping on SIGTERM").unwrap();
    assert!(!said.contains('\u{1b}'), "no colours in a file");
    let troubled = end
        .lines()
        .filter(|line| line.contains("WARN") || line.contains("ERROR"));
    assert_eq!(troubled.collect::<Vec<_>>(), Vec::<&str>::new());
}
