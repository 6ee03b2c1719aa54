//! `/jaeger/api` asked by what OTLP tells of a span, and `/jaeger/api/v3`.

use axum::http::Method;
use chrono::{Duration, FixedOffset, SecondsFormat};
use serde_json::{Value, json};

use crate::app::{App, Person, app};
use crate::traces::{TRACE, send_trace};

const OTHER: &str = "000000000000000000000000000000b2";

/// Sends a trace of one span over OTLP, with all that can be told of one.
async fn send_otlp(app: &App, person: &Person) {
    let made = json!({"name": "otlp", "scopes": ["ingest"]});
    let made = app.post("/api/v1/api-keys", &person.token, made).await;
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let start = app.gateway.clock.now().datetime() - Duration::seconds(20);
    let start_ns = start.timestamp_nanos_opt().unwrap();
    let text = |key: &str, text: &str| json!({"key": key, "value": {"stringValue": text}});
    let body = json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "cart"), text("zone", "b")]},
        "scopeSpans": [{
            "scope": {"name": "lib", "version": "1.2"},
            "spans": [{
                "traceId": OTHER, "spanId": "00000000000000b1", "name": "GET /cart", "kind": 2,
                "traceState": "a=b",
                "startTimeUnixNano": start_ns.to_string(),
                "endTimeUnixNano": (start_ns + 7_000_001).to_string(),
                "attributes": [{"key": "n", "value": {"intValue": "5"}}],
                "events": [{
                    "name": "exception", "timeUnixNano": (start_ns + 1).to_string(),
                    "attributes": [text("exception.type", "Oops")],
                }],
                "links": [{"traceId": TRACE, "spanId": "0000000000000001"}],
                "status": {"code": 2, "message": "boom"},
            }],
        }],
    }]});
    let headers = [("x-api-key", key.as_str())];
    testkit::eventually("the key is known and the trace is taken", || async {
        let answer = app
            .send(Method::POST, "/v1/traces", None, Some(&body), &headers)
            .await;
        answer.status.is_success().then_some(())
    })
    .await;
    testkit::eventually("the trace is visible", || async {
        let path = format!("/api/v1/traces/{OTHER}");
        let answer = app.get(&path, Some(&person.token)).await;
        (answer.status.as_u16() == 200).then_some(())
    })
    .await;
}

fn encoded(tags: &Value) -> String {
    form_urlencoded::byte_serialize(tags.to_string().as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tag_that_is_shown_finds_its_trace() {
    let app = app!();
    let ada = app.register("Ada").await;
    send_trace(&app, &ada, "x").await;
    send_otlp(&app, &ada).await;
    let get = async |path: &str| {
        let path = format!("/jaeger/api/{path}");
        app.get(&path, Some(&ada.token)).await.with(200)
    };
    let one = get(&format!("traces/{OTHER}")).await;
    let trace = &one["data"][0];
    let span = &trace["spans"][0];
    let mut shown: Vec<&Value> = span["tags"].as_array().unwrap().iter().collect();
    shown.extend(span["logs"][0]["fields"].as_array().unwrap());
    shown.extend(trace["processes"]["p1"]["tags"].as_array().unwrap());
    let names: Vec<_> = shown.iter().map(|tag| &tag["key"]).collect();
    for name in [
        "otel.scope.name",
        "otel.scope.version",
        "w3c.tracestate",
        "event",
        "zone",
        "n",
    ] {
        assert!(names.contains(&&json!(name)), "{names:?}");
    }
    for tag in shown {
        let (name, value) = (tag["key"].as_str().unwrap(), &tag["value"]);
        let with_another = encoded(&json!({"n": 5, (name): value}));
        let found = get(&format!("traces?service=cart&tags={with_another}")).await;
        assert_eq!(found["data"], one["data"], "{tag}");
        // There are no other kinds to ask for.
        if name != "span.kind" {
            let wrong = encoded(&json!({"n": 5, (name): "no such"}));
            let found = get(&format!("traces?tags={wrong}")).await;
            assert_eq!(found["data"], json!([]), "{tag}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_more_than_an_answer_holds_is_told_only_where_there_is_more() {
    let app = app!();
    let ada = app.register("Ada").await;
    send_trace(&app, &ada, "x").await;
    send_otlp(&app, &ada).await;
    for (limit, count) in [("1", 1), ("1500", 2), ("100000", 2)] {
        let path = format!("/jaeger/api/traces?limit={limit}");
        let found = app.get(&path, Some(&ada.token)).await.with(200);
        assert_eq!(found["data"].as_array().unwrap().len(), count, "{limit}");
        assert_eq!(found["errors"], Value::Null, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn version_three_answers_in_the_json_of_otlp() {
    let app = app!();
    let ada = app.register("Ada").await;
    send_trace(&app, &ada, "x").await;
    send_otlp(&app, &ada).await;
    let get = async |path: &str| {
        let path = format!("/jaeger/api/v3/{path}");
        app.get(&path, Some(&ada.token)).await.with(200)
    };
    let services = get("services").await;
    assert_eq!(services, json!({"services": ["cart", "x-pay", "x-shop"]}));
    let server = json!({"operations": [{"name": "GET /cart", "spanKind": "server"}]});
    for query in ["", "&span_kind=server", "&spanKind=server"] {
        let found = get(&format!("operations?service=cart{query}")).await;
        assert_eq!(found, server, "{query}");
    }
    let none = get("operations?service=cart&span_kind=client").await;
    assert_eq!(none, json!({"operations": []}));

    let one = get(&format!("traces/{OTHER}")).await;
    let resource = &one["result"]["resourceSpans"][0];
    let attributes = resource["resource"]["attributes"].as_array().unwrap();
    let service = json!({"key": "service.name", "value": {"stringValue": "cart"}});
    assert!(attributes.contains(&service), "{attributes:?}");
    let scope = &resource["scopeSpans"][0];
    assert_eq!(scope["scope"], json!({"name": "lib", "version": "1.2"}));
    let span = &scope["spans"][0];
    let (start, end) = (&span["startTimeUnixNano"], &span["endTimeUnixNano"]);
    let ns = |text: &Value| text.as_str().unwrap().parse::<i64>().unwrap();
    assert_eq!(ns(end) - ns(start), 7_000_001);
    let expected = json!({
        "traceId": OTHER, "spanId": "00000000000000b1", "traceState": "a=b", "name": "GET /cart",
        "kind": 2, "startTimeUnixNano": start, "endTimeUnixNano": end,
        "attributes": [{"key": "n", "value": {"intValue": "5"}}],
        "events": [{
            "timeUnixNano": (ns(start) + 1).to_string(), "name": "exception",
            "attributes": [{"key": "exception.type", "value": {"stringValue": "Oops"}}],
        }],
        "links": [{"traceId": TRACE, "spanId": "0000000000000001", "attributes": []}],
        "status": {"code": 2, "message": "boom"},
    });
    assert_eq!(*span, expected);
    // Two services of one trace, whose resources were sent without attributes.
    let two = get(&format!("traces/{TRACE}")).await;
    let two = two["result"]["resourceSpans"].as_array().unwrap();
    let named = two.iter().map(|one| &one["resource"]["attributes"]);
    let named: Vec<_> = named.collect();
    let service = |name: &str| json!([{"key": "service.name", "value": {"stringValue": name}}]);
    assert_eq!(named, [&service("x-shop"), &service("x-pay")]);
    let failed = &two[1]["scopeSpans"][0]["spans"][0];
    assert_eq!(failed["parentSpanId"], "0000000000000001");
}

#[tokio::test(flavor = "multi_thread")]
async fn version_three_is_searched_under_its_own_names() {
    let app = app!();
    let ada = app.register("Ada").await;
    send_trace(&app, &ada, "x").await;
    send_otlp(&app, &ada).await;
    let get = async |path: &str| {
        let path = format!("/jaeger/api/v3/{path}");
        app.get(&path, Some(&ada.token)).await.with(200)
    };
    let one = get(&format!("traces/{OTHER}")).await;
    let now = app.gateway.clock.now().datetime();
    // As Grafana writes it: the sign of the zone is not encoded.
    let zone = FixedOffset::east_opt(7_200).unwrap();
    let at = |minutes: i64| {
        let time = (now + Duration::minutes(minutes)).with_timezone(&zone);
        time.to_rfc3339_opts(SecondsFormat::Nanos, false)
    };
    let between = |from: i64, to: i64| {
        let (from, to) = (at(from), at(to));
        format!("query.start_time_min={from}&query.start_time_max={to}")
    };
    let attributes = encoded(&json!({"exception.type": "Oops", "n": "5"}));
    let attributes = format!("query.attributes={attributes}");
    for query in [
        "query.service_name=cart",
        "query.serviceName=cart&query.searchDepth=20",
        "query.operation_name=GET%20%2Fcart&query.search_depth=1",
        "query.duration_min=7ms&query.duration_max=8ms",
        &attributes,
    ] {
        let found = get(&format!("traces?{query}&{}", between(-30, 1))).await;
        assert_eq!(found, one, "{query}");
        let lately = get(&format!("traces?{query}")).await;
        assert_eq!(lately, one, "{query}");
        let before = get(&format!("traces?{query}&{}", between(-30, -20))).await;
        let none = json!({"result": {"resourceSpans": []}});
        assert_eq!(before, none, "{query}");
    }
    let all = get("traces").await;
    let all = all["result"]["resourceSpans"].as_array().unwrap().len();
    assert_eq!(all, 3, "one resource of a trace, two of the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn version_three_refuses_as_a_gateway_to_grpc() {
    let app = app!();
    let ada = app.register("Ada").await;
    let no_time = "is not a time as 2026-11-23T02:41:00Z";
    for (wrong, why) in [
        (
            "traces?query.duration_min=x",
            "'query.duration_min' is not a duration as 1.5s or 100ms: `x`",
        ),
        (
            "traces?query.start_time_max=today",
            &format!("'query.start_time_max' {no_time}: `today`"),
        ),
        (
            "traces?query.attributes=x",
            "'query.attributes' is not a JSON object: `x`",
        ),
        (
            "traces?query.search_depth=0",
            "'query.search_depth' is not a number from 1 on: `0`",
        ),
        (
            "traces/b2?start_time=x",
            &format!("'start_time' {no_time}: `x`"),
        ),
        ("operations", "'service' is required"),
    ] {
        let path = format!("/jaeger/api/v3/{wrong}");
        let refused = app.get(&path, Some(&ada.token)).await.with(400);
        let why = format!("parameter {why}");
        let said = json!({"error": {"grpcCode": 3, "httpCode": 400, "message": why}});
        assert_eq!(refused, said, "{wrong}");
    }
    for unknown in ["00a3", "x"] {
        let path = format!("/jaeger/api/v3/traces/{unknown}");
        let refused = app.get(&path, Some(&ada.token)).await.with(404);
        let why = "trace not found";
        let said = json!({"error": {"grpcCode": 5, "httpCode": 404, "message": why}});
        assert_eq!(refused, said, "{unknown}");
    }
}
