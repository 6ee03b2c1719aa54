//! An orderly end: what uses Postgres ends before the Postgres of our own does.

use serde_json::json;
use sqlx::{Connection, PgConnection};
use testkit::eventually;
use tokio::sync::Mutex;

use crate::platform::Platform;
use crate::tools::refusal;

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

/// A replay may take longer than systemd waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_no_tool() {
    let Some(database) = testkit::postgres().await else {
        return;
    };
    let mut platform = Platform::start(Some(database.url.clone())).await;
    let looker = Mutex::new(PgConnection::connect(&database.url).await.unwrap());
    // Who holds this keeps the replay from its end.
    let mut holder = PgConnection::connect(&database.url).await.unwrap();
    let held = Mutex::new(holder.begin().await.unwrap());
    eventually("the projection has a place, which is held", || async {
        let place = "SELECT 1 FROM read.checkpoint WHERE projection = 'incidents' FOR UPDATE";
        let mut rows = held.lock().await;
        let places = sqlx::query(place).fetch_all(&mut **rows).await.unwrap();
        (!places.is_empty()).then_some(())
    })
    .await;
    let data = platform.folder().join("data");
    let replay = tokio::spawn(async move { refusal(&data, &["replay", "incidents"], &[]).await });
    eventually("the replay is at work", || async {
        let shadow = "SELECT to_regclass('replay_incidents.checkpoint') IS NOT NULL";
        let mut rows = looker.lock().await;
        let there: bool = sqlx::query_scalar(shadow)
            .fetch_one(&mut *rows)
            .await
            .unwrap();
        there.then_some(())
    })
    .await;
    tokio::task::block_in_place(|| platform.end());
    let said = replay.await.unwrap();
    assert!(said.contains("the server stops"), "{said}");
}
