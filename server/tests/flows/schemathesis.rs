//! schemathesis asks what Prometheus' own description of its API allows, and what it
//! does not, of the paths that we serve.

use std::path::PathBuf;
use std::process::Command;

use promql::source::{Labels, Samples};
use testkit::{Peer, eventually, peer};

use crate::platform::Platform;
use crate::remote_write;
use crate::statistics::{count, proof};

/// Paths of the description that are served. The others are about a server that
/// scrapes, and about searches that are an experiment.
const PATHS: &str = "^/(query|query_range|query_exemplars|format_query|labels|label/\\{name\\}/values|series|\
                     metadata|rules|alerts|status/buildinfo)$";

/// Prometheus' description has any text for an expression, and no limits; who asks for
/// no time to be taken is told so with 503, as there.
const CONFIGURATION: &str = "[checks]
not_a_server_error.expected-statuses = [\"2xx\", \"3xx\", \"4xx\", \"503\"]
positive_data_acceptance.enabled = false
negative_data_rejection.enabled = false
";

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told of their environment"
)]
fn description() -> Option<PathBuf> {
    let root = PathBuf::from(std::env::var("CONFORMANCE_DIR").ok()?);
    let file = root.join("openapi/prometheus-v1.yaml");
    file.exists().then_some(file)
}

/// A counter and a histogram of the last minutes.
fn series(now_ms: i64) -> Vec<(Labels, Samples)> {
    let one = |pairs: &[(&str, &str)], step: f64| {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let samples = Samples {
            times: (0..20).map(|at| now_ms - (20 - at) * 15_000).collect(),
            values: (0..20).map(|at| f64::from(at) * step).collect(),
            histograms: Vec::new(),
        };
        (Labels::new(pairs.iter().map(owned).collect()), samples)
    };
    vec![
        one(&[("__name__", "up"), ("job", "shop")], 0.0),
        one(&[("__name__", "http_requests_total"), ("code", "500")], 3.0),
        one(
            &[("__name__", "latency_seconds_bucket"), ("le", "+Inf")],
            9.0,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_prometheus_api_is_as_prometheus_describes_it() {
    let test = "flows::schemathesis";
    let Some(description) = description() else {
        testkit::skipped(test, "CONFORMANCE_DIR names no folder with openapi");
        return;
    };
    let Some(program) = peer(test, Peer::Schemathesis) else {
        return;
    };
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let now_ms = schemas::context::Clock::System.now().micros() / 1_000;
    let body = remote_write::body(&series(now_ms));
    let key = client.new_key(&["ingest"]).await;
    client
        .ingest(&key, remote_write::PATH, &remote_write::HEADERS, body)
        .await;
    eventually("the series are there", || async {
        let found = client.get("/prometheus/api/v1/query?query=up").await;
        let found = found["data"]["result"].as_array()?;
        (!found.is_empty()).then_some(())
    })
    .await;

    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("schemathesis.toml");
    std::fs::write(&configuration, CONFIGURATION).unwrap();
    let examples = count("SRE_COPILOT_PROVE_SCHEMATHESIS", 25, 500);
    let mut command = Command::new(program);
    command
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(&configuration)
        .arg("run")
        .arg(description)
        .args(["--url", &format!("{}/prometheus/api/v1", platform.base())])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", client.token),
        ])
        .args(["--include-path-regex", PATHS])
        .args(["--max-examples", &examples.to_string()])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--generation-deterministic", "--no-color", "--workers", "2"])
        .args(["--continue-on-failure", "--warnings", "off"]);
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap());
    let ran = ran.await.unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let cases = told.lines().find(|line| line.contains("generated"));
    let cases = cases.unwrap_or_default().trim().to_owned();
    proof(
        "schemathesis with Prometheus' description of its API",
        &cases,
    );
}
