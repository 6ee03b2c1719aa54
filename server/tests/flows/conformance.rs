//! Prometheus' own tests of PromQL through the whole platform: series by remote
//! write into the real store, questions over HTTP.

use promql::source::{Labels, Samples};
use protocols::metrics::STALE;
use reqwest::StatusCode;
use testkit::eventually;

use crate::answers;
use crate::client::Client;
use crate::memory::Memory;
use crate::platform::Platform;
use crate::promqltest::{self, Subject};
use crate::remote_write;
use crate::statistics::proof;

/// A script's series, in a tenant of their own from each `clear` on.
struct Stored<'a> {
    platform: &'a Platform,
    client: Client,
    /// An agent's.
    key: String,
    tenants: &'a mut usize,
    /// The same series, to tell which are native histograms.
    memory: Memory,
}

/// A new tenant, and its agents' key.
async fn tenant(platform: &Platform, tenants: &mut usize) -> (Client, String) {
    *tenants += 1;
    let email = format!("ada{tenants}@example.com");
    let client = Client::register_as(platform.base(), &email).await;
    let key = client.new_key(&["ingest"]).await;
    (client, key)
}

impl Stored<'_> {
    async fn ask(&self, path: &str, form: &[(&str, &str)]) -> Result<promql::Answer, String> {
        let path = format!("/prometheus/api/v1/{path}");
        let (status, body) = self.client.form(&path, form).await;
        match status {
            StatusCode::OK => Ok(answers::read(&body)),
            _ => Err(body["error"].as_str().unwrap().to_owned()),
        }
    }

    /// All series of a body are visible at once: waits for a sample of one of them.
    async fn until_visible(&self, series: &[(Labels, Samples)]) {
        let Some((labels, time_ms)) = series.iter().find_map(last) else {
            return;
        };
        let pairs = labels.pairs().iter();
        let matchers: Vec<_> = pairs
            .map(|(name, value)| format!("{name:?}={value:?}"))
            .collect();
        let query = format!("{{{}}}[1s]", matchers.join(","));
        let time = seconds(time_ms);
        let form = [("query", query.as_str()), ("time", &time)];
        eventually("the series are there", || async {
            let (status, body) = self.client.form("/prometheus/api/v1/query", &form).await;
            assert_eq!(status, StatusCode::OK, "{query}: {body}");
            let found = body["data"]["result"].as_array().unwrap();
            (!found.is_empty()).then_some(())
        })
        .await;
    }
}

/// A sample that a range selects: no stale marker.
fn last((labels, samples): &(Labels, Samples)) -> Option<(&Labels, i64)> {
    let floats = samples.times.iter().zip(&samples.values);
    let mut floats = floats.filter(|(_, value)| value.to_bits() != STALE);
    let histogram = samples.histograms.last().map(|(time, _)| *time);
    let time = floats.next_back().map(|(time, _)| *time).or(histogram)?;
    Some((labels, time))
}

fn seconds(ms: i64) -> String {
    (ms as f64 / 1000.0).to_string()
}

impl Subject for Stored<'_> {
    async fn clear(&mut self) {
        if !self.memory.series.is_empty() {
            (self.client, self.key) = tenant(self.platform, self.tenants).await;
            self.memory = Memory::default();
        }
    }

    async fn load(&mut self, series: Vec<(Labels, Samples)>) {
        let body = remote_write::body(&series);
        let (path, headers) = (remote_write::PATH, &remote_write::HEADERS);
        self.client.ingest(&self.key, path, headers, body).await;
        self.until_visible(&series).await;
        for (labels, samples) in series {
            self.memory.append(labels, samples);
        }
    }

    async fn instant(&self, query: &str, time_ms: i64) -> Result<promql::Answer, String> {
        let time = seconds(time_ms);
        self.ask("query", &[("query", query), ("time", &time)])
            .await
    }

    async fn range(
        &self,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<promql::Answer, String> {
        let [start, end, step] = [start_ms, end_ms, step_ms].map(seconds);
        let form = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("step", &step),
        ];
        self.ask("query_range", &form).await
    }

    fn is_native(&self, query: &str) -> bool {
        promqltest::any_selector(query, |matchers| {
            let mut found = self.memory.matching(matchers);
            found.any(|(_, samples)| !samples.histograms.is_empty())
        })
    }

    fn tells_natives(&self) -> bool {
        false
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_own_tests_pass_on_the_real_store() {
    let test = "flows::conformance";
    let Some(files) = promqltest::scripts() else {
        testkit::skipped(test, "CONFORMANCE_DIR names no folder with promqltest");
        return;
    };
    let Some(database) = testkit::postgres().await else {
        return;
    };
    // The scripts' samples are of 1970.
    let settings = [("SRE_COPILOT_TELEMETRY_MAX_SAMPLE_AGE", "off")];
    let platform = Platform::start_on(Some(database.url), &settings).await;
    let (mut tenants, mut failures, mut told) = (0, 0, Vec::new());
    for (name, text) in files {
        let (client, key) = tenant(&platform, &mut tenants).await;
        let mut subject = Stored {
            platform: &platform,
            client,
            key,
            tenants: &mut tenants,
            memory: Memory::default(),
        };
        let tally = promqltest::run(&text, &mut subject)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        failures += tally.report(&name);
        told.push(format!("{name} {} of {}", tally.floats.0, tally.floats.1));
    }
    proof(
        "promqltest through remote write, store and HTTP, floats",
        &told.join(", "),
    );
    assert_eq!(failures, 0, "evaluations of floats failed");
}
