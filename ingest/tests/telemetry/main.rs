//! What agents of each protocol are told, and what is on the log when they are.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bombs;
mod budget;
mod dressed;
mod elastic;
#[path = "../webhooks/faulty_log.rs"]
#[allow(dead_code, reason = "shared with the tests of webhooks")]
mod faulty_log;
mod flood;
mod grpc;
mod logs;
mod methods;
mod retries;
#[path = "../webhooks/site.rs"]
#[allow(dead_code, reason = "shared with the tests of webhooks")]
mod site;
mod syslog;
mod traces;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use eventlog::LogError;
use ingest::telemetry::{Settings, Telemetry};
use schemas::telemetry::{Telemetry as Messages, TelemetryReceived};
use schemas::topic::Topic;
use serde_json::{Value, json};
use tower::ServiceExt;

use site::Site;

const WRITE: &str = "/api/v1/write";
const OTLP: &str = "/v1/metrics";
const NATIVE: &str = "/api/v1/ingest/metrics";
const PROTOBUF: &str = "application/x-protobuf";
const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

struct Told {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Told {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A site whose limits a test has changed, and a key that may send.
async fn open(change: impl FnOnce(&mut Settings)) -> (Site, String) {
    let mut settings = Settings::default();
    change(&mut settings);
    let site = Site::open_with(|state| state.telemetry = Telemetry::new(settings)).await;
    let key = site.key(&["ingest"], None).await;
    (site, key)
}

async fn send(site: &Site, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Told {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_vec())).unwrap();
    let router = ingest::router(site.state.clone());
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    Told {
        status: parts.status,
        headers: parts.headers,
        body: to_bytes(body, usize::MAX).await.unwrap(),
    }
}

async fn stored(site: &Site) -> Vec<TelemetryReceived> {
    stored_in(site, Topic::TelemetryMetrics).await
}

async fn stored_in(site: &Site, topic: Topic) -> Vec<TelemetryReceived> {
    let records = site.records(topic).await;
    let decode = |record: &eventlog::Record| {
        let Messages::TelemetryReceived(received) = record.decode().unwrap();
        received
    };
    records.iter().map(decode).collect()
}

fn now_ms(site: &Site) -> i64 {
    site.clock.now().micros() / 1_000
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    varint(&mut out, bytes.len() as u64);
    out.extend_from_slice(bytes);
    out
}

fn sample(time_ms: i64) -> Vec<u8> {
    let mut out = vec![0x10];
    varint(&mut out, time_ms.cast_unsigned());
    out
}

/// Remote write 1.0, compressed: one sample at each time, each of another metric.
fn written(samples: &[(&str, i64)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, time_ms) in samples {
        let label = [field(1, b"__name__"), field(2, name.as_bytes())].concat();
        let series = [field(1, &label), field(2, &sample(*time_ms))].concat();
        body.extend(field(1, &series));
    }
    snap::raw::Encoder::new().compress_vec(&body).unwrap()
}

/// Remote write 2.0 with one sample of `up`.
fn written_v2(time_ms: i64) -> Vec<u8> {
    let symbols = ["", "__name__", "up"].map(|symbol| field(4, symbol.as_bytes()));
    let series = [field(1, &[1, 2]), field(2, &sample(time_ms))].concat();
    let body = [symbols.concat(), field(5, &series)].concat();
    snap::raw::Encoder::new().compress_vec(&body).unwrap()
}

fn gauge(time_ms: i64, values: usize) -> Vec<u8> {
    let point = json!({ "timeUnixNano": (time_ms * 1_000_000).to_string(), "asInt": "1" });
    let metric = json!({ "name": "up", "gauge": { "dataPoints": vec![point; values] } });
    let body = json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": [metric] }] }] });
    serde_json::to_vec(&body).unwrap()
}

#[tokio::test]
async fn a_body_is_on_the_log_as_it_was_sent() {
    let (site, key) = open(|_| ()).await;
    let body = written(&[("up", now_ms(&site))]);
    let headers = [
        ("x-api-key", &*key),
        ("content-type", PROTOBUF),
        ("content-encoding", "snappy"),
    ];
    let told = send(&site, WRITE, &headers, &body).await;
    assert_eq!((told.status, told.text()), (StatusCode::NO_CONTENT, ""));

    let [record] = &site.records(Topic::TelemetryMetrics).await[..] else {
        panic!("not one")
    };
    assert_eq!(record.key, site.project.to_string().as_bytes());
    let [received] = &stored(&site).await[..] else {
        panic!("not one")
    };
    assert_eq!(received.body, body);
    assert_eq!(
        (received.format.as_str(), received.encoding.as_str()),
        ("prometheus.remote_write.v1", "snappy")
    );
    assert_eq!(received.max_age_ms, Settings::default().max_age_ms);
    assert_eq!(received.received_at, site.clock.now());
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_and_recognised_by_its_hash() {
    let (site, key) = open(|_| ()).await;
    let body = written_v2(now_ms(&site) - 1_000);
    for path in [WRITE, "/prometheus/api/v1/write", "/api/v1/push"] {
        let headers = [("x-api-key", &*key), ("content-type", V2)];
        let told = send(&site, path, &headers, &body).await;
        assert_eq!(told.status, StatusCode::NO_CONTENT);
        let written =
            |name: &str| told.headers[&format!("x-prometheus-remote-write-{name}-written")].clone();
        assert_eq!(written("samples"), "1");
        assert_eq!(written("histograms"), "0");
        assert_eq!(written("exemplars"), "0");
    }
    let hashes: Vec<_> = stored(&site)
        .await
        .into_iter()
        .map(|r| r.body_hash)
        .collect();
    assert_eq!((hashes.len(), &hashes[0]), (3, &hashes[1]));
    assert_eq!(hashes[1], hashes[2]);
}

#[tokio::test]
async fn a_refusal_says_to_version_2_that_nothing_was_written() {
    const SAMPLES: &str = "x-prometheus-remote-write-samples-written";
    let (site, key) = open(|_| ()).await;
    let (good, old) = (written_v2(now_ms(&site) - 1_000), written_v2(1));
    for (key, body, status, media) in [
        (&*key, &old, StatusCode::BAD_REQUEST, V2),
        (&*key, &b"no snappy".to_vec(), StatusCode::BAD_REQUEST, V2),
        ("srec_no", &good, StatusCode::UNAUTHORIZED, V2),
        ("srec_no", &good, StatusCode::UNAUTHORIZED, PROTOBUF),
    ] {
        let headers = [("x-api-key", key), ("content-type", media)];
        let told = send(&site, WRITE, &headers, body).await;
        assert_eq!(told.status, status);
        let said = told
            .headers
            .get(SAMPLES)
            .map(|count| count.to_str().unwrap());
        assert_eq!(said, (media == V2).then_some("0"), "{status}");
    }
}

/// Where others' servers take them, for who changes nothing but the host.
#[tokio::test]
async fn metrics_are_taken_at_the_addresses_of_others() {
    let (site, key) = open(|_| ()).await;
    let headers = [("x-api-key", &*key), ("content-type", "application/json")];
    for path in [OTLP, "/otlp/v1/metrics", "/api/v1/otlp/v1/metrics"] {
        let told = send(&site, path, &headers, b"{}").await;
        assert_eq!((told.status, told.text()), (StatusCode::OK, "{}"), "{path}");
    }
    let elsewhere = send(&site, "/api/v2/otlp/v1/metrics", &headers, b"{}").await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_may_not_send_is_told_in_the_protocols_own_words() {
    let (site, _) = open(|_| ()).await;
    let reader = site.key(&["read"], None).await;
    for (path, media) in [
        (WRITE, PROTOBUF),
        (OTLP, PROTOBUF),
        (OTLP, "application/json"),
        (NATIVE, "application/json"),
    ] {
        let nobody = send(&site, path, &[("content-type", media)], b"").await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
        assert!(nobody.headers.contains_key("www-authenticate"));
        let headers = [("x-api-key", &*reader), ("content-type", media)];
        let told = send(&site, path, &headers, b"").await;
        assert_eq!(told.status, StatusCode::FORBIDDEN);
        let reason = "the API key has no scope `ingest`";
        match (path, media) {
            (WRITE, _) => assert_eq!(told.text(), reason),
            (OTLP, PROTOBUF) => assert_eq!(
                told.body,
                [&[0x08, 7, 0x12, reason.len() as u8], reason.as_bytes()].concat()
            ),
            (OTLP, _) => assert_eq!(told.json(), json!({ "code": 7, "message": reason })),
            _ => assert_eq!(told.json()["rule"], "scope_missing"),
        }
    }
}

#[tokio::test]
async fn a_key_for_another_signal_is_told_which_scope_it_lacks() {
    let (site, _) = open(|_| ()).await;
    let logs = site.key(&["ingest:logs"], None).await;
    for (path, media) in [(WRITE, PROTOBUF), (NATIVE, "application/json")] {
        let headers = [("x-api-key", &*logs), ("content-type", media)];
        let told = send(&site, path, &headers, b"").await;
        assert_eq!(told.status, StatusCode::FORBIDDEN);
        let text = told.text();
        assert!(text.contains("no scope `ingest:metrics`"), "{path}: {text}");
    }
}

#[tokio::test]
async fn other_types_and_encodings_are_415() {
    let (site, key) = open(|_| ()).await;
    for (path, media, encoding) in [
        (WRITE, "application/json", "snappy"),
        (WRITE, "application/x-protobuf;proto=other", "snappy"),
        (WRITE, PROTOBUF, "gzip"),
        (WRITE, PROTOBUF, "br"),
        (OTLP, "text/plain", "identity"),
        (OTLP, PROTOBUF, "snappy"),
        (NATIVE, PROTOBUF, "identity"),
    ] {
        let headers = [
            ("x-api-key", &*key),
            ("content-type", media),
            ("content-encoding", encoding),
        ];
        let told = send(&site, path, &headers, b"").await;
        assert_eq!(
            told.status,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{path} {media} {encoding}"
        );
    }
    let form = [
        ("x-api-key", &*key),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let told = send(&site, NATIVE, &form, b"").await.json();
    let detail = told["detail"].as_str().unwrap();
    assert!(
        detail.ends_with("not supported here; what is: application/json"),
        "{detail}"
    );
}

#[tokio::test]
async fn items_out_of_time_are_refused_and_the_others_taken() {
    let (site, key) = open(|_| ()).await;
    let now = now_ms(&site);
    let week = 7 * 86_400_000;
    let body = written(&[
        ("a", now - week - 1),
        ("b", now - week),
        ("c", now + 600_000),
        ("d", now + 600_001),
    ]);
    let told = send(&site, WRITE, &[("x-api-key", &*key)], &body).await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST);
    let at = |ms: i64| schemas::time::Timestamp::from_micros(ms * 1_000);
    let reason = format!(
        "2 samples were refused, the others taken: time {} is before {}, the oldest that is taken",
        at(now - week - 1),
        at(now - week)
    );
    assert_eq!(told.text(), reason);
    assert_eq!(stored(&site).await.len(), 1);

    let headers = [("x-api-key", &*key), ("content-type", "application/json")];
    let told = send(
        &site,
        NATIVE,
        &headers,
        br#"{"metrics":[{"name":"a","samples":[[0,1]]}]}"#,
    )
    .await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST);
    assert_eq!(told.json()["rule"], "nothing_taken");
    assert_eq!(stored(&site).await.len(), 1, "nothing to store");
}

#[tokio::test]
async fn with_any_age_allowed_1970_is_taken() {
    let (site, key) = open(|settings| settings.max_age_ms = None).await;
    let told = send(
        &site,
        WRITE,
        &[("x-api-key", &*key)],
        &written(&[("up", 0)]),
    )
    .await;
    assert_eq!(told.status, StatusCode::NO_CONTENT);
    assert_eq!(stored(&site).await[0].max_age_ms, None);
}

#[tokio::test]
async fn otlp_is_told_of_partial_success() {
    let (site, key) = open(|settings| settings.allowance.limits.active_series = 1).await;
    let time = (now_ms(&site) * 1_000_000).to_string();
    let metric = |name: &str| {
        let point = json!({ "timeUnixNano": time, "asDouble": 1.5 });
        json!({ "name": name, "gauge": { "dataPoints": [point] } })
    };
    let metrics = [metric("a"), metric("b")];
    let body = json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": metrics }] }] });
    let body = serde_json::to_vec(&body).unwrap();
    let headers = [("x-api-key", &*key), ("content-type", "application/json")];
    let told = send(&site, OTLP, &headers, &body).await;
    assert_eq!(told.status, StatusCode::OK);
    let partial = &told.json()["partialSuccess"];
    assert_eq!(partial["rejectedDataPoints"], "1");
    let reason = partial["errorMessage"].as_str().unwrap();
    assert!(
        reason.contains("its 1 active series; a new one of metric `b` was refused"),
        "{reason}"
    );

    let told = send(&site, OTLP, &headers, &gauge(now_ms(&site), 1)).await;
    assert_eq!(
        told.status,
        StatusCode::BAD_REQUEST,
        "nothing of it is known"
    );
    assert_eq!(told.json()["code"], 3);
    assert_eq!(stored(&site).await.len(), 1);
}

#[tokio::test]
async fn a_whole_success_says_nothing_more() {
    let (site, key) = open(|_| ()).await;
    let large = gauge(now_ms(&site), 2_000);
    assert!(large.len() > 64 << 10, "large enough to be walked beside");
    for body in [gauge(now_ms(&site), 1), large] {
        let headers = [("x-api-key", &*key), ("content-type", "application/json")];
        let told = send(&site, OTLP, &headers, &body).await;
        assert_eq!((told.status, told.json()), (StatusCode::OK, json!({})));
    }
    let headers = [("x-api-key", &*key), ("content-type", PROTOBUF)];
    let told = send(&site, OTLP, &headers, b"").await;
    assert_eq!((told.status, told.text()), (StatusCode::OK, ""));
    assert_eq!(
        stored(&site).await.len(),
        2,
        "an empty request leaves nothing"
    );
}

#[tokio::test]
async fn unreadable_bodies_are_400_by_field_and_bombs_413() {
    let (site, key) = open(|_| ()).await;
    let headers = [("x-api-key", &*key), ("content-type", "application/json")];
    let told = send(
        &site,
        OTLP,
        &headers,
        br#"{"resourceMetrics":[{"scopeMetrics":7}]}"#,
    )
    .await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST);
    assert!(
        told.json()["message"]
            .as_str()
            .unwrap()
            .starts_with("resourceMetrics[0].scopeMetrics"),
        "{}",
        told.text()
    );
    let told = send(&site, WRITE, &[("x-api-key", &*key)], b"not snappy").await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST);
    let declared = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    let told = send(&site, WRITE, &[("x-api-key", &*key)], &declared).await;
    assert_eq!(told.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(stored(&site).await, []);
}

#[tokio::test]
async fn who_sends_too_fast_is_told_when_to_come_back() {
    let (site, key) = open(|settings| settings.allowance.limits.bytes_per_second = Some(10)).await;
    let body = written(&[("up", now_ms(&site))]);
    let first = send(&site, WRITE, &[("x-api-key", &*key)], &body).await;
    assert_eq!(first.status, StatusCode::NO_CONTENT);
    let second = send(&site, WRITE, &[("x-api-key", &*key)], &body).await;
    assert_eq!(second.status, StatusCode::TOO_MANY_REQUESTS);
    let seconds: i64 = second.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    site.clock.advance_millis(seconds * 1_000);
    let third = send(&site, WRITE, &[("x-api-key", &*key)], &body).await;
    assert_eq!(third.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_passes_is_503_with_a_time_to_come_back() {
    let (site, key) = open(|_| ()).await;
    site.log.fail(LogError::Full {
        used: 10,
        budget: 10,
        heavy: false,
        disk: false,
    });
    for (path, media, body) in [
        (WRITE, PROTOBUF, written(&[("up", now_ms(&site))])),
        (OTLP, "application/json", gauge(now_ms(&site), 1)),
        (
            NATIVE,
            "application/json",
            br#"{"metrics":[{"name":"a","value":1}]}"#.to_vec(),
        ),
    ] {
        let headers = [("x-api-key", &*key), ("content-type", media)];
        let told = send(&site, path, &headers, &body).await;
        assert_eq!(told.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(told.headers["retry-after"], "30");
    }
}
