//! OpenTelemetry's own load generator, unchanged: three signals over HTTP and gRPC.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::{Peer, peer};

use crate::arrival::{arrive, listed};
use crate::platform::Platform;
use crate::statistics::proof;

/// Of each signal, by each way.
const ITEMS: usize = 200;
const KINDS: [&str; 4] = ["Gauge", "Sum", "Histogram", "ExponentialHistogram"];

struct Sender<'a> {
    program: &'a Path,
    endpoint: String,
    http: bool,
    key: &'a str,
}

impl Sender<'_> {
    async fn send(&self, signal: &str, service: &str, more: &[&str]) {
        let mut command = Command::new(self.program);
        command
            .arg(signal)
            .args([&format!("--{signal}"), &ITEMS.to_string()])
            .args(["--rate", "200", "--service", service, "--otlp-insecure"])
            .args(["--otlp-endpoint", &self.endpoint])
            .args(["--otlp-header", &format!("x-api-key=\"{}\"", self.key)])
            .args(more);
        if self.http {
            command.arg("--otlp-http");
        }
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = output.await.unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
    }
}

/// The value of the one series.
fn value(answer: &Value) -> usize {
    let value = answer["data"]["result"][0]["value"][1].as_str();
    value.and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_telemetrygen_sends_arrives_once() {
    let Some(program) = peer("flows::telemetrygen", Peer::Telemetrygen) else {
        return;
    };
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    for (way, port) in [("http", "http"), ("grpc", "otlp_grpc")] {
        let sender = Sender {
            program: &program,
            endpoint: format!("127.0.0.1:{}", platform.port(port)),
            http: way == "http",
            key: &key,
        };
        let service = format!("gen-{way}");
        sender.send("logs", &service, &[]).await;
        sender
            .send("traces", &service, &["--child-spans", "2"])
            .await;
        let logs = format!("/api/v1/logs?service={service}&limit=1000");
        arrive(&client, ITEMS, &format!("logs by {way}"), &logs, listed).await;
        let traces = format!("/api/v1/traces?service={service}&limit=1000");
        arrive(&client, ITEMS, &format!("traces by {way}"), &traces, listed).await;
        for kind in KINDS {
            let service = format!("gen-{way}-{kind}");
            let name = format!("gen_{}", kind.to_lowercase());
            // A series for each sample: of one series, two of one millisecond would be one.
            let more = [
                "--metric-type",
                kind,
                "--otlp-metric-name",
                &name,
                "--unique-timeseries",
                "--unique-timeseries-duration",
                "1h",
            ];
            sender.send("metrics", &service, &more).await;
            let names = format!("{name}(_ratio|_total|_count)?");
            let query = format!("count({{__name__=~\"{names}\",job=\"{service}\"}})");
            let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
            let path = format!("/prometheus/api/v1/query?query={query}");
            arrive(&client, ITEMS, &format!("{kind} by {way}"), &path, value).await;
        }
    }
    let figures = format!(
        "{ITEMS} logs, {ITEMS} traces and {ITEMS} series of each of {} kinds of metric, by HTTP and by \
         gRPC: all there once",
        KINDS.len()
    );
    proof("OpenTelemetry's telemetrygen", &figures);
}
