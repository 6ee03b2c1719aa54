use protocols::spans::{SpanKind, SpanStatus};

use crate::collected::{NOW, all_spans, id, pairs, spans};

const PYTHON: &[u8] = include_bytes!("../fixtures/otlp/traces-python.binpb");
const JS: &[u8] = include_bytes!("../fixtures/otlp/traces-js.json");

#[test]
fn reads_what_the_python_sdk_sends() {
    let spans = all_spans("otlp.spans.protobuf", PYTHON);
    let names: Vec<_> = spans.iter().map(|span| &*span.record.name).collect();
    assert_eq!(names, ["SELECT orders", "POST /orders"]);
    let (query, order) = (&spans[0].record, &spans[1].record);
    assert_eq!(spans[0].service, "checkout");
    assert_eq!(query.kind, SpanKind::Client);
    assert_eq!(query.parent_id, Some(order.span_id));
    assert_eq!(
        (query.start_ns, query.duration_ns),
        (NOW + 1_000_000, 2_500_000)
    );
    assert_eq!(order.trace_id, id("5b8efff798038103d269b633813fc60c"));
    assert_eq!(order.parent_id, Some(id("00f067aa0ba902b7")));
    assert_eq!(order.kind, SpanKind::Server);
    assert_eq!(
        (order.status, &*order.status_message),
        (SpanStatus::Error, "db: no answer")
    );
    assert_eq!(order.trace_state, "vendor=x1");
    assert_eq!(order.scope, "checkout.http");
    let expected = [
        ("http.request.method", "POST"),
        ("http.response.status_code", "500"),
        ("cart.total", "12.5"),
        ("retry", "true"),
        ("items", "[\"a\",\"b\"]"),
        ("sizes", "[1,2]"),
        ("otel.scope.version", "2.0.1"),
    ];
    assert_eq!(pairs(&order.fields), pairs(&expected));
    assert_eq!(order.events.len(), 1);
    assert_eq!(order.events[0].name, "exception");
    assert_eq!(order.events[0].time_ns, NOW + 4_000_000);
    let expected = [
        ("exception.type", "Timeout"),
        ("exception.message", "db: no answer"),
    ];
    assert_eq!(pairs(&order.events[0].fields), pairs(&expected));
    assert_eq!(order.links.len(), 1);
    assert_eq!(
        order.links[0].trace_id,
        id("0af7651916cd43dd8448eb211c80319c")
    );
    assert_eq!(pairs(&order.links[0].fields), pairs(&[("reason", "retry")]));
}

#[test]
fn reads_what_the_javascript_sdk_sends() {
    let spans = all_spans("otlp.spans.json", JS);
    assert_eq!(spans.len(), 2);
    let (publish, get) = (&spans[0].record, &spans[1].record);
    assert_eq!(spans[1].service, "frontend");
    assert_eq!(publish.kind, SpanKind::Producer);
    assert_eq!(publish.parent_id, Some(get.span_id));
    assert_eq!(publish.events[0].time_ns, 1_790_000_001_251_500_000);
    assert_eq!(pairs(&publish.events[0].fields), pairs(&[("bytes", "128")]));
    assert_eq!((get.kind, get.status), (SpanKind::Server, SpanStatus::Ok));
    assert_eq!((get.parent_id, get.duration_ns), (None, 10_000_000));
    assert_eq!(get.links[0].span_id, id("eee19b7ec3c1b174"));
    assert_eq!(&*get.scope, "frontend.web");
    let version = ("otel.scope.version".to_owned(), "3.0.0".to_owned());
    assert!(pairs(&get.fields).contains(&version), "{:?}", get.fields);
}

#[test]
fn a_span_without_an_id_is_left_out_and_named() {
    let body = br#"{"resourceSpans": [{"scopeSpans": [{"spans": [
        {"traceId": "00000000000000000000000000000000", "startTimeUnixNano": "1"},
        {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331",
         "startTimeUnixNano": "20", "endTimeUnixNano": "10", "kind": 77, "name": "late"},
        {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"}
    ]}]}]}"#;
    let (spans, skipped) = spans("otlp.spans.json", body).unwrap();
    assert_eq!(spans.len(), 1);
    let span = &spans[0].record;
    assert_eq!((span.start_ns, span.duration_ns), (20, 0));
    assert_eq!(span.kind, SpanKind::Unspecified);
    assert_eq!(skipped.items, 2);
    let first = skipped.first.unwrap();
    assert!(
        first.starts_with("resourceSpans[0].scopeSpans[0].spans[0].traceId: \"0000"),
        "{first}"
    );
}
