//! A body that was stored and answered 503, or not at all, comes again: what has no time of
//! its own is there once, and what is sent after an answer is there again.

use axum::http::StatusCode;
use eventlog::LogError;
use schemas::telemetry::TelemetryReceived;
use schemas::topic::Topic;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::site::Site;
use crate::syslog::listening;
use crate::{NATIVE, PROTOBUF, field, now_ms, open, send, stored_in};

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

struct Case {
    path: &'static str,
    media: &'static str,
    topic: Topic,
    body: Vec<u8>,
}

impl Case {
    fn of(path: &'static str, media: &'static str, topic: Topic, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self {
            path,
            media,
            topic,
            body,
        }
    }

    async fn send(&self, site: &Site, key: &str, idempotency_key: Option<&str>) -> StatusCode {
        let mut headers = vec![("x-api-key", key), ("content-type", self.media)];
        headers.extend(idempotency_key.map(|name| ("idempotency-key", name)));
        send(site, self.path, &headers, &self.body).await.status
    }

    /// What is stored of it, without the `before` that were there.
    async fn stored(&self, site: &Site, before: usize) -> Vec<TelemetryReceived> {
        stored_in(site, self.topic).await.split_off(before)
    }
}

/// Each format whose items may have no time.
fn without_times() -> Vec<Case> {
    let otlp = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [
        { "body": { "stringValue": "x" } },
    ] }] }] });
    let entry = field(2, b"hello");
    let stream = [field(1, b"{app=\"shop\"}"), field(2, &entry)].concat();
    let loki = snap::raw::Encoder::new()
        .compress_vec(&field(1, &stream))
        .unwrap();
    let bulk = "{\"create\":{}}\n{\"message\":\"x\"}\n";
    let (logs, metrics) = (Topic::TelemetryLogs, Topic::TelemetryMetrics);
    vec![
        Case::of(
            NATIVE,
            JSON,
            metrics,
            r#"{"metrics":[{"name":"a","value":1}]}"#,
        ),
        Case::of("/api/v1/ingest/logs", JSON, logs, r#"[{"message":"x"}]"#),
        Case::of("/v1/logs", JSON, logs, otlp.to_string()),
        Case::of("/loki/api/v1/push", PROTOBUF, logs, loki),
        Case::of("/_bulk", NDJSON, logs, bulk),
    ]
}

fn unavailable() -> LogError {
    LogError::Unavailable("its answer was lost".to_owned())
}

/// The hashes, each as the place of the first that is equal.
fn told_apart(stored: &[TelemetryReceived]) -> Vec<usize> {
    let first = |body: &TelemetryReceived| {
        let mut all = stored.iter();
        all.position(|other| other.body_hash == body.body_hash)
            .unwrap()
    };
    stored.iter().map(first).collect()
}

#[tokio::test]
async fn what_was_stored_and_refused_is_a_repeat_when_it_comes_again() {
    let (site, key) = open(|_| ()).await;
    for case in without_times() {
        let path = case.path;
        let before = stored_in(&site, case.topic).await.len();
        site.log.take_and_fail(unavailable());
        for _ in 0..2 {
            let status = case.send(&site, &key, None).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            site.clock.advance_millis(2_000);
        }
        site.log.mend();
        for _ in 0..2 {
            let status = case.send(&site, &key, None).await;
            assert!(status.is_success(), "{path} {status}");
            site.clock.advance_millis(2_000);
        }
        let stored = case.stored(&site, before).await;
        // Twice unseen and once answered is one; the last is a second message.
        assert_eq!(told_apart(&stored), [0, 0, 0, 3], "{path}");
    }
}

#[tokio::test]
async fn who_hangs_up_before_the_answer_is_known_again() {
    let (site, key) = open(|_| ()).await;
    for case in without_times() {
        let before = stored_in(&site, case.topic).await.len();
        site.log.take_and_hang();
        tokio::select! {
            status = case.send(&site, &key, None) => panic!("{} {status}", case.path),
            () = testkit::eventually("it is stored", || async {
                (stored_in(&site, case.topic).await.len() > before).then_some(())
            }) => {}
        }
        site.log.mend();
        for _ in 0..2 {
            case.send(&site, &key, None).await;
        }
        let stored = case.stored(&site, before).await;
        assert_eq!(told_apart(&stored), [0, 0, 2], "{}", case.path);
    }
}

#[tokio::test]
async fn two_projects_do_not_take_each_others_body_for_their_own() {
    let (mut site, key) = open(|_| ()).await;
    let others_key = site.key_of_another().await;
    let [case, ..] = &without_times()[..] else {
        panic!("none")
    };
    site.log.take_and_fail(unavailable());
    case.send(&site, &key, None).await;
    site.log.mend();
    case.send(&site, &others_key, None).await;
    case.send(&site, &key, None).await;
    let mut hashes: Vec<_> = stored_in(&site, case.topic)
        .await
        .into_iter()
        .map(|body| body.body_hash)
        .collect();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 2, "one of each project");
}

/// After an answer that was lost on its way, only the sender knows that it sends again.
#[tokio::test]
async fn an_idempotency_key_tells_what_is_sent_again_from_what_is_new() {
    let (site, key) = open(|_| ()).await;
    for case in without_times() {
        let before = stored_in(&site, case.topic).await.len();
        for name in [Some("one"), Some("one"), Some("two"), None] {
            let status = case.send(&site, &key, name).await;
            assert!(status.is_success(), "{} {status}", case.path);
        }
        let stored = case.stored(&site, before).await;
        assert_eq!(told_apart(&stored), [0, 0, 2, 3], "{}", case.path);
    }
}

#[tokio::test]
async fn with_times_equal_bodies_are_repeats_whatever_they_are_called() {
    let (site, key) = open(|_| ()).await;
    let time = now_ms(&site) - 1_000;
    let metric = json!([{ "name": "a", "value": 1, "timestamp": time }]).to_string();
    let line = json!([{ "message": "x", "timestamp": time }]).to_string();
    let span = json!([{ "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331", "name": "n", "start": time, "duration_ms": 1 }])
    .to_string();
    for case in [
        Case::of(NATIVE, JSON, Topic::TelemetryMetrics, metric),
        Case::of("/api/v1/ingest/logs", JSON, Topic::TelemetryLogs, line),
        Case::of("/api/v1/ingest/traces", JSON, Topic::TelemetryTraces, span),
    ] {
        site.log.take_and_fail(unavailable());
        let status = case.send(&site, &key, None).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{}", case.path);
        site.log.mend();
        for name in [None, Some("one")] {
            let status = case.send(&site, &key, name).await;
            assert_eq!(status, StatusCode::ACCEPTED, "{}", case.path);
        }
        let stored = case.stored(&site, 0).await;
        assert_eq!(told_apart(&stored), [0, 0, 0], "{}", case.path);
    }
}

/// As OpenTelemetry's SDK for Python does, whose gzip has the time of the try.
#[tokio::test]
async fn what_is_packed_anew_for_each_try_is_a_repeat() {
    use std::io::Write as _;
    let (site, key) = open(|_| ()).await;
    let time_ns = (now_ms(&site) - 1_000) * 1_000_000;
    let body = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [
        { "timeUnixNano": time_ns.to_string(), "body": { "stringValue": "x" } },
    ] }] }] });
    let mut sent = vec![(None, body.to_string().into_bytes())];
    for seconds in [1, 2] {
        let head = flate2::GzBuilder::new().mtime(seconds);
        let mut gzip = head.write(Vec::new(), flate2::Compression::fast());
        gzip.write_all(body.to_string().as_bytes()).unwrap();
        sent.push((Some("gzip"), gzip.finish().unwrap()));
    }
    assert_ne!(sent[1], sent[2]);
    for (encoding, body) in &sent {
        let mut headers = vec![("x-api-key", &*key), ("content-type", JSON)];
        headers.extend(encoding.map(|encoding| ("content-encoding", encoding)));
        let told = send(&site, "/v1/logs", &headers, body).await;
        assert_eq!(told.status, StatusCode::OK, "{encoding:?}");
    }
    let stored = stored_in(&site, Topic::TelemetryLogs).await;
    assert_eq!(told_apart(&stored), [0, 0, 0]);
}

#[tokio::test]
async fn a_syslog_message_that_is_stored_again_is_a_repeat() {
    let (site, key) = open(|_| ()).await;
    let (mut socket, _open) = listening(&site, Some(&key)).await;
    site.log.take_and_fail(unavailable());
    socket
        .write_all(b"<14>1 - h a - - - no time\n")
        .await
        .unwrap();
    testkit::eventually("it was stored and refused", || async {
        (site.log.refused() > 0).then_some(())
    })
    .await;
    site.log.mend();
    let stored = testkit::eventually("it was stored again", || async {
        let stored = stored_in(&site, Topic::TelemetryLogs).await;
        (stored.len() > 1).then_some(stored)
    })
    .await;
    assert!(
        told_apart(&stored).iter().all(|first| *first == 0),
        "one message"
    );
}
