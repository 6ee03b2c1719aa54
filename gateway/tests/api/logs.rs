//! `/api/v1/logs`: searched, counted, exported and watched, as agents send them.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures::StreamExt;
use schemas::context::{Clock, Context};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::app::{App, Person, app};

const PATIENCE: Duration = Duration::from_secs(30);

/// An ingest key of the person's project.
pub(crate) async fn ingest_key(app: &App, person: &Person) -> String {
    let body = json!({"name": "agent", "scopes": ["ingest"]});
    let made = app
        .post("/api/v1/api-keys", &person.token, body)
        .await
        .with(201);
    made["key"].as_str().unwrap().to_owned()
}

/// Sends log records as an agent would.
pub(crate) async fn send(app: &App, key: &str, lines: Value) {
    testkit::eventually("ingest takes them", || async {
        let headers = [("x-api-key", key)];
        let body = json!({"logs": lines.clone()});
        let method = axum::http::Method::POST;
        let answer = app
            .send(method, "/api/v1/ingest/logs", None, Some(&body), &headers)
            .await;
        answer.status.is_success().then_some(())
    })
    .await;
}

/// Waits until a search finds so many.
pub(crate) async fn found(app: &App, person: &Person, query: &str, count: usize) -> Vec<Value> {
    testkit::eventually("the records are found", || async {
        let page = app
            .get(&format!("/api/v1/logs{query}"), Some(&person.token))
            .await
            .with(200);
        let items = page["items"].as_array().unwrap().clone();
        (items.len() == count).then_some(items)
    })
    .await
}

fn lines(count: i64) -> Value {
    let now = Context::ambient(&Clock::System).now().datetime();
    let line = |n: i64| {
        let level = ["info", "error"][(n % 2) as usize];
        let service = ["checkout", "cart"][(n % 2) as usize];
        json!({
            "timestamp": (now - chrono::TimeDelta::seconds(count - n)).to_rfc3339(),
            "level": level,
            "service": service,
            "message": format!("order {n} placed"),
            "attributes": {"status": 200 + n},
        })
    };
    (0..count).map(line).collect()
}

/// Somebody with ten lines.
async fn with_lines(app: &App) -> Person {
    let ada = app.register("Ada").await;
    let key = ingest_key(app, &ada).await;
    send(app, &key, lines(10)).await;
    found(app, &ada, "", 10).await;
    ada
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_searched_counted_and_exported() {
    let app = app!();
    let ada = with_lines(&app).await;
    let get = async |path: &str| app.get(path, Some(&ada.token)).await.with(200);
    let page = get("/api/v1/logs?query=level:error%20status:%3E=205&limit=2").await;
    let bodies: Vec<&str> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["body"].as_str().unwrap())
        .collect();
    assert_eq!(bodies, ["order 9 placed", "order 7 placed"]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let path = format!("/api/v1/logs?query=level:error%20status:%3E=205&limit=2&cursor={cursor}");
    let rest = get(&path).await;
    assert_eq!(rest["items"][0]["body"], "order 5 placed");
    assert_eq!(rest["next_cursor"], Value::Null);
    let first = &page["items"][0];
    assert_eq!(first["fields"]["status"], "209");
    assert_eq!(
        (&first["service"], &first["level"]),
        (&json!("cart"), &json!("error"))
    );

    let stats = get("/api/v1/logs/stats?service=cart,checkout&buckets=30").await;
    assert_eq!(
        (&stats["total"], &stats["counts"]["error"]),
        (&json!(10), &json!(5))
    );
    let in_buckets: u64 = stats["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| bucket["count"].as_u64().unwrap())
        .sum();
    assert_eq!(in_buckets, 10);
    let services = get("/api/v1/logs/services").await;
    assert_eq!(services["items"][0]["count"], 5);
    let fields = get("/api/v1/logs/fields").await;
    assert!(
        fields["items"]
            .as_array()
            .unwrap()
            .contains(&json!({"name": "status", "count": 10}))
    );
    let values = get("/api/v1/logs/fields/service?level=info").await;
    assert_eq!(values["items"], json!([{"value": "checkout", "count": 5}]));
    let patterns = get("/api/v1/logs/patterns").await;
    assert_eq!(patterns["items"][0]["pattern"], "order <num> placed");

    let id = first["id"].as_str().unwrap();
    let context = get(&format!("/api/v1/logs/{id}/context?before=1&after=5")).await;
    assert_eq!(context["items"][0]["body"], "order 7 placed");
    assert_eq!(
        (&context["items"][1], &context["index"]),
        (first, &json!(1))
    );

    let file = app
        .get("/api/v1/logs/export?query=placed", Some(&ada.token))
        .await;
    assert_eq!(file.text.lines().count(), 10);
    let line: Value = serde_json::from_str(file.text.lines().next().unwrap()).unwrap();
    assert_eq!(&line, first);
    let csv = app
        .get("/api/v1/logs/export?format=csv", Some(&ada.token))
        .await;
    assert!(csv.text.starts_with("id,time,") && csv.text.lines().count() == 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_read_from_either_end() {
    let app = app!();
    let ada = with_lines(&app).await;
    let read = async |order: &str| {
        let path = format!("/api/v1/logs?order={order}&limit=3");
        let (mut bodies, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let more = cursor.map(|cursor| format!("&cursor={cursor}"));
            let asked = format!("{path}{}", more.unwrap_or_default());
            let page = app.get(&asked, Some(&ada.token)).await.with(200);
            for item in page["items"].as_array().unwrap() {
                bodies.push(item["body"].as_str().unwrap().to_owned());
            }
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return bodies;
            }
        }
    };
    let oldest_first = read("oldest_first").await;
    let expected: Vec<_> = (0..10).map(|n| format!("order {n} placed")).collect();
    assert_eq!(oldest_first, expected);
    let mut newest_first = read("newest_first").await;
    newest_first.reverse();
    assert_eq!(newest_first, expected);
    let page = app
        .get("/api/v1/logs?limit=3", Some(&ada.token))
        .await
        .with(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    let other = format!("/api/v1/logs?order=oldest_first&cursor={cursor}");
    app.get(&other, Some(&ada.token)).await.with(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_named_with_its_place() {
    let app = app!();
    let ada = app.register("Ada").await;
    for (query, field, message) in [
        (
            "query=a%20%22b",
            "query",
            "a quote is not closed at character 3",
        ),
        (
            "query=status:%3E5x",
            "query",
            "`5x` is not a number at character 9",
        ),
        (
            "level=loud",
            "level",
            "`loud` is none of unknown, trace, debug, info, warn, error, fatal",
        ),
        (
            "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            "from",
            "`2026-01-02T00:00:00Z` lies after `to`, `2026-01-01T00:00:00Z`",
        ),
    ] {
        let paths = ["/api/v1/logs", "/api/v1/logs/stats", "/api/v1/logs/export"];
        for path in paths {
            let answer = app
                .get(&format!("{path}?{query}"), Some(&ada.token))
                .await
                .with(400);
            assert_eq!(
                answer["errors"],
                json!([{"field": field, "message": message}])
            );
        }
    }
    app.get("/api/v1/logs?cursor=abc", Some(&ada.token))
        .await
        .with(400);
    app.get("/api/v1/logs/export?format=xml", Some(&ada.token))
        .await
        .with(400);
    app.get("/api/v1/logs/tail", Some(&ada.token))
        .await
        .with(426);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_read_only_with_the_scope_for_it() {
    let app = app!();
    let ada = with_lines(&app).await;
    let agent = ingest_key(&app, &ada).await;
    let body = json!({"name": "reader", "scopes": ["read"]});
    let reader = app
        .post("/api/v1/api-keys", &ada.token, body)
        .await
        .with(201);
    let reader = reader["key"].as_str().unwrap();
    testkit::eventually("the key is known", || async {
        let method = axum::http::Method::GET;
        let answer = app
            .send(method, "/api/v1/logs", None, None, &[("x-api-key", reader)])
            .await;
        answer.status.is_success().then_some(())
    })
    .await;
    let method = axum::http::Method::GET;
    let refused = app
        .send(method, "/api/v1/logs", None, None, &[("x-api-key", &agent)])
        .await;
    assert_eq!(refused.with(403)["rule"], "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_on_sees_what_matches_and_nothing_foreign() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let (key, foreign) = (ingest_key(&app, &ada).await, ingest_key(&app, &eve).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (router, stop) = (app.router.clone(), app.stop.clone());
    tokio::spawn(async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    });
    let url = format!("ws://127.0.0.1:{port}/api/v1/logs/tail?level=error");
    let mut request = url.into_client_request().unwrap();
    let bearer = format!("Bearer {}", ada.token);
    request
        .headers_mut()
        .insert("authorization", bearer.parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    send(&app, &foreign, lines(4)).await;
    send(
        &app,
        &key,
        json!([
            {"level": "info", "message": "quiet"}, {"level": "error", "message": "loud"},
        ]),
    )
    .await;
    let message = loop {
        let message = timeout(PATIENCE, socket.next())
            .await
            .expect("a message in time");
        if let Message::Text(text) = message.unwrap().unwrap() {
            break serde_json::from_str::<Value>(&text).unwrap();
        }
    };
    assert_eq!(message["type"], "log");
    assert_eq!(message["record"]["body"], "loud");
}

#[tokio::test(flavor = "multi_thread")]
async fn grafanas_loki_source_gets_lines_counts_and_labels() {
    let app = app!();
    let ada = with_lines(&app).await;
    let get = async |path: &str, query: &str| {
        let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        app.get(
            &format!("/loki/api/v1/{path}?query={query}"),
            Some(&ada.token),
        )
        .await
    };
    let data = async |path: &str, query: &str| get(path, query).await.with(200)["data"].clone();
    let found = data(
        "query_range",
        "{service_name=~\"ca.*\"} |= \"order\" != \"9\" | status > 203",
    )
    .await;
    assert_eq!(found["resultType"], "streams");
    let lines: Vec<&str> = found["result"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|stream| stream["values"].as_array().unwrap())
        .map(|value| value[1].as_str().unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{found}");
    assert_eq!(found["result"][0]["stream"]["service_name"], "cart");
    let counted = data(
        "query",
        "sum by (level) (count_over_time({service_name!=\"x\"}[1h]))",
    )
    .await;
    let counts: Vec<_> = counted["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|series| {
            (
                series["metric"]["level"].as_str().unwrap(),
                series["value"][1].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(counts, [("error", "5"), ("info", "5")]);
    assert_eq!(
        data("query", "vector(1)+vector(1)").await["result"][0]["value"][1],
        "2"
    );
    assert_eq!(
        data("label/service_name/values", "").await,
        json!(["cart", "checkout"])
    );
    assert!(
        data("labels", "")
            .await
            .as_array()
            .unwrap()
            .contains(&json!("service_name"))
    );
    assert_eq!(
        data("label/service_name/values", "{service_name!=\"cart\"}").await,
        json!(["checkout"])
    );
    let form = |path: &str, pairs: &[(&str, &str)]| {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        let request = Request::post(format!("/loki/api/v1/{path}"))
            .header("authorization", format!("Bearer {}", ada.token))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(body));
        app.call(request.unwrap())
    };
    let posted = form("query", &[("query", "vector(1)+vector(1)")]).await;
    assert_eq!(posted.with(200)["data"]["result"][0]["value"][1], "2");
    let selectors = [
        ("match[]", "{service_name=\"checkout\"}"),
        ("match[]", "{service_name=\"nobody\"}"),
    ];
    let streams = form("series", &selectors).await.with(200)["data"].clone();
    let streams = streams.as_array().unwrap();
    assert!(!streams.is_empty());
    assert!(streams.iter().all(|one| one["service_name"] == "checkout"));
    let refused = form("series", &[("match[]", "rate({a=\"b\"}[1m])")]).await;
    assert_eq!(refused.status.as_u16(), 400);
    let refused = get("query_range", "{a=\"b\"").await;
    assert_eq!(refused.status.as_u16(), 400);
    let told = "parse error at line 1, col 7: syntax error: unexpected $end, expecting } or ,";
    assert_eq!(refused.text, told);
}
