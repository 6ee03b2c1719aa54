//! A tenant invents series without end, against the whole platform: it is refused by name
//! once it has its share, the memory of the process does not follow what is refused, and
//! another tenant writes and reads on. What ingest does alone is in
//! `ingest/tests/telemetry/flood.rs`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use promql::source::{Labels, Samples};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use testkit::eventually;

use crate::client::{Client, http};
use crate::database::Database;
use crate::platform::Platform;
use crate::remote_write::{self, HEADERS, PATH};
use crate::statistics::{count, median_and_p99, proof};

const SERIES_A_BODY: usize = 2_000;
/// The neighbour's writes, and reads of its own, before anything else happens.
const ALONE: usize = 100;
/// What a platform with nothing in it and a series that it has taken may hold.
const EMPTY_BYTES: usize = 400 << 20;
const BYTES_A_SERIES: usize = 800;
/// Bodies in flight; nothing of what is refused stays.
const REFUSED_BYTES: usize = 100 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_invents_series_is_refused_and_others_go_on() {
    if Database::start("flows::invented_series").await.is_none() {
        return;
    }
    let series = count("SRE_COPILOT_PROVE_SERIES", 60_000, 10_000_000);
    let limit = series / 10;
    let setting = [("SRE_COPILOT_TELEMETRY_ACTIVE_SERIES", &*limit.to_string())];
    let platform = Platform::start_with(&setting).await;
    let inventor = Inventor::new(&platform, limit).await;
    let neighbour = Neighbour::new(&platform).await;

    let over = AtomicBool::new(true);
    let alone = neighbour.goes_on(&over).await;
    let taking = inventor.sends(0..limit, StatusCode::NO_CONTENT);
    let (beside_taken, ()) = neighbour.beside(taking).await;
    let full = platform.resident_bytes();
    let refusing = inventor.sends(limit..series, StatusCode::BAD_REQUEST);
    let (beside_refused, ()) = neighbour.beside(refusing).await;
    let after = platform.resident_bytes();

    // What is known goes on, and who asks is told what was met.
    inventor
        .sends(0..SERIES_A_BODY, StatusCode::NO_CONTENT)
        .await;
    let reached = eventually("the limit is shown", || async {
        let limits = "/api/v1/telemetry/limits";
        let mut shown = inventor.client.get(limits).await;
        (shown["reached"] != serde_json::json!([])).then(|| shown["reached"].take())
    })
    .await;
    assert_eq!(reached[0]["offender"], "invented");

    let most = EMPTY_BYTES + limit * BYTES_A_SERIES;
    assert!(
        full < most,
        "{full} bytes with {limit} series, {most} are the most"
    );
    let grown = after.saturating_sub(full);
    assert!(grown < REFUSED_BYTES, "{grown} bytes for what was refused");
    let p99 = |times: &Times| {
        let of = |times: &Vec<Duration>| median_and_p99(times.clone()).1.as_secs_f64() * 1e3;
        format!("{:.1} and {:.1} ms", of(&times.writes), of(&times.reads))
    };
    proof(
        "a tenant that invents series, whole platform",
        &format!(
            "{series} distinct series, {limit} taken, the rest refused by name; anonymous memory {} MB \
             with all that was taken, {} MB at the end; another tenant's p99 of writes and of reads: {} \
             alone, {} beside what is taken, {} beside what is refused",
            full / 1_000_000,
            after / 1_000_000,
            p99(&alone),
            p99(&beside_taken),
            p99(&beside_refused),
        ),
    );
}

struct Inventor {
    client: Client,
    url: String,
    key: String,
    limit: usize,
}

impl Inventor {
    async fn new(platform: &Platform, limit: usize) -> Self {
        let client = platform.register().await;
        Self {
            key: client.new_key(&["ingest"]).await,
            url: format!("{}{PATH}", platform.base()),
            client,
            limit,
        }
    }

    /// One body after the other, each with series that nobody has sent before.
    async fn sends(&self, numbers: std::ops::Range<usize>, expected: StatusCode) {
        let http = http();
        for first in numbers.step_by(SERIES_A_BODY) {
            let series: Vec<_> = (first..first + SERIES_A_BODY)
                .map(|n| sample("invented", &format!("{n}")))
                .collect();
            let mut request = http.post(&self.url).bearer_auth(&self.key);
            for (name, value) in HEADERS {
                request = request.header(name, value);
            }
            let answer = request.body(remote_write::body(&series)).send().await;
            let answer = answer.unwrap();
            let (status, told) = (answer.status(), answer.text().await.unwrap());
            assert_eq!(status, expected, "{told}");
            let reason = format!(
                "the tenant has its {} active series; a new one of metric `invented` was refused",
                self.limit
            );
            let refused = status == StatusCode::BAD_REQUEST;
            assert_eq!(told.ends_with(&reason), refused, "{told}");
        }
    }
}

/// How long what the neighbour did took.
#[derive(Default)]
struct Times {
    writes: Vec<Duration>,
    reads: Vec<Duration>,
}

struct Neighbour {
    client: Client,
    key: String,
}

impl Neighbour {
    async fn new(platform: &Platform) -> Self {
        let client = Client::register_as(platform.base(), "bob@example.com").await;
        let key = client.new_key(&["ingest"]).await;
        Self { client, key }
    }

    /// Until the other is over; at least [`ALONE`] times.
    async fn goes_on(&self, over: &AtomicBool) -> Times {
        let mut times = Times::default();
        while times.writes.len() < ALONE || !over.load(Ordering::Relaxed) {
            let body = remote_write::body(&[sample("up", "a")]);
            let began = Instant::now();
            self.client.ingest(&self.key, PATH, &HEADERS, body).await;
            times.writes.push(began.elapsed());
            let query = "/prometheus/api/v1/query?query=up";
            let began = Instant::now();
            let asked = self.client.try_send(Method::GET, query, None, None).await;
            let (status, answer): (_, Value) = asked.unwrap();
            assert_eq!(status, StatusCode::OK, "{answer}");
            times.reads.push(began.elapsed());
        }
        times
    }

    async fn beside<T>(&self, other: impl Future<Output = T>) -> (Times, T) {
        let over = AtomicBool::new(false);
        let until_over = async {
            let done = other.await;
            over.store(true, Ordering::Relaxed);
            done
        };
        tokio::join!(self.goes_on(&over), until_over)
    }
}

fn sample(name: &str, id: &str) -> (Labels, Samples) {
    let labels = Labels::new(vec![
        ("__name__".into(), name.into()),
        ("id".into(), id.into()),
    ]);
    let now = schemas::context::Clock::System.now().micros() / 1_000;
    let samples = Samples {
        times: vec![now],
        values: vec![1.0],
        ..Samples::default()
    };
    (labels, samples)
}
