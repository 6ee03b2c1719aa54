//! Traces over OTLP and as our own JSON.

use axum::http::StatusCode;
use schemas::topic::Topic;
use serde_json::json;

use crate::{field, now_ms, open, send, stored_in};

const OTLP: &str = "/v1/traces";
const NATIVE: &str = "/api/v1/ingest/traces";
const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn otlp_json(spans: &[serde_json::Value]) -> Vec<u8> {
    let body = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] });
    serde_json::to_vec(&body).unwrap()
}

fn otlp_protobuf(time_ms: i64) -> Vec<u8> {
    let mut span = [field(1, &[1; 16]), field(2, &[2; 8])].concat();
    span.push(0x39);
    span.extend((time_ms * 1_000_000).to_le_bytes());
    field(1, &field(2, &field(2, &span)))
}

#[tokio::test]
async fn each_body_is_on_the_log_as_it_was_sent() {
    let (site, key) = open(|_| ()).await;
    let now = now_ms(&site);
    let span = json!({ "traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": (now * 1_000_000).to_string() });
    let native = json!([{ "trace_id": TRACE, "span_id": SPAN, "name": "n", "start": now, "duration_ms": 1 }]);
    let native = serde_json::to_vec(&native).unwrap();
    let mut expected = Vec::new();
    for (path, media, body, format, status) in [
        (
            OTLP,
            JSON,
            otlp_json(&[span]),
            "otlp.spans.json",
            StatusCode::OK,
        ),
        (
            OTLP,
            PROTOBUF,
            otlp_protobuf(now),
            "otlp.spans.protobuf",
            StatusCode::OK,
        ),
        (
            NATIVE,
            JSON,
            native,
            "native.spans.json",
            StatusCode::ACCEPTED,
        ),
    ] {
        let headers = [("x-api-key", &*key), ("content-type", media)];
        let told = send(&site, path, &headers, &body).await;
        assert_eq!(told.status, status, "{path} {media} {:?}", told.body);
        expected.push((format.to_owned(), body));
    }
    let stored = stored_in(&site, Topic::TelemetryTraces).await;
    let mut found: Vec<_> = stored
        .into_iter()
        .map(|record| (record.format, record.body.to_vec()))
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn bad_spans_are_rejected_and_the_others_taken() {
    let (site, key) = open(|_| ()).await;
    let time = (now_ms(&site) * 1_000_000).to_string();
    let spans = [
        json!({ "traceId": "12", "spanId": SPAN, "startTimeUnixNano": time }),
        json!({ "traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": "1000000" }),
        json!({ "traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": time }),
    ];
    let headers = [("x-api-key", &*key), ("content-type", JSON)];
    let told = send(&site, OTLP, &headers, &otlp_json(&spans)).await;
    assert_eq!(told.status, StatusCode::OK);
    assert_eq!(told.json()["partialSuccess"]["rejectedSpans"], "2");
    let told = send(&site, OTLP, &headers, &otlp_json(&spans[..1])).await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST, "none is left");
    let message = told.json()["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("resourceSpans[0].scopeSpans[0].spans[0].traceId: \"12\""),
        "{message}"
    );
    assert_eq!(stored_in(&site, Topic::TelemetryTraces).await.len(), 1);
}
