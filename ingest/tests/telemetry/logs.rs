//! Logs over every protocol.

use axum::http::StatusCode;
use schemas::topic::Topic;
use serde_json::json;

use crate::site::Site;
use crate::{Told, field, now_ms, open, send, stored_in, varint};

const OTLP: &str = "/v1/logs";
const LOKI: &str = "/loki/api/v1/push";
const BULK: &str = "/_bulk";
const NATIVE: &str = "/api/v1/ingest/logs";
const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

async fn post(site: &Site, key: &str, path: &str, media: &str, body: &[u8]) -> Told {
    let headers = [("x-api-key", key), ("content-type", media)];
    send(site, path, &headers, body).await
}

/// Format, encoding and body of each record.
async fn logs(site: &Site) -> Vec<(String, String, Vec<u8>)> {
    let records = stored_in(site, Topic::TelemetryLogs).await;
    records
        .into_iter()
        .map(|record| (record.format, record.encoding, record.body.to_vec()))
        .collect()
}

fn loki_json(lines: &[(i64, &str)]) -> Vec<u8> {
    let values: Vec<_> = lines
        .iter()
        .map(|(ms, line)| json!([(ms * 1_000_000).to_string(), line]))
        .collect();
    let body = json!({ "streams": [{ "stream": { "app": "shop" }, "values": values }] });
    serde_json::to_vec(&body).unwrap()
}

fn loki_protobuf(time_ms: i64) -> Vec<u8> {
    let mut timestamp = vec![0x08];
    varint(&mut timestamp, (time_ms / 1_000).cast_unsigned());
    let entry = [field(1, &timestamp), field(2, b"hello")].concat();
    let stream = [field(1, b"{app=\"shop\"}"), field(2, &entry)].concat();
    snap::raw::Encoder::new()
        .compress_vec(&field(1, &stream))
        .unwrap()
}

fn otlp_json(times_ms: &[i64]) -> Vec<u8> {
    let records: Vec<_> = times_ms
        .iter()
        .map(|ms| json!({ "timeUnixNano": (ms * 1_000_000).to_string(), "body": { "stringValue": "x" } }))
        .collect();
    let body = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": records }] }] });
    serde_json::to_vec(&body).unwrap()
}

fn otlp_protobuf(time_ms: i64) -> Vec<u8> {
    let mut record = vec![0x09];
    record.extend((time_ms * 1_000_000).to_le_bytes());
    field(1, &field(2, &field(2, &record)))
}

#[tokio::test]
async fn each_body_is_on_the_log_as_it_was_sent() {
    let (site, key) = open(|_| ()).await;
    let now = now_ms(&site);
    let bulk = b"{\"create\":{}}\n{\"message\":\"x\"}\n".to_vec();
    let native = br#"{"logs":[{"message":"x"}]}"#.to_vec();
    let lines = b"{\"message\":\"x\"}\n{\"message\":\"y\"}\n".to_vec();
    let cases = [
        (
            OTLP,
            JSON,
            otlp_json(&[now]),
            "otlp.logs.json",
            StatusCode::OK,
        ),
        (
            OTLP,
            PROTOBUF,
            otlp_protobuf(now),
            "otlp.logs.protobuf",
            StatusCode::OK,
        ),
        (
            LOKI,
            JSON,
            loki_json(&[(now, "x")]),
            "loki.push.json",
            StatusCode::NO_CONTENT,
        ),
        (
            LOKI,
            PROTOBUF,
            loki_protobuf(now),
            "loki.push.protobuf",
            StatusCode::NO_CONTENT,
        ),
        (
            BULK,
            "application/x-ndjson",
            bulk.clone(),
            "elastic.bulk",
            StatusCode::OK,
        ),
        ("/elastic/_bulk", JSON, bulk, "elastic.bulk", StatusCode::OK),
        (
            NATIVE,
            JSON,
            native,
            "native.logs.json",
            StatusCode::ACCEPTED,
        ),
        (
            NATIVE,
            "application/x-ndjson",
            lines,
            "native.logs.json",
            StatusCode::ACCEPTED,
        ),
    ];
    let mut expected = Vec::new();
    for (path, media, body, format, status) in cases {
        let told = post(&site, &key, path, media, &body).await;
        assert_eq!(told.status, status, "{path} {media} {:?}", told.body);
        let encoding = match format {
            "loki.push.protobuf" => "snappy",
            _ => "identity",
        };
        expected.push((format.to_owned(), encoding.to_owned(), body));
    }
    let mut found = logs(&site).await;
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn gzip_is_kept_as_it_was_sent() {
    use std::io::Write as _;
    let (site, key) = open(|_| ()).await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&otlp_json(&[now_ms(&site)])).unwrap();
    let body = gzip.finish().unwrap();
    let headers = [
        ("x-api-key", &*key),
        ("content-type", JSON),
        ("content-encoding", "gzip"),
    ];
    for path in [OTLP, "/otlp/v1/logs"] {
        let told = send(&site, path, &headers, &body).await;
        assert_eq!(told.status, StatusCode::OK, "{path}");
    }
    let expected = ("otlp.logs.json".to_owned(), "gzip".to_owned(), body);
    assert_eq!(logs(&site).await, [expected.clone(), expected]);
}

#[tokio::test]
async fn records_out_of_time_are_told_in_each_protocols_words() {
    let (site, key) = open(|_| ()).await;
    let now = now_ms(&site);
    let told = post(&site, &key, OTLP, JSON, &otlp_json(&[now, 1])).await;
    assert_eq!(told.status, StatusCode::OK);
    let partial = &told.json()["partialSuccess"];
    assert_eq!(partial["rejectedLogRecords"], "1");
    let reason = partial["errorMessage"].as_str().unwrap();
    assert!(
        reason.contains("time 1970-01-01T00:00:00.001000Z is before"),
        "{reason}"
    );

    let body = loki_json(&[(now, "new"), (1, "old")]);
    let told = post(&site, &key, LOKI, JSON, &body).await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST);
    assert!(told.text().starts_with("1 log records were refused"));
    assert_eq!(logs(&site).await.len(), 2, "the others were taken");
}

#[tokio::test]
async fn a_bulk_is_answered_action_by_action() {
    let (site, key) = open(|_| ()).await;
    let body = b"{\"index\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{\"message\":\"x\"}\n\
        {\"delete\":{\"_id\":\"1\"}}\n\
        {\"create\":{}}\n{\"@timestamp\":\"1999-01-01T00:00:00Z\",\"message\":\"old\"}\n";
    let told = post(&site, &key, BULK, "application/x-ndjson", body).await;
    assert_eq!(told.status, StatusCode::OK);
    let answer = told.json();
    assert_eq!(answer["errors"], true);
    let items = answer["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!(
        items[0]["index"],
        json!({ "_index": "a", "_id": "1", "status": 201, "result": "created" })
    );
    assert_eq!(items[1]["delete"]["status"], 400);
    let reason = items[2]["create"]["error"]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("time 1999-01-01T00:00:00.000000Z is before"),
        "{reason}"
    );

    let told = post(
        &site,
        &key,
        BULK,
        "application/x-ndjson",
        b"{\"index\":{}}\n",
    )
    .await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST);
    assert_eq!(told.json()["error"]["type"], "invalid");
    assert_eq!(told.json()["status"], 400);
}

#[tokio::test]
async fn a_stream_too_many_is_named() {
    let (site, key) = open(|settings| settings.allowance.limits.active_streams = 1).await;
    let now = now_ms(&site);
    let record = |service: &str| json!({ "service": service, "message": "x", "timestamp": now });
    let body = json!([record("one"), record("two"), record("one")]).to_string();
    let told = post(&site, &key, NATIVE, JSON, body.as_bytes()).await;
    assert_eq!(told.status, StatusCode::ACCEPTED);
    let answer = told.json();
    assert_eq!(
        (&answer["accepted"], &answer["refused"]),
        (&json!(2), &json!(1))
    );
    let reason = answer["reason"].as_str().unwrap();
    assert!(
        reason.ends_with("its 1 active streams; a new one of service `two` was refused"),
        "{reason}"
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_400_by_field() {
    let (site, key) = open(|_| ()).await;
    for (path, body, why) in [
        (OTLP, "{\"resourceLogs\":7}", "resourceLogs"),
        (LOKI, "{\"streams\":[{\"values\":{}}]}", "streams[0].values"),
        (NATIVE, "{\"logs\":\"x\"}", "logs"),
    ] {
        let told = post(&site, &key, path, JSON, body.as_bytes()).await;
        assert_eq!(told.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(told.text().contains(why), "{path} {}", told.text());
    }
    let told = post(&site, &key, LOKI, PROTOBUF, b"not snappy").await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST);
    assert_eq!(logs(&site).await, []);
}

#[tokio::test]
async fn equal_bodies_are_repeats_only_if_their_records_have_times() {
    let (site, key) = open(|_| ()).await;
    let untimed = br#"{"logs":[{"service":"shop","message":"tick"}]}"#;
    let timed = loki_json(&[(now_ms(&site) - 1_000, "tick")]);
    for _ in 0..2 {
        post(&site, &key, NATIVE, JSON, untimed).await;
        post(&site, &key, LOKI, JSON, &timed).await;
    }
    let records = stored_in(&site, Topic::TelemetryLogs).await;
    let hashes = |format: &str| -> Vec<_> {
        let of_format = records.iter().filter(|record| record.format == format);
        of_format.map(|record| record.body_hash.clone()).collect()
    };
    let (untimed, timed) = (hashes("native.logs.json"), hashes("loki.push.json"));
    assert_eq!((untimed.len(), timed.len()), (2, 2));
    assert_ne!(untimed[0], untimed[1]);
    assert_eq!(timed[0], timed[1]);
}
