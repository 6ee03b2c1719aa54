//! `/api/v1/traces` and `/jaeger/api`: what an agent sends is there to ask for.

use axum::http::Method;
use chrono::Duration;
use serde_json::{Value, json};

use crate::app::{App, Person, app};

pub(crate) const TRACE: &str = "000000000000000000000000000000a1";

/// Sends a trace of two services, whose names begin with `word`.
pub(crate) async fn send_trace(app: &App, person: &Person, word: &str) {
    let body = json!({"name": "agent", "scopes": ["ingest"]});
    let key = app
        .post("/api/v1/api-keys", &person.token, body)
        .await
        .json()["key"]
        .clone();
    let start = app.gateway.clock.now().datetime() - Duration::seconds(10);
    let span = |id: &str, parent: Option<&str>, service: &str, kind: &str| {
        json!({
            "trace_id": TRACE, "span_id": id, "parent_id": parent, "name": format!("{service} work"),
            "service": format!("{word}-{service}"), "kind": kind, "start": start.to_rfc3339(), "duration_ms": 12.5,
            "attributes": {"http.route": "/pay"},
        })
    };
    let mut failed = span(
        "0000000000000002",
        Some("0000000000000001"),
        "pay",
        "server",
    );
    failed["status"] = "error".into();
    failed["status_message"] = "declined".into();
    failed["events"] = json!([{"name": "exception", "attributes": {"exception.type": "Declined"}}]);
    let spans = json!({"spans": [span("0000000000000001", None, "shop", "client"), failed]});
    let headers = [("x-api-key", key.as_str().unwrap())];
    let path = "/api/v1/ingest/traces";
    testkit::eventually("the key is known and the trace is taken", || async {
        let answer = app
            .send(Method::POST, path, None, Some(&spans), &headers)
            .await;
        answer.status.is_success().then_some(())
    })
    .await;
    testkit::eventually("the trace is visible", || async {
        let answer = app
            .get(&format!("/api/v1/traces/{TRACE}"), Some(&person.token))
            .await;
        (answer.status.as_u16() == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_found_by_id_and_by_what_it_holds() {
    let app = app!();
    let ada = app.register("Ada").await;
    send_trace(&app, &ada, "x").await;
    let token = Some(ada.token.as_str());
    let trace = app
        .get(&format!("/api/v1/traces/{TRACE}"), token)
        .await
        .with(200);
    assert_eq!(
        (&trace["trace_id"], &trace["truncated"]),
        (&json!(TRACE), &json!(false))
    );
    let span = &trace["spans"][1];
    let expected = json!({
        "span_id": "0000000000000002", "parent_id": "0000000000000001", "service": "x-pay",
        "name": "pay work", "kind": "server", "start": span["start"], "duration_ms": 12.5,
        "duration_ns": 12_500_000, "status": "error", "status_message": "declined",
        "trace_state": "", "scope": "", "fields": {"http.route": "/pay"}, "resource": {},
        "events": [{"time": span["start"], "name": "exception", "fields": {"exception.type": "Declined"}}],
        "links": [],
    });
    assert_eq!(*span, expected);
    let list = async |query: &str| {
        let answer = app.get(&format!("/api/v1/traces?{query}"), token).await;
        answer.with(200)["items"].as_array().unwrap().len()
    };
    assert_eq!(
        list("service=x-pay&error=true&attr=http.route%3D/pay&kind=server&min_duration_ms=12")
            .await,
        1
    );
    assert_eq!(
        list("service=x-pay&operation=pay%20work&max_duration_ms=13").await,
        1
    );
    for none in [
        "service=x-shop&error=true",
        "attr=http.route%3D/cart",
        "min_duration_ms=13",
        "kind=consumer",
        "to=2020-01-01T00:00:00Z",
    ] {
        assert_eq!(list(none).await, 0, "{none}");
    }
    let item = app.get("/api/v1/traces", token).await.with(200)["items"][0].clone();
    assert_eq!(
        (&item["root_service"], &item["spans"], &item["errors"]),
        (&json!("x-shop"), &json!(2), &json!(1))
    );
    assert_eq!(item["services"], json!(["x-pay", "x-shop"]));
    for wrong in [
        "attr=x",
        "kind=x",
        "min_duration_ms=-1",
        "from=2030-01-01T00:00:00Z&to=2029-01-01T00:00:00Z",
        "cursor=x",
    ] {
        app.get(&format!("/api/v1/traces?{wrong}"), token)
            .await
            .with(400);
    }
    for unknown in ["x", "000000000000000000000000000000a2"] {
        app.get(&format!("/api/v1/traces/{unknown}"), token)
            .await
            .with(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_add_up_as_spans_arrive() {
    let app = app!();
    let ada = app.register("Ada").await;
    send_trace(&app, &ada, "x").await;
    let get = async |path: &str| {
        app.get(&format!("/api/v1/traces/{path}"), Some(&ada.token))
            .await
            .with(200)
    };
    let services = get("services").await;
    assert_eq!(
        services["items"][0],
        json!({"service": "x-pay", "spans": 1, "errors": 1})
    );
    let operations = get("operations?service=x-shop").await;
    assert_eq!(operations["items"][0]["operation"], "shop work");
    assert_eq!(operations["items"].as_array().unwrap().len(), 1);
    let red = get("red?points=10").await;
    let pay = red["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["service"] == "x-pay")
        .unwrap()
        .clone();
    assert_eq!(
        (&pay["operation"], &pay["count"], &pay["error_rate"]),
        (&json!("pay work"), &json!(1), &json!(1.0))
    );
    // By the hour, and the minute that has begun; not by what clocks may be ahead.
    let rate = pay["rate"].as_f64().unwrap();
    assert!(rate * 3_661.0 >= 1.0, "{rate}");
    let p95 = pay["p95_ms"].as_f64().unwrap();
    assert!((10.0..16.0).contains(&p95), "{p95}");
    assert_eq!(get("red?by=service").await["items"][0]["operation"], "");
    let map = get("service-map").await;
    assert_eq!(map["nodes"].as_array().unwrap().len(), 2);
    let edge = &map["edges"][0];
    assert_eq!(
        (&edge["client"], &edge["server"], &edge["count"]),
        (&json!("x-shop"), &json!("x-pay"), &json!(1))
    );
    let points = get("durations?service=x-pay").await;
    assert_eq!(points["points"][0]["root_service"], "x-shop");
    app.get("/api/v1/traces/red?by=x", Some(&ada.token))
        .await
        .with(400);
    let refused = app
        .get("/api/v1/traces/red?from=yesterday", Some(&ada.token))
        .await
        .with(400);
    let error = &refused["errors"][0];
    assert_eq!(error["field"], "from");
    assert!(error["message"].as_str().unwrap().contains("`yesterday`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_key_may_ask_and_an_ingest_key_may_not() {
    let app = app!();
    let ada = app.register("Ada").await;
    for (scope, status) in [("read", 200), ("ingest", 403)] {
        let body = json!({"name": scope, "scopes": [scope]});
        let made = app.post("/api/v1/api-keys", &ada.token, body).await.json();
        let key = made["key"].as_str().unwrap().to_owned();
        testkit::eventually("the key is known", || async {
            let answer = app
                .send(
                    Method::GET,
                    "/api/v1/traces",
                    None,
                    None,
                    &[("x-api-key", &key)],
                )
                .await;
            (answer.status.as_u16() == status).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jaegers_page_and_grafana_find_them_too() {
    let app = app!();
    let ada = app.register("Ada").await;
    send_trace(&app, &ada, "x").await;
    let get = async |path: &str| {
        app.get(&format!("/jaeger/api/{path}"), Some(&ada.token))
            .await
    };
    assert_eq!(
        get("services").await.with(200)["data"],
        json!(["x-pay", "x-shop"])
    );
    let operations = get("services/x-pay/operations").await.with(200);
    assert_eq!(operations["data"], json!(["pay work"]));
    let found = get("traces?service=x-pay&operation=pay%20work&tags=%7B%22error%22%3A%22true%22%7D&minDuration=10ms&limit=5").await.with(200);
    let one = get(&format!("traces/{TRACE}")).await.with(200);
    assert_eq!(found["data"], one["data"]);
    let trace = &one["data"][0];
    let span = &trace["spans"][1];
    assert_eq!(
        (&trace["traceID"], &span["operationName"], &span["duration"]),
        (&json!(TRACE), &json!("pay work"), &json!(12_500))
    );
    let reference =
        json!([{"refType": "CHILD_OF", "traceID": TRACE, "spanID": "0000000000000001"}]);
    assert_eq!(span["references"], reference);
    let process = span["processID"].as_str().unwrap();
    assert_eq!(trace["processes"][process]["serviceName"], "x-pay");
    let tags: Vec<&Value> = span["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| &tag["key"])
        .collect();
    assert_eq!(
        tags,
        [
            "http.route",
            "span.kind",
            "otel.status_code",
            "otel.status_description",
            "error"
        ]
    );
    assert_eq!(
        span["logs"][0]["fields"][0],
        json!({"key": "event", "type": "string", "value": "exception"})
    );
    let calls = get("dependencies?lookback=300000").await.with(200);
    assert_eq!(
        calls["data"],
        json!([{"parent": "x-shop", "child": "x-pay", "callCount": 1}])
    );
    let kinds = get("operations?service=x-pay").await.with(200);
    assert_eq!(
        kinds["data"],
        json!([{"name": "pay work", "spanKind": "server"}])
    );
    let kinds = get("operations?service=x-pay&spanKind=client")
        .await
        .with(200);
    assert_eq!(kinds["data"], json!([]));
    let refused = get("operations").await.with(400);
    assert_eq!(
        refused["errors"][0]["msg"],
        "parameter 'service' is required"
    );
    // What people type in Grafana, and the kind, which is a tag in Jaeger.
    for (tags, count) in [
        ("error%3Dtrue%20http.route%3D%2Fpay", 1),
        ("span.kind%3Dserver", 1),
        ("span.kind%3Dclient", 0),
        ("otel.status_code%3DERROR", 1),
        ("otel.status_code%3DOK", 0),
        ("otel.status_description%3Ddeclined", 1),
        ("otel.status_description%3Dother", 0),
        ("event%3Dexception", 1),
        ("exception.type%3DDeclined%20http.route%3D%2Fpay", 1),
        ("exception.type%3Dexception", 0),
        ("otel.scope.name%3Dlib", 0),
        ("%7B%22http.route%22%3A%22%2Fcart%22%7D", 0),
    ] {
        let found = get(&format!("traces?service=x-pay&tags={tags}"))
            .await
            .with(200);
        assert_eq!(found["data"].as_array().unwrap().len(), count, "{tags}");
    }
    let by_id = get(&format!("traces?traceID={TRACE}&traceID=a2"))
        .await
        .with(200);
    assert_eq!(by_id["data"], one["data"]);
    let missing = "000000000000000000000000000000a2";
    let expected = json!([{"msg": "trace not found", "traceID": missing}]);
    assert_eq!(by_id["errors"], expected);
    let unknown = get("traces/00a2").await;
    assert_eq!(
        unknown.with(404)["errors"],
        json!([{"code": 404, "msg": "trace not found"}])
    );
    let refused = get("traces?minDuration=x").await.with(400);
    assert_eq!(
        refused["errors"][0]["msg"],
        "parameter 'minDuration' is not a duration as 1.5s or 100ms: `x`"
    );
    for (wrong, told) in [
        (
            "limit=0",
            "parameter 'limit' is not a number from 1 on: `0`",
        ),
        ("start=2&end=1", "parameter 'start' lies after 'end': `2`"),
    ] {
        let refused = get(&format!("traces?{wrong}")).await.with(400);
        assert_eq!(refused["errors"][0]["msg"], told);
    }
    assert_eq!(get("traces?service=y").await.with(200)["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_are_counted_by_time_and_duration() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    send_trace(&app, &ada, "x").await;
    let get = async |who: &Person, query: &str| {
        let path = format!("/api/v1/traces/heatmap{query}");
        app.get(&path, Some(&who.token)).await.with(200)
    };
    let map = get(&ada, "").await;
    assert_eq!(
        (&map["count"], &map["errors"], &map["complete"]),
        (&json!(2), &json!(1), &json!(true))
    );
    let cell = &map["cells"][0];
    assert_eq!(
        (&cell["min_ms"], &cell["max_ms"], &cell["count"]),
        (&json!(10.0), &json!(20.0), &json!(2))
    );
    let step = map["step_seconds"].as_i64().unwrap();
    let begin = chrono::DateTime::parse_from_rfc3339(cell["time"].as_str().unwrap()).unwrap();
    assert_eq!(begin.timestamp() % step, 0);
    for (query, count) in [
        ("?service=x-pay", 1),
        ("?error=true", 1),
        ("?min_duration_ms=20", 0),
        ("?attr=http.route%3D%2Fpay&columns=10", 2),
    ] {
        assert_eq!(get(&ada, query).await["count"], count, "{query}");
    }
    assert_eq!(get(&eve, "").await["cells"], json!([]));
}
