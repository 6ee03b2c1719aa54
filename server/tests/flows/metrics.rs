//! A real Prometheus scrapes itself and a node exporter and writes to the platform:
//! both then answer every series alike.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use testkit::{Peer, eventually_within, peer};

use crate::client::Client;
use crate::database::Database;
use crate::peers::{NodeExporter, Prometheus};
use crate::platform::Platform;
use crate::statistics::{count, proof};

const LONG: Duration = Duration::from_secs(120);

/// Series by their labels, each with its samples as both APIs write them.
type Series = BTreeMap<String, BTreeMap<String, f64>>;

/// All series with their samples as they were scraped, from a matrix selector.
fn series(answer: &Value) -> Series {
    let result = answer["data"]["result"].as_array();
    let result = result.unwrap_or_else(|| panic!("no result in {answer}"));
    let samples = |entry: &Value| {
        let values = entry["values"].as_array().unwrap();
        let pair = |value: &Value| {
            let number: f64 = value[1].as_str().unwrap().parse().unwrap();
            (value[0].to_string(), number)
        };
        values.iter().map(pair).collect()
    };
    result
        .iter()
        .map(|entry| (entry["metric"].to_string(), samples(entry)))
        .collect()
}

/// Every sample of the `seconds` before `end`.
fn question(end: f64, seconds: usize) -> String {
    let query = format!("%7Bjob%3D%22machines%22%7D%5B{seconds}s%5D");
    format!("query?query={query}&time={end}")
}

async fn theirs(prometheus: &Prometheus, question: &str) -> Series {
    let url = format!("http://127.0.0.1:{}/api/v1/{question}", prometheus.port);
    let answer = crate::client::http().get(url).send().await.unwrap();
    series(&answer.json().await.unwrap())
}

async fn ours(client: &Client, question: &str) -> Option<Series> {
    let path = format!("/prometheus/api/v1/{question}");
    let answer = client.try_send(Method::GET, &path, None, None).await;
    let (status, answer) = answer.ok()?;
    (status == StatusCode::OK).then(|| series(&answer))
}

fn same(ours: &Series, theirs: &Series) -> bool {
    let near = |a: f64, b: f64| {
        a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * b.abs()
    };
    ours.keys().eq(theirs.keys())
        && ours.values().zip(theirs.values()).all(|(ours, theirs)| {
            ours.keys().eq(theirs.keys())
                && ours
                    .values()
                    .zip(theirs.values())
                    .all(|(a, b)| near(*a, *b))
        })
}

/// The newest instant that both are asked about: what is scraped by then has been
/// sent a while later.
async fn now(prometheus: &Prometheus) -> f64 {
    let url = format!(
        "http://127.0.0.1:{}/api/v1/query?query=time()",
        prometheus.port
    );
    let answer = crate::client::http().get(url).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["data"]["result"][0].as_f64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_prometheus_writes_is_what_it_has_itself() {
    let test = "flows::metrics";
    let (Some(prometheus), Some(exporter)) =
        (peer(test, Peer::Prometheus), peer(test, Peer::NodeExporter))
    else {
        return;
    };
    let Some(mut database) = Database::start(test).await else {
        return;
    };
    let mut platform = Platform::start(Some(database.url().to_owned())).await;
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    let exporter = NodeExporter::start(&exporter).await;
    let prometheus =
        Prometheus::start_writing(&prometheus, &platform.base(), &key, &[exporter.port]).await;

    let begun = now(&prometheus).await;
    let outage = count("SRE_COPILOT_PROVE_OUTAGE_SECONDS", 4, 60) as f64;
    wait_until(&prometheus, begun + 5.0).await;
    // Samples arrive while Postgres is away, and while the platform is killed.
    database.stop().await;
    wait_until(&prometheus, begun + 5.0 + outage).await;
    database.resume().await;
    platform.kill();
    wait_until(&prometheus, begun + 7.0 + outage).await;
    platform.restart().await;
    wait_until(&prometheus, begun + 12.0 + outage).await;

    let end = now(&prometheus).await;
    let asked = question(end, (end - begun) as usize);
    let expected = theirs(&prometheus, &asked).await;
    let found = eventually_within(LONG, "all series are equal", || async {
        let found = ours(&client, &asked).await?;
        same(&found, &expected).then_some(found)
    })
    .await;
    let samples: usize = found.values().map(BTreeMap::len).sum();
    assert!(
        found.len() > 300 && samples > 3_000,
        "{} series",
        found.len()
    );
    let dropped = "prometheus_remote_storage_samples_failed_total";
    assert_eq!(
        prometheus.counter(dropped).await,
        0.0,
        "{}",
        prometheus.log()
    );
    let figures = format!(
        "{} series, {samples} samples over {:.0} s with {outage} s without Postgres and one kill -9: \
         all equal, 0 failed",
        found.len(),
        end - begun,
    );
    proof("Prometheus and node exporter by remote write", &figures);
}

/// Else a rule over `increase()` would not see the first of them, which is mostly the only one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_wakes_somebody_is_counted_from_zero_and_readiness_told() {
    let Some(database) = Database::start("flows::metrics_from_zero").await else {
        return;
    };
    let platform = Platform::start(Some(database.url().to_owned())).await;
    let expected = [
        "commands_dead_letters_total{topic=\"incident.commands\"} 0",
        "commands_partitions_stopped_total{topic=\"incident.commands\",reason=\"broken_events\"} 0",
        "eventlog_corrupt_reads_total{journal=\"main\"} 0",
        "eventlog_damage_total{journal=\"main\"} 0",
        "eventlog_refused_records_total{reason=\"disk_budget\"} 0",
        "projection_parked_total{projection=\"incidents\"} 0",
        "sre_copilot_ready{part=\"keyring\"} 1",
        "sre_copilot_ready{part=\"log\"} 1",
        "sre_copilot_ready{part=\"postgres\"} 1",
        "sre_copilot_ready{part=\"read_models\"} 1",
        "sre_copilot_ready{part=\"sessions\"} 1",
    ];
    let url = format!("{}/metrics", platform.base());
    eventually_within(LONG, "all are there", || async {
        let text = crate::client::http().get(&url).send().await.ok()?;
        let text = text.text().await.ok()?;
        let missing = expected
            .iter()
            .find(|line| !text.lines().any(|l| l == **line));
        missing.is_none().then_some(())
    })
    .await;
}

async fn wait_until(prometheus: &Prometheus, instant: f64) {
    eventually_within(LONG * 2, "time passes", || async {
        (now(prometheus).await >= instant).then_some(())
    })
    .await;
}
