//! Ingest needs the log and nothing else: with Postgres away every webhook is
//! taken, reads say so quickly, and afterwards nothing is missing or doubled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use testkit::eventually_within;
use tokio::task::JoinHandle;

use crate::client::{Client, http};
use crate::database::Database;
use crate::notification::firing;
use crate::platform::Platform;
use crate::statistics::{count, proof};

const SENDERS: usize = 2;
/// Groups that each sender's alerts are spread over.
const GROUPS: usize = 25;
const CATCH_UP: Duration = Duration::from_secs(180);
/// Several looks at how far consumers are behind.
const LATE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_are_taken_while_postgres_is_stopped() {
    let Some(mut database) = Database::start("flows::postgres_stopped").await else {
        return;
    };
    // It asks as often as it can, which no person may.
    let unlimited = [("SRE_COPILOT_CALLER_REQUESTS_PER_SECOND", "0")];
    let platform = Platform::start_on(Some(database.url().to_owned()), &unlimited).await;
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    let seconds = count("SRE_COPILOT_PROVE_OUTAGE_SECONDS", 6, 60) as u64;

    let load = Arc::new(Load::default());
    let senders: Vec<_> = (0..SENDERS)
        .map(|n| send(&client, &key, n, &load))
        .collect();
    client
        .incidents_until("webhooks flow", |incidents| !incidents.is_empty())
        .await;

    database.stop().await;
    let (stopped, sent_before) = (Instant::now(), load.sent.load(Ordering::Relaxed));
    let mut slowest = Duration::ZERO;
    let mut reads = 0;
    while stopped.elapsed() < Duration::from_secs(seconds) {
        let asked = Instant::now();
        let read = client
            .try_send(Method::GET, "/api/v1/incidents", None, None)
            .await
            .unwrap();
        assert_eq!(read.0, StatusCode::SERVICE_UNAVAILABLE, "{}", read.1);
        slowest = slowest.max(asked.elapsed());
        reads += 1;
    }
    let late = eventually_within(LATE, "it is seen that screens are old", || async {
        let behind = behind(&platform.base()).await;
        let late = |lag: &&(String, u64, f64)| lag.0.starts_with("projection ") && lag.2 > 0.0;
        behind.iter().find(late).cloned()
    })
    .await;
    let (consumer, records, seconds_late) = late;
    assert!(records > 0, "{consumer} is late and lacks nothing");
    let again = eventually_within(LATE, "it gets later", || async {
        let behind = behind(&platform.base()).await;
        let later = |lag: &&(String, u64, f64)| lag.0 == consumer && lag.2 > seconds_late + 4.0;
        behind.iter().find(later).cloned()
    })
    .await;
    assert!(again.1 >= records, "{again:?}");
    let meanwhile = load.sent.load(Ordering::Relaxed) - sent_before;
    load.over.store(true, Ordering::Relaxed);
    let mut acked = BTreeSet::new();
    for sender in senders {
        acked.extend(sender.await.unwrap());
    }

    database.resume().await;
    let resumed = Instant::now();
    let list = eventually_within(CATCH_UP, "every acknowledged alert is there", || async {
        let alerts = read_alerts(&client).await;
        (alerts.len() >= acked.len()).then_some(alerts)
    })
    .await;
    let found: BTreeSet<_> = list.iter().cloned().collect();
    assert_eq!(
        (list.len(), &found),
        (found.len(), &acked),
        "nothing lost, nothing doubled"
    );
    let groups = SENDERS * GROUPS;
    let incidents = client
        .incidents_until("every group has its incident", |incidents| {
            incidents.len() >= groups
        })
        .await;
    assert_eq!(incidents.len(), groups);

    eventually_within(LATE, "nothing is behind any more", || async {
        let behind = behind(&platform.base()).await;
        let nothing = |lag: &(String, u64, f64)| lag.1 == 0 && lag.2 == 0.0;
        (!behind.is_empty() && behind.iter().all(nothing)).then_some(())
    })
    .await;

    let figures = format!(
        "{seconds} s without Postgres: {} of {} webhooks sent meanwhile, all 202, lost 0, \
         doubled 0; {reads} reads answered 503, the slowest in {:.2} s; caught up {:.1} s after the return",
        meanwhile,
        acked.len(),
        slowest.as_secs_f64(),
        resumed.elapsed().as_secs_f64(),
    );
    proof("Postgres stopped under webhook load", &figures);
}

/// What the senders and the test tell each other.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    /// Acknowledged webhooks of all senders.
    sent: AtomicUsize,
}

/// Each consumer of the log, and by how many records and seconds it is behind.
async fn behind(base: &str) -> Vec<(String, u64, f64)> {
    let answer = http().get(format!("{base}/metrics")).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let of = |name: &str| -> BTreeMap<String, f64> {
        let labelled = format!("{name}{{consumer=\"");
        let values = text.lines().filter_map(|line| {
            let (consumer, value) = line.strip_prefix(&labelled)?.split_once("\"} ")?;
            Some((consumer.to_owned(), value.parse().ok()?))
        });
        values.collect()
    };
    let (records, seconds) = (of("eventlog_lag_records"), of("eventlog_lag_seconds"));
    let both = |(consumer, records): (String, f64)| {
        let seconds = seconds[&consumer];
        (consumer, records as u64, seconds)
    };
    records.into_iter().map(both).collect()
}

/// Fingerprints of all alerts.
async fn read_alerts(client: &Client) -> Vec<String> {
    let alerts = client.list("/api/v1/alerts").await;
    let fingerprint = |alert: &Value| alert["fingerprint"].as_str().unwrap().to_owned();
    alerts.iter().map(fingerprint).collect()
}

/// Sends one alert after another until told to end, and one more for each group
/// that has none; returns the fingerprints, each of which was acknowledged.
fn send(client: &Client, key: &str, sender: usize, load: &Arc<Load>) -> JoinHandle<Vec<String>> {
    let (client, key, load) = (client.clone(), key.to_owned(), load.clone());
    tokio::spawn(async move {
        let mut acked = Vec::new();
        while !load.over.load(Ordering::Relaxed) || acked.len() < GROUPS {
            let n = acked.len();
            let fingerprint = format!("{sender}-{n}");
            let body = firing(&format!("Group{sender}x{}", n % GROUPS), &fingerprint);
            let answer = client.webhook(&key, &body).await.unwrap();
            assert_eq!(answer.status(), StatusCode::ACCEPTED);
            acked.push(fingerprint);
            load.sent.fetch_add(1, Ordering::Relaxed);
        }
        acked
    })
}
