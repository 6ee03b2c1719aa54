//! OTLP metrics.

use protocols::metrics::MetricKind;

use crate::encode::Message;
use crate::seen::{Seen, text};

pub(crate) const PROTOBUF: &str = "otlp.metrics.protobuf";
pub(crate) const JSON: &str = "otlp.metrics.json";

/// Sent by the OpenTelemetry SDK for Python 1.45; and the same as protobuf's own
/// library writes it in JSON.
pub(crate) const PYTHON: &[u8] = include_bytes!("../fixtures/metrics/otel-python.binpb");
pub(crate) const PYTHON_JSON: &[u8] = include_bytes!("../fixtures/metrics/otel-python.json");

const EXPECTED: [&str; 11] = [
    r#"cpu_utilization_ratio{cpu="0",instance="pod-1",job="shop/checkout"} [0.25]"#,
    r#"http_server_request_duration_seconds_bucket{http_route="/cart",instance="pod-1",job="shop/checkout",le="+Inf"} [5.0]"#,
    r#"http_server_request_duration_seconds_bucket{http_route="/cart",instance="pod-1",job="shop/checkout",le="0.1"} [1.0]"#,
    r#"http_server_request_duration_seconds_bucket{http_route="/cart",instance="pod-1",job="shop/checkout",le="0.5"} [3.0]"#,
    r#"http_server_request_duration_seconds_bucket{http_route="/cart",instance="pod-1",job="shop/checkout",le="1"} [4.0]"#,
    r#"http_server_request_duration_seconds_count{http_route="/cart",instance="pod-1",job="shop/checkout"} [5.0]"#,
    r#"http_server_request_duration_seconds_sum{http_route="/cart",instance="pod-1",job="shop/checkout"} [4.25]"#,
    r#"orders_total{http_method="GET",instance="pod-1",job="shop/checkout",ok="false"} [2.0]"#,
    r#"orders_total{http_method="POST",instance="pod-1",job="shop/checkout",ok="true"} [3.0]"#,
    r#"queue_length{instance="pod-1",job="shop/checkout"} [5.0]"#,
    r#"target_info{deployment_environment="prod",instance="pod-1",job="shop/checkout",telemetry_sdk_language="python",telemetry_sdk_name="opentelemetry",telemetry_sdk_version="1.45.2"} [1.0]"#,
];

#[test]
fn both_encodings_become_the_series_that_prometheus_makes() {
    let protobuf = Seen::decode(PROTOBUF, PYTHON).unwrap();
    let mut lines = protobuf.lines();
    lines.sort();
    assert_eq!(lines, EXPECTED);
    assert_eq!(protobuf.metadata["orders_total"].1, "Orders placed.");
    let (labels, histograms) = protobuf.histograms.first_key_value().unwrap();
    assert_eq!(
        text(labels),
        r#"queue_wait_milliseconds{instance="pod-1",job="shop/checkout"}"#
    );
    let told = &histograms[0].1;
    assert!(
        told.contains("schema: 4") && told.contains("zero_count: 1.0"),
        "{told}"
    );
    assert!(told.contains("Span { offset: 0, length:"), "{told}");
    assert_eq!(Seen::decode(JSON, PYTHON_JSON).unwrap(), protobuf);
}

fn metric(data: &str) -> Seen {
    let body = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"m","later":[1],{data}}}]}}]}}]}}"#
    );
    Seen::decode(JSON, body.as_bytes()).unwrap()
}

#[test]
fn sums_of_no_temporality_are_left_out_and_named() {
    let seen = metric(r#""sum":{"dataPoints":[{"asInt":"1"},{"asInt":2}]}"#);
    assert_eq!(seen.skipped.items, 2);
    let first = seen.skipped.first.unwrap();
    assert!(first.contains("metric `m` says neither"), "{first}");
    assert!(seen.samples.is_empty());
}

#[test]
fn deltas_are_kept_as_they_are_and_of_no_kind() {
    let seen = metric(
        r#""sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[{"asInt":"3","timeUnixNano":"1000000"},{"asInt":2,"timeUnixNano":"2000000"}]}"#,
    );
    assert_eq!(seen.skipped.items, 0);
    assert_eq!(seen.lines(), ["m_total{} [3.0, 2.0]"]);
    assert_eq!(seen.metadata["m_total"].0, MetricKind::Unknown);

    let seen = metric(
        r#""histogram":{"aggregationTemporality":1,"dataPoints":[{"count":2,"sum":5,"bucketCounts":[1,1],"explicitBounds":[1]}]}"#,
    );
    let mut lines = seen.lines();
    lines.sort();
    assert_eq!(
        lines,
        [
            r#"m_bucket{le="+Inf"} [2.0]"#,
            r#"m_bucket{le="1"} [1.0]"#,
            "m_count{} [2.0]",
            "m_sum{} [5.0]",
        ]
    );
    let seen = metric(
        r#""exponentialHistogram":{"aggregationTemporality":1,"dataPoints":[{"count":1,"scale":1,"positive":{"offset":0,"bucketCounts":[1]}}]}"#,
    );
    let told = &seen.histograms.values().next().unwrap()[0].1;
    assert!(told.contains("reset: Gauge"), "{told}");
}

#[test]
fn a_zero_bucket_of_no_width_that_can_be_is_left_out_and_named() {
    for threshold in ["-1", "\"NaN\"", "\"Infinity\""] {
        let seen = metric(&format!(
            r#""exponentialHistogram":{{"aggregationTemporality":2,"dataPoints":[{{"count":1,"zeroCount":1,"zeroThreshold":{threshold}}}]}}"#
        ));
        assert!(seen.histograms.is_empty(), "{threshold}");
        let first = seen.skipped.first.unwrap();
        assert!(first.contains("has zero threshold"), "{first}");
    }
}

#[test]
fn a_point_without_a_recorded_value_ends_its_series() {
    let seen = metric(r#""gauge":{"dataPoints":[{"timeUnixNano":5000000,"flags":1}]}"#);
    let samples = seen.samples.values().next().unwrap();
    assert_eq!(samples[..], [(5, protocols::metrics::STALE)]);
}

#[test]
fn a_summary_becomes_its_quantiles() {
    let seen = metric(
        r#""summary":{"dataPoints":[{"count":"4","sum":10,"quantileValues":[{"quantile":0.5,"value":2},{"quantile":1,"value":"NaN"}]}]}"#,
    );
    let mut lines = seen.lines();
    lines.sort();
    assert_eq!(
        lines,
        [
            r#"m_count{} [4.0]"#,
            r#"m_sum{} [10.0]"#,
            r#"m{quantile="0.5"} [2.0]"#,
            r#"m{quantile="1"} [NaN]"#,
        ]
    );
}

#[test]
fn exemplars_lie_with_the_bucket_they_fall_into() {
    let seen = metric(
        r#""histogram":{"aggregationTemporality":2,"dataPoints":[{"count":2,"bucketCounts":[1,1],"explicitBounds":[1],
        "exemplars":[{"asDouble":0.5,"timeUnixNano":"1000000","traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174"},
        {"asInt":7,"traceId":"00000000000000000000000000000000","filteredAttributes":[{"key":"a.b","value":{"intValue":1}}]}]}]}"#,
    );
    let told: Vec<_> = seen
        .exemplars
        .iter()
        .map(|(series, labels, value, _)| (text(series), labels.len(), *value))
        .collect();
    assert_eq!(
        told,
        [
            (r#"m_bucket{le="1"}"#.to_owned(), 2, 0.5),
            (r#"m_bucket{le="+Inf"}"#.to_owned(), 1, 7.0),
        ]
    );
    assert_eq!(seen.exemplars[0].1[0].1, "5B8EFFF798038103D269B633813FC60C");
}

#[test]
fn finer_buckets_than_prometheus_has_are_merged() {
    let seen = metric(
        r#""exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"count":6,"scale":9,"positive":{"offset":-2,"bucketCounts":[1,2,3,0]}}]}"#,
    );
    let told = &seen.histograms.values().next().unwrap()[0].1;
    assert!(told.contains("schema: 8"), "{told}");
    assert!(
        told.contains("[Span { offset: 0, length: 2 }], positive: [3.0, 3.0]"),
        "{told}"
    );
}

#[test]
fn what_is_wrong_is_told_by_its_place() {
    let body = br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{},{"name":7}]}]}]}"#;
    let refused = Seen::decode(JSON, body).unwrap_err();
    assert_eq!(
        refused.field,
        "resourceMetrics[0].scopeMetrics[0].metrics[1].name"
    );
}

#[test]
fn a_point_that_cannot_be_read_costs_no_others() {
    let seen = metric(r#""gauge":{"dataPoints":[{"asInt":"7"},{"asInt":"x"}]}"#);
    assert_eq!(
        (seen.lines(), seen.skipped.items),
        (vec!["m{} [7.0]".to_owned()], 1)
    );
    let first = seen.skipped.first.unwrap();
    assert!(
        first.starts_with("a point of metric `m` cannot be read: asInt"),
        "{first}"
    );

    let mut body = Message::default();
    body.message(1, |resource| {
        resource.message(2, |scope| {
            scope.message(2, |metric| {
                metric.bytes(1, b"m");
                metric.message(5, |gauge| {
                    // A field that ends before its length.
                    gauge.bytes(1, &[0x3a, 9, b'x']);
                    gauge.message(1, |point| point.fixed64(4, 7f64.to_bits()));
                });
            });
        });
    });
    let protobuf = Seen::decode(PROTOBUF, &body.0).unwrap();
    assert_eq!(protobuf.samples, seen.samples);
    assert_eq!(protobuf.skipped.items, 1);
}
