//! Postgres is away for longer than the log keeps telemetry: the log waits for its
//! slowest reader, even over a kill, and nothing is lost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::eventually_within;

use crate::client::{Client, http};
use crate::database::Database;
use crate::platform::Platform;
use crate::statistics::proof;

const RETENTION: Duration = Duration::from_secs(2);
const OUTAGE: Duration = Duration::from_secs(10);
/// Segments are dropped whole: some of them must fill up.
const LINE_BYTES: usize = 20_000;
const LINES: usize = 20;
const CATCH_UP: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_longer_than_the_logs_retention_loses_nothing() {
    let Some(mut database) = Database::start("flows::log_retention").await else {
        return;
    };
    let kept = format!("{}s", RETENTION.as_secs());
    let variables = [("SRE_COPILOT_TELEMETRY_LOG_RETENTION", kept.as_str())];
    let mut platform = Platform::start_on(Some(database.url().to_owned()), &variables).await;
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    let mut sent = 0;
    send(&platform.base(), &key, &mut sent).await;
    all_are_there(&client, sent).await;

    database.stop().await;
    let stopped = Instant::now();
    let mut killed = false;
    while stopped.elapsed() < OUTAGE {
        send(&platform.base(), &key, &mut sent).await;
        let read = client
            .try_send(Method::GET, "/api/v1/logs", None, None)
            .await;
        assert_eq!(read.unwrap().0, StatusCode::SERVICE_UNAVAILABLE);
        if !killed && stopped.elapsed() > OUTAGE / 2 {
            platform.kill();
            platform.restart_without_reads().await;
            killed = true;
        }
    }
    let away = stopped.elapsed();
    let freed = freed_bytes(&platform.base()).await;
    database.resume().await;
    all_are_there(&client, sent).await;
    // The control: once it is read, the log does drop what is so old.
    let freed = eventually_within(CATCH_UP, "the log drops what is read", || async {
        let now = freed_bytes(&platform.base()).await;
        (now > freed).then_some(now)
    })
    .await;
    let figures = format!(
        "log retention {RETENTION:?}, Postgres away for {:.0} s with one kill -9: {sent} of {sent} records there, \
         once; {:.0} MB of the log dropped afterwards",
        away.as_secs_f64(),
        freed / 1e6,
    );
    proof(
        "Postgres away for longer than the log's retention",
        &figures,
    );
}

/// One body of large records, numbered on.
async fn send(base: &str, key: &str, sent: &mut usize) {
    let filling = "x".repeat(LINE_BYTES);
    let line = |n: usize| json!({"service": "keeper", "message": format!("record {n}"), "filling": filling});
    let logs: Vec<Value> = (*sent..*sent + LINES).map(line).collect();
    let url = format!("{base}/api/v1/ingest/logs");
    let body = json!({ "logs": logs });
    let answer = http()
        .post(url)
        .bearer_auth(key)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap()
    );
    *sent += LINES;
}

/// Every record, once.
async fn all_are_there(client: &Client, sent: usize) {
    let numbers = eventually_within(CATCH_UP, "every record is there", || async {
        let numbers = numbers(client).await?;
        (numbers.len() >= sent).then_some(numbers)
    })
    .await;
    let distinct: BTreeSet<_> = numbers.iter().copied().collect();
    assert_eq!((numbers.len(), distinct), (sent, (0..sent).collect()));
}

async fn numbers(client: &Client) -> Option<Vec<usize>> {
    let (mut numbers, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/logs?service=keeper&limit=200{cursor}");
        let (status, page) = client.try_send(Method::GET, &path, None, None).await.ok()?;
        if status != StatusCode::OK {
            return None;
        }
        for item in page["items"].as_array().unwrap() {
            let body = item["body"].as_str().unwrap();
            numbers.push(body.strip_prefix("record ").unwrap().parse().unwrap());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Some(numbers),
        }
    }
}

async fn freed_bytes(base: &str) -> f64 {
    let answer = http().get(format!("{base}/metrics")).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let name = "eventlog_retention_freed_bytes_total ";
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0.0, |bytes| bytes.parse().unwrap())
}
