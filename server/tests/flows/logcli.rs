//! Loki's own client, unchanged, over lines that were pushed as Loki's clients push.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use schemas::context::{Clock, Context};
use serde_json::{Value, json};
use testkit::{Peer, peer};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::arrival::{arrive, listed};
use crate::client::Client;
use crate::platform::Platform;
use crate::statistics::proof;

const LINES: usize = 20;
const PATIENCE: Duration = Duration::from_secs(60);

/// Lines of two pods, a second apart.
async fn push(client: &Client, key: &str, text: &str, count: usize) {
    let now_ns = Context::ambient(&Clock::System).now().micros() * 1_000;
    let values = |pod: usize| -> Vec<Value> {
        let lines = (0..count).filter(|n| n % 2 == pod);
        let line = |n: usize| {
            let ago_ns = (count - n) as i64 * 1_000_000_000;
            json!([
                (now_ns - ago_ns).to_string(),
                format!("{text} n={n} took={n}ms")
            ])
        };
        lines.map(line).collect()
    };
    let streams: Vec<Value> = (0..2)
        .map(|pod| json!({"stream": {"app": "cli", "pod": format!("p{pod}")}, "values": values(pod)}))
        .collect();
    let body = serde_json::to_vec(&json!({"streams": streams})).unwrap();
    let json = [("content-type", "application/json")];
    client.ingest(key, "/loki/api/v1/push", &json, body).await;
}

struct Logcli {
    program: PathBuf,
    address: String,
    key: String,
}

impl Logcli {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--quiet", "--addr", &self.address])
            .args(["--username", "sre", "--password", &self.key])
            .args(arguments);
        command
    }

    async fn says(&self, arguments: &[&str]) -> String {
        let mut command = self.command(arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = output.await.unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it prints while it looks on, until a line has the text.
    async fn sees(&self, query: &str, text: &str, meanwhile: impl Future<Output = ()>) {
        let command = self.command(&["query", "--tail", "--output", "raw", query]);
        let mut child = tokio::process::Command::from(command)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next_line().await.unwrap();
        assert!(first.is_some(), "it shows lines of before");
        meanwhile.await;
        let seen = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.contains(text) {
                    return true;
                }
            }
            false
        };
        assert!(
            timeout(PATIENCE, seen).await.expect("in time"),
            "logcli sees the new line"
        );
        child.kill().await.unwrap();
    }
}

async fn queries_are_answered(logcli: &Logcli) {
    let raw = [
        "query", "--output", "raw", "--limit", "100", "--since", "10m",
    ];
    let all = logcli.says(&[&raw[..], &["{app=\"cli\"}"]].concat()).await;
    assert_eq!(all.lines().count(), LINES, "{all}");
    assert!(all.starts_with("before n=19 "), "the newest first: {all}");
    let some =
        "{app=\"cli\", pod=\"p1\"} |= \"before\" | logfmt | took > 10ms | line_format \"{{.n}}\"";
    let some = logcli
        .says(&[&raw[..], &["--forward", some]].concat())
        .await;
    assert_eq!(
        some.lines().collect::<Vec<_>>(),
        ["11", "13", "15", "17", "19"]
    );

    let over_time = [
        "query",
        "--since",
        "10m",
        "--step",
        "60s",
        "sum(count_over_time({app=\"cli\"}[10m]))",
    ];
    let matrix: Value = serde_json::from_str(&logcli.says(&over_time).await).unwrap();
    assert!(
        !matrix[0]["values"].as_array().unwrap().is_empty(),
        "{matrix}"
    );
    let at_once = [
        "instant-query",
        "sum by (pod) (count_over_time({app=\"cli\"}[10m]))",
    ];
    let vector: Value = serde_json::from_str(&logcli.says(&at_once).await).unwrap();
    let counts: Vec<_> = vector
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["value"][1])
        .collect();
    assert_eq!(counts, ["10", "10"], "{vector}");

    let labels = logcli.says(&["labels"]).await;
    for label in ["app", "pod", "service_name"] {
        assert!(labels.lines().any(|line| line == label), "{labels}");
    }
    let pods = logcli.says(&["labels", "pod"]).await;
    assert_eq!(pods.lines().collect::<Vec<_>>(), ["p0", "p1"]);
    let series = logcli.says(&["series", "{app=\"cli\", pod=\"p0\"}"]).await;
    assert_eq!(series.lines().count(), 1, "{series}");
    assert!(series.contains("pod=\"p0\""), "{series}");
}

fn found(program: &Path, platform: &Platform, key: String) -> Logcli {
    Logcli {
        program: program.to_owned(),
        address: platform.base(),
        key,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logcli_reads_and_watches_what_was_pushed() {
    let Some(program) = peer("flows::logcli", Peer::Logcli) else {
        return;
    };
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let ingest = client.new_key(&["ingest"]).await;
    let logcli = found(&program, &platform, client.new_key(&["read"]).await);
    push(&client, &ingest, "before", LINES).await;
    arrive(&client, LINES, "lines", "/api/v1/logs?limit=100", listed).await;
    queries_are_answered(&logcli).await;
    let wrong = logcli.command(&["query", "{app="]).output().unwrap();
    let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(told.contains("parse error at line 1, col 6"), "{told}");
    let new = push(&client, &ingest, "after", 2);
    logcli
        .sees("{app=\"cli\"} |~ \"before|after\"", "after n=1", new)
        .await;
    let figures = "query, instant-query, labels, series and --tail over 20 pushed lines";
    proof("Loki's logcli 1.6.1", figures);
}
