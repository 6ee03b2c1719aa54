//! The SDKs that teams build into their services, unchanged: each signal arrives once,
//! plain and gzipped, protobuf (Python; over HTTP and gRPC) and JSON (Node), and from
//! clients of Loki and syslog.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::{Peer, peer};

use crate::arrival::{arrive, listed};
use crate::client::Client;
use crate::platform::Platform;
use crate::statistics::proof;

const SENDERS: &str = "tests/sdks";
const ITEMS: usize = 40;
/// Of the documents that Elasticsearch's client sends.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

async fn send(mut command: Command, platform: &Platform, key: &str) {
    command.args([platform.base().as_str(), key, &ITEMS.to_string()]);
    let ports = ["otlp_grpc", "syslog"].map(|name| platform.port(name).to_string());
    command.args(ports);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(told, "", "the SDK complains");
}

fn python(interpreter: &Path) -> Command {
    let mut command = Command::new(interpreter);
    command.arg(format!("{SENDERS}/python/send.py"));
    command
}

/// Node looks for modules beside the program.
fn node(modules: &Path) -> Command {
    let program = modules.join("send.js");
    std::fs::copy(format!("{SENDERS}/node/send.js"), &program).unwrap();
    let mut command = Command::new("node");
    command.arg(program);
    command
}

fn series(answer: &Value) -> usize {
    answer["data"]["result"].as_array().map_or(0, Vec::len)
}

async fn check(client: &Client, services: &[&str], lines: &[&str]) {
    for service in services {
        let traces = format!("/api/v1/traces?service={service}&limit=100");
        arrive(
            client,
            ITEMS,
            &format!("traces of {service}"),
            &traces,
            listed,
        )
        .await;
        let logs = format!("/api/v1/logs?service={service}&level=warn&limit=100");
        arrive(client, ITEMS, &format!("logs of {service}"), &logs, listed).await;
        let query = format!("sdk_items_total%7Bjob%3D%22{service}%22%7D%20%3D%3D%201");
        let metrics = format!("/prometheus/api/v1/query?query={query}");
        arrive(
            client,
            ITEMS,
            &format!("metrics of {service}"),
            &metrics,
            series,
        )
        .await;
    }
    for service in lines {
        let logs = format!("/api/v1/logs?service={service}&limit=100");
        arrive(client, ITEMS, &format!("logs of {service}"), &logs, listed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_python_sdks_send_arrives_once() {
    let test = "flows::sdks::python";
    let Some(interpreter) = peer(test, Peer::PythonSdks) else {
        return;
    };
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    send(python(&interpreter), &platform, &key).await;
    let services = [
        "python-plain",
        "python-gzip",
        "python-grpc",
        "python-grpc-gzip",
    ];
    check(&client, &services, &["python-loki", "python-syslog"]).await;
    // What was added in three exports: 1, 2 and 4.
    for (what, series_of) in [
        ("counters", "sdk_added_total"),
        ("histograms", "sdk_took_sum"),
    ] {
        let query = format!("sum_over_time({series_of}{{job=\"python-delta\"}}[1h]) == 7");
        let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let path = format!("/prometheus/api/v1/query?query={query}");
        arrive(&client, ITEMS, &format!("{what} as deltas"), &path, series).await;
    }
    let figures = format!("{ITEMS} items of each signal and encoding: all there once");
    proof(
        "OpenTelemetry Python (HTTP and gRPC), python-logging-loki and SysLogHandler",
        &figures,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_node_sdks_send_arrives_once() {
    let test = "flows::sdks::node";
    let Some(modules) = peer(test, Peer::NodeSdks) else {
        return;
    };
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    send(node(&modules), &platform, &key).await;
    check(&client, &["node-plain", "node-gzip"], &["node-loki"]).await;
    let figures = format!("{ITEMS} items of each signal and encoding: all there once");
    proof("OpenTelemetry JS and pino-loki", &figures);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_elasticsearchs_client_sends_arrives_once() {
    let test = "flows::sdks::elastic";
    let Some(interpreter) = peer(test, Peer::PythonSdks) else {
        return;
    };
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    let mut program = Command::new(&interpreter);
    program.arg(format!("{SENDERS}/python/elastic.py"));
    send(program, &platform, &key).await;
    for (service, index) in [
        ("elastic-basic", "logs-shop"),
        ("elastic-key", "logs-own"),
        ("elastic-pair", ""),
    ] {
        let of_index = match index {
            "" => String::new(),
            index => format!("%20_index:{index}"),
        };
        let logs = format!("/api/v1/logs?service={service}&level=warn&limit=100&query=");
        for (items, query) in [
            (ITEMS, format!("trace_id:{TRACE}{of_index}")),
            (1, "labels.n:7%20%22item%207%22".to_owned()),
        ] {
            let what = format!("logs of {service}: {query}");
            arrive(&client, items, &what, &format!("{logs}{query}"), listed).await;
        }
    }
    let figures = format!("{ITEMS} documents of each credential: all there once");
    proof("Elasticsearch's client for Python", &figures);
}
