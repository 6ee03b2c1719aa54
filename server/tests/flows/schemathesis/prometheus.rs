//! schemathesis asks what Prometheus' own description of its API allows, and what it
//! does not, of the paths that we serve.

use promql::source::{Labels, Samples};
use testkit::{Peer, eventually, peer};

use super::{Run, published};
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
    let Some(description) = published("openapi/prometheus-v1.yaml") else {
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

    let examples = count("SRE_COPILOT_PROVE_SCHEMATHESIS", 25, 500);
    let url = format!("{}/prometheus/api/v1", platform.base());
    let credential = format!("Authorization: Bearer {}", client.token);
    let cases = Run::new(&program, CONFIGURATION, description, &url)
        .with(&["--header", &credential, "--include-path-regex", PATHS])
        .with(&["--max-examples", &examples.to_string()])
        .finds_nothing("an admin")
        .await;
    proof(
        "schemathesis with Prometheus' description of its API",
        &cases,
    );
}
