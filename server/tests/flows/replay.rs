//! Read models are folds: made anew beside the live ones, or after they are gone,
//! they are the same rows, nobody is disturbed, and nothing is commanded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::{Connection, PgConnection, Row};
use testkit::eventually;

use crate::client::Client;
use crate::database::Database;
use crate::notification::{Told, body, firing};
use crate::platform::Platform;
use crate::tools::{records, tool};

/// Every table of schema `read` that a projection fills: rows as JSON, in order.
async fn tables(url: &str) -> BTreeMap<String, Vec<String>> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let names = sqlx::query(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'read'
         AND tablename NOT IN ('checkpoint', 'shape', 'parked') ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut found = BTreeMap::new();
    for name in names.iter().map(|row| row.get::<String, _>(0)) {
        let sql = format!("SELECT to_jsonb(t)::text FROM read.{name} t ORDER BY 1");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        found.insert(name, rows.iter().map(|row| row.get(0)).collect());
    }
    found
}

/// Some incidents in several states, alerts fired and resolved, a comment.
async fn work(client: &Client) {
    let key = client.new_key(&["ingest"]).await;
    for group in ["Disk", "Latency", "Errors"] {
        let answer = client
            .webhook(&key, &firing(group, &format!("{group}-1")))
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
    let open = client
        .incidents_until("three incidents", |found| found.len() == 3)
        .await;
    let id = open[0]["id"].as_str().unwrap();
    for step in ["acknowledge", "mitigate"] {
        let (status, answer) = client
            .post(&format!("/api/v1/incidents/{id}/{step}"), &json!({}))
            .await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let comment = json!({ "body": "the deploy of 02:31" });
    let (status, _) = client
        .post(&format!("/api/v1/incidents/{id}/comments"), &comment)
        .await;
    assert_eq!(status, StatusCode::CREATED);
    let ended = Told {
        fingerprint: "Disk-1",
        ended: Some("2026-11-01T03:00:00Z"),
    };
    client.webhook(&key, &body("Disk", &[ended])).await.unwrap();
    client
        .incidents_until("one is resolved", |found| {
            found
                .iter()
                .any(|incident| incident["status"] == "resolved")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replay_disturbs_nobody_and_gives_the_same_rows() {
    let Some(database) = Database::start("flows::replay").await else {
        return;
    };
    let mut platform = Platform::start(Some(database.url().to_owned())).await;
    let client = platform.register().await;
    work(&client).await;
    let data = platform.folder().join("data");
    let live = settled(database.url()).await;
    let commanded = records(&data, "incident.commands").await;

    let over = Arc::new(AtomicBool::new(false));
    let polling = poll(&client, &over);
    let printed = tool(&data, &["replay", "--all"], &[]).await;
    over.store(true, Ordering::Relaxed);
    let reads = polling.await.unwrap();
    assert!(printed.contains("incidents"), "{printed}");
    assert_eq!(
        settled(database.url()).await,
        live,
        "replayed rows differ from live rows"
    );

    platform.kill();
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    sqlx::query("DROP SCHEMA read CASCADE")
        .execute(&mut connection)
        .await
        .unwrap();
    platform.restart().await;
    eventually("the read models are back", || async {
        (tables(database.url()).await == live).then_some(())
    })
    .await;
    assert_eq!(
        records(&data, "incident.commands").await,
        commanded,
        "a replay commanded something"
    );
    crate::statistics::proof(
        "Replay beside a polling reader",
        &format!("{reads} reads, 0 failed"),
    );
}

/// Rows, once two looks in a row agree.
async fn settled(url: &str) -> BTreeMap<String, Vec<String>> {
    let before = std::cell::RefCell::new(BTreeMap::new());
    eventually("the read models are at rest", || async {
        let now = tables(url).await;
        let same = *before.borrow() == now;
        before.replace(now.clone());
        same.then_some(now)
    })
    .await
}

/// Reads as a browser would, until told to end; every read must succeed.
fn poll(client: &Client, over: &Arc<AtomicBool>) -> tokio::task::JoinHandle<usize> {
    let (client, over) = (client.clone(), over.clone());
    tokio::spawn(async move {
        let mut reads = 0;
        while !over.load(Ordering::Relaxed) {
            for path in ["/api/v1/incidents", "/api/v1/alerts", "/api/v1/projects"] {
                let (status, answer) = client
                    .try_send(Method::GET, path, None, None)
                    .await
                    .unwrap();
                assert_eq!(status, StatusCode::OK, "{path}: {answer}");
                reads += 1;
            }
        }
        reads
    })
}
