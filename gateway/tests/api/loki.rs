//! `/loki/api/v1` as Loki's reference says it, as far as Grafana's source, its Logs
//! Drilldown and `logcli` ask.

use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use futures::{Stream, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::app::{Answer, App, Person, app};
use crate::logs::{found, ingest_key};

const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const NS: i64 = 1_000_000_000;

/// Seconds ago, labels beside `app`, the line, and metadata of the line.
pub(crate) type Sent<'a> = (i64, &'a [(&'a str, &'a str)], &'a str, Value);

pub(crate) async fn push(app: &App, key: &str, lines: &[Sent<'_>]) -> i64 {
    let now_ns = app.gateway.clock.now().micros() * 1_000;
    let streams: Vec<Value> = lines
        .iter()
        .map(|(ago, labels, line, metadata)| {
            let mut stream = json!({"app": "shop"});
            for (name, value) in *labels {
                stream[name] = json!(value);
            }
            let time = (now_ns - ago * NS).to_string();
            json!({"stream": stream, "values": [[time, line, metadata]]})
        })
        .collect();
    let body = json!({"streams": streams});
    testkit::eventually("ingest takes the lines", || async {
        let headers = [("x-api-key", key)];
        let answer = app
            .send(
                Method::POST,
                "/loki/api/v1/push",
                None,
                Some(&body),
                &headers,
            )
            .await;
        answer.status.is_success().then_some(())
    })
    .await;
    now_ns
}

/// Four lines of two pods, one of them JSON.
async fn with_lines(app: &App) -> (Person, i64) {
    let ada = app.register("Ada").await;
    let key = ingest_key(app, &ada).await;
    let lines: [Sent<'_>; 4] = [
        (
            40,
            &[("pod", "a")],
            "level=info took=100ms size=1KB path=/cart",
            json!({}),
        ),
        (
            30,
            &[("pod", "a")],
            "level=error took=2s size=3KB path=/pay from 10.1.2.3",
            json!({"order": "o1"}),
        ),
        (
            20,
            &[("pod", "b")],
            "level=info took=300ms size=2KB path=/cart",
            json!({}),
        ),
        (
            10,
            &[("pod", "b"), ("kind", "json")],
            "{\"level\":\"warn\",\"http\":{\"status\":502},\"list\":[1]}",
            json!({}),
        ),
    ];
    let now_ns = push(app, &key, &lines).await;
    found(app, &ada, "", 4).await;
    (ada, now_ns)
}

pub(crate) type Pairs<'a> = &'a [(&'a str, &'a str)];

pub(crate) fn query(pairs: Pairs<'_>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

pub(crate) async fn get(app: &App, who: &Person, path: &str, pairs: Pairs<'_>) -> Answer {
    let path = format!("/loki/api/v1/{path}?{}", query(pairs));
    app.get(&path, Some(&who.token)).await
}

/// Texts of lines, the newest first.
pub(crate) fn texts(answer: &Value) -> Vec<String> {
    let streams = answer["data"]["result"].as_array().unwrap();
    let values = streams
        .iter()
        .flat_map(|one| one["values"].as_array().unwrap());
    let mut lines: Vec<(i64, String)> = values
        .map(|value| {
            let time = value[0].as_str().unwrap().parse().unwrap();
            (time, value[1].as_str().unwrap().to_owned())
        })
        .collect();
    lines.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    lines.into_iter().map(|(_, text)| text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_by_the_last_time_brings_each_line_once() {
    let app = app!();
    let (ada, now_ns) = with_lines(&app).await;
    for direction in ["backward", "forward"] {
        let (mut start, mut end) = (now_ns - 100 * NS, now_ns);
        let mut seen = Vec::new();
        for _ in 0..4 {
            let (from, until) = (start.to_string(), end.to_string());
            let asked = [
                ("query", "{app=\"shop\"}"),
                ("direction", direction),
                ("limit", "1"),
                ("start", from.as_str()),
                ("end", until.as_str()),
            ];
            let answer = get(&app, &ada, "query_range", &asked).await.with(200);
            let value = &answer["data"]["result"][0]["values"][0];
            let time: i64 = value[0].as_str().unwrap().parse().unwrap();
            // The start is part of the range, the end is not.
            match direction {
                "backward" => end = time,
                _ => start = time + 1,
            }
            seen.push(time);
        }
        let mut times = seen.clone();
        times.sort_unstable();
        times.dedup();
        assert_eq!(times.len(), 4, "{direction}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_select_and_shape_lines() {
    let app = app!();
    let (ada, _) = with_lines(&app).await;
    #[rustfmt::skip]
    let table = [
        ("{app=\"shop\"} |= \"/cart\" or \"/pay\" != \"info\"", vec!["level=error took=2s size=3KB path=/pay from 10.1.2.3"]),
        ("{app=\"shop\"} |= ip(\"10.0.0.0/8\") | line_format \"x\"", vec!["x"]),
        ("{app=\"shop\"} |> `level=info <_> path=/cart` | logfmt | line_format \"{{.pod}} {{.took}}\"", vec!["b 300ms", "a 100ms"]),
        ("{app=\"shop\"} | logfmt | took > 250ms and size >= 2KB | line_format \"{{.took}}\"", vec!["300ms", "2s"]),
        ("{app=\"shop\", kind=\"json\"} | json | http_status >= 500 | line_format \"{{.http_status}} {{.level}}\"", vec!["502 warn"]),
        ("{app=\"shop\"} | json n=`list[0]` | n = 1 | line_format \"{{.n}}\"", vec!["1"]),
        ("{app=\"shop\"} | pattern `level=<lvl> took=<_> path=<path>` | lvl = \"error\" | line_format \"{{.path}}\"", vec!["/pay from 10.1.2.3"]),
        ("{app=\"shop\"} | regexp `took=(?P<ms>\\d+)ms` | ms != \"\" | label_format slow=`{{.ms}}!` | line_format \"{{.slow}}\"", vec!["300!", "100!"]),
        ("{app=\"shop\"} | order = \"o1\" | line_format \"{{.order}}\"", vec!["o1"]),
        ("{app=\"shop\"} | detected_level = \"warn\" | line_format \"w\"", vec!["w"]),
        ("{app=\"shop\"} | json | __error__ = \"JSONParserErr\" | logfmt | line_format \"{{.level}}\"", vec!["info", "error", "info"]),
    ];
    for (text, expected) in table {
        let answer = get(&app, &ada, "query_range", &[("query", text)])
            .await
            .with(200);
        assert_eq!(texts(&answer), expected, "{text}");
    }
    let forward = [
        ("query", "{app=\"shop\"} | logfmt | drop took"),
        ("direction", "forward"),
        ("limit", "1"),
    ];
    let first = get(&app, &ada, "query_range", &forward).await.with(200);
    let stream = &first["data"]["result"][0]["stream"];
    assert_eq!(
        (&stream["pod"], &stream["path"]),
        (&json!("a"), &json!("/cart"))
    );
    assert_eq!(
        (&stream["took"], &stream["detected_level"]),
        (&Value::Null, &json!("info"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_told_apart_where_asked() {
    let app = app!();
    let (ada, _) = with_lines(&app).await;
    let asked = query(&[("query", "{app=\"shop\"} |= \"/pay\" | logfmt")]);
    let headers = [("x-loki-response-encoding-flags", "categorize-labels")];
    let path = format!("/loki/api/v1/query_range?{asked}");
    let answer = app
        .send(Method::GET, &path, Some(&ada.token), None, &headers)
        .await
        .with(200);
    assert_eq!(
        answer["data"]["encodingFlags"],
        json!(["categorize-labels"])
    );
    let stream = &answer["data"]["result"][0];
    assert_eq!(stream["stream"]["pod"], "a");
    assert_eq!(stream["stream"]["path"], Value::Null);
    let of_line = &stream["values"][0][2];
    assert_eq!(of_line["structuredMetadata"]["order"], "o1");
    assert_eq!(of_line["structuredMetadata"]["detected_level"], "error");
    assert_eq!(of_line["parsed"]["path"], "/pay");
}

/// Values by the labels of their series, as text.
pub(crate) fn values(answer: &Value) -> Vec<(String, String)> {
    let series = answer["data"]["result"].as_array().unwrap();
    let mut found: Vec<_> = series
        .iter()
        .map(|one| {
            (
                one["metric"].to_string(),
                one["value"][1].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_made_of_lines() {
    let app = app!();
    let (ada, now_ns) = with_lines(&app).await;
    let at = now_ns.to_string();
    #[rustfmt::skip]
    let table = [
        ("sum(count_over_time({app=\"shop\"}[1m]))", vec![("{}", "4")]),
        ("sum by (pod) (count_over_time({app=\"shop\"}[1m]))", vec![("{\"pod\":\"a\"}", "2"), ("{\"pod\":\"b\"}", "2")]),
        ("count_over_time({app=\"shop\", kind=\"\"} |= \"info\" [25s])", vec![("{\"app\":\"shop\",\"detected_level\":\"info\",\"pod\":\"b\",\"service_name\":\"shop\"}", "1")]),
        ("sum by (level, detected_level) (count_over_time({app=\"shop\"} | drop __error__ [1m]))",
            vec![("{\"detected_level\":\"error\",\"level\":\"error\"}", "1"), ("{\"detected_level\":\"info\",\"level\":\"info\"}", "2"), ("{\"detected_level\":\"warn\",\"level\":\"warn\"}", "1")]),
        ("sum(rate({app=\"shop\"}[1m])) * 60", vec![("{}", "4")]),
        ("sum(bytes_over_time({app=\"shop\"} |= \"took=100ms\" [1m]))", vec![("{}", "41")]),
        ("max by (pod) (max_over_time({app=\"shop\"} | logfmt | unwrap duration(took) | __error__=\"\" [1m]))", vec![("{\"pod\":\"a\"}", "2"), ("{\"pod\":\"b\"}", "0.3")]),
        ("sum(sum_over_time({app=\"shop\"} | logfmt | unwrap bytes(size) [1m]))", vec![("{}", "6000")]),
        ("quantile_over_time(0.5, {app=\"shop\", kind=\"\"} | logfmt | unwrap duration(took) [1m]) by (app)", vec![("{\"app\":\"shop\"}", "0.3")]),
        ("topk(1, sum by (path) (count_over_time({app=\"shop\"} | logfmt | path!=\"\" [1m])))", vec![("{\"path\":\"/cart\"}", "2")]),
        ("sum(count_over_time({app=\"shop\"} |= \"error\" [1m])) / sum(count_over_time({app=\"shop\"}[1m])) > 0.2", vec![("{}", "0.25")]),
        ("sum(count_over_time({app=\"shop\"}[1m])) > bool 10", vec![("{}", "0")]),
        ("sum(count_over_time({app=\"shop\"}[1m] offset 25s))", vec![("{}", "2")]),
        ("absent_over_time({app=\"gone\"}[1m])", vec![("{\"app\":\"gone\"}", "1")]),
        ("vector(1)+vector(1)", vec![("{}", "2")]),
    ];
    for (text, expected) in table {
        let asked = [("query", text), ("time", at.as_str())];
        let answer = get(&app, &ada, "query", &asked).await.with(200);
        assert_eq!(answer["data"]["resultType"], "vector", "{text}");
        let found = values(&answer);
        let found: Vec<_> = found
            .iter()
            .map(|(m, v)| (m.as_str(), v.as_str()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }
    let literal = get(&app, &ada, "query", &[("query", "1 + 2"), ("time", &at)])
        .await
        .with(200);
    assert_eq!(
        (
            &literal["data"]["resultType"],
            &literal["data"]["result"][1]
        ),
        (&json!("scalar"), &json!("3"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_over_time_stand_at_their_steps() {
    let app = app!();
    let (ada, now_ns) = with_lines(&app).await;
    let (start, end) = ((now_ns - 45 * NS).to_string(), now_ns.to_string());
    let asked = [
        ("query", "sum(count_over_time({app=\"shop\"}[15s]))"),
        ("start", &start),
        ("end", &end),
        ("step", "15"),
    ];
    let answer = get(&app, &ada, "query_range", &asked).await.with(200);
    assert_eq!(answer["data"]["resultType"], "matrix");
    let values = answer["data"]["result"][0]["values"].as_array().unwrap();
    let counts: Vec<&str> = values
        .iter()
        .map(|value| value[1].as_str().unwrap())
        .collect();
    assert_eq!(counts, ["2", "1", "1"], "{values:?}");
    assert!((values[0][0].as_f64().unwrap() - (now_ns / NS - 30) as f64).abs() < 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_took_is_told_with_it() {
    let app = app!();
    let (ada, _) = with_lines(&app).await;
    for (path, query, entries) in [
        ("query_range", "{app=\"shop\"} |= \"cart\"", 2),
        (
            "query_range",
            "{app=\"shop\"} |= \"pay\" | logfmt | took > 1s",
            1,
        ),
        ("query", "count_over_time({pod=\"a\"}[1h])", 2),
        (
            "query",
            "sum(count_over_time({app=\"shop\"} |= \"cart\" [1h]))",
            1,
        ),
        ("index/volume", "{app=\"shop\"}", 1),
    ] {
        let answer = get(&app, &ada, path, &[("query", query)]).await.with(200);
        let told = &answer["data"]["stats"];
        let summary = &told["summary"];
        assert_eq!(summary["totalEntriesReturned"], entries, "{query}: {told}");
        // All four lines may lie in one segment, and numbers may need two looks at it.
        let lines = summary["totalLinesProcessed"].as_u64().unwrap();
        assert!((entries..=8).contains(&lines), "{query}: {told}");
        assert!(
            summary["totalBytesProcessed"].as_u64().unwrap() > 0,
            "{query}: {told}"
        );
        assert!(
            summary["execTime"].as_f64().unwrap() > 0.0,
            "{query}: {told}"
        );
        let chunks = &told["querier"]["store"]["totalChunksDownloaded"];
        assert!(chunks.as_u64().unwrap() > 0, "{query}: {told}");
    }
    let nothing = ("query", "{app=\"no such\"}");
    let answer = get(&app, &ada, "query_range", &[nothing]).await.with(200);
    assert_eq!(
        answer["data"]["stats"]["summary"]["totalEntriesReturned"],
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_and_statistics_are_in_bytes() {
    let app = app!();
    let (ada, _) = with_lines(&app).await;
    let all = ("query", "{app=\"shop\"}");
    let stats = get(&app, &ada, "index/stats", &[all]).await.with(200);
    assert_eq!(
        (&stats["streams"], &stats["entries"]),
        (&json!(3), &json!(4))
    );
    let bytes = stats["bytes"].as_u64().unwrap();
    let volume = get(&app, &ada, "index/volume", &[all]).await.with(200);
    assert_eq!(volume["data"]["resultType"], "vector");
    assert_eq!(
        volume["data"]["result"][0]["metric"],
        json!({"app": "shop"})
    );
    assert_eq!(volume["data"]["result"][0]["value"][1], bytes.to_string());
    let by_pod = get(&app, &ada, "index/volume", &[all, ("targetLabels", "pod")])
        .await
        .with(200);
    assert_eq!(by_pod["data"]["result"].as_array().unwrap().len(), 2);
    let limited = [all, ("targetLabels", "pod"), ("limit", "1")];
    let largest = get(&app, &ada, "index/volume", &limited).await.with(200);
    assert_eq!(largest["data"]["result"].as_array().unwrap().len(), 1);
    let labels = [all, ("aggregateBy", "labels")];
    let of_labels = values(&get(&app, &ada, "index/volume", &labels).await.with(200));
    let names: Vec<&str> = of_labels
        .iter()
        .map(|(metric, _)| metric.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "{\"app\":\"\"}",
            "{\"kind\":\"\"}",
            "{\"pod\":\"\"}",
            "{\"service_name\":\"\"}"
        ]
    );
    let over_time = get(&app, &ada, "index/volume_range", &[all, ("step", "10s")])
        .await
        .with(200);
    assert_eq!(over_time["data"]["resultType"], "matrix");
    let series = over_time["data"]["result"][0]["values"].as_array().unwrap();
    let summed: u64 = series
        .iter()
        .map(|v| v[1].as_str().unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(summed, bytes);
    let wrong = get(&app, &ada, "index/volume", &[all, ("aggregateBy", "x")]).await;
    assert_eq!(
        (wrong.status.as_u16(), &wrong.text[..]),
        (400, "invalid aggregation option: x")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lines_hold_is_detected() {
    let app = app!();
    let (ada, _) = with_lines(&app).await;
    let all = ("query", "{app=\"shop\"}");
    let labels = get(&app, &ada, "detected_labels", &[all]).await.with(200);
    let labels = labels["detectedLabels"].as_array().unwrap();
    assert!(
        labels.contains(&json!({"label": "pod", "cardinality": 2})),
        "{labels:?}"
    );
    let fields = get(&app, &ada, "detected_fields", &[all]).await.with(200);
    let field = |name: &str| {
        let fields = fields["fields"].as_array().unwrap();
        fields
            .iter()
            .find(|one| one["label"] == name)
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(
        field("took"),
        json!({"label": "took", "type": "duration", "cardinality": 3, "parsers": ["logfmt"]})
    );
    assert_eq!(
        field("http_status"),
        json!({"label": "http_status", "type": "int", "cardinality": 1, "parsers": ["json"], "jsonPath": ["http", "status"]})
    );
    assert_eq!(field("order")["parsers"], Value::Null);
    let values = get(&app, &ada, "detected_field/path/values", &[all])
        .await
        .with(200);
    assert_eq!(values["values"], json!(["/cart", "/pay"]));
    let patterns = get(&app, &ada, "patterns", &[all]).await.with(200);
    let first = &patterns["data"][0];
    assert_eq!(first["pattern"], "level=info took=<_> size=<_> path=/cart");
    let counted: u64 = first["samples"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s[1].as_u64().unwrap())
        .sum();
    assert_eq!((counted, &first["level"]), (2, &json!("info")));
}

#[tokio::test(flavor = "multi_thread")]
async fn grafana_learns_who_answers_and_what_it_may_ask() {
    let app = app!();
    let ada = app.register("Ada").await;
    let built = get(&app, &ada, "status/buildinfo", &[]).await.with(200);
    assert!(built["version"].as_str().unwrap().starts_with("3."));
    let limits = get(&app, &ada, "drilldown-limits", &[]).await.with(200);
    assert_eq!(limits["limits"]["volume_enabled"], true);
    assert_eq!(limits["limits"]["max_entries_limit_per_query"], 5000);
    let discovered = &limits["limits"]["discover_service_name"];
    assert_eq!(
        (&discovered[0], &discovered[13]),
        (&json!("service_name"), &json!("k8s_job_name"))
    );
    let older = get(&app, &ada, "label", &[]).await.with(200);
    assert_eq!(older, get(&app, &ada, "labels", &[]).await.with(200));
    // Grafana's alerting knows by these words that there is no ruler.
    for path in ["rules", "rules/test/test", "nothing"] {
        let none = get(&app, &ada, path, &[]).await;
        assert_eq!(none.status.as_u16(), 404, "{path}");
        assert_eq!(none.text, "404 page not found\n", "{path}");
    }
    let ready = app.get("/loki/ready", None).await;
    assert_eq!((ready.status.as_u16(), &ready.text[..]), (200, "ready\n"));
    let text = "sum  by(a)(rate({b=\"c\"}|=\"d\"[5m]))";
    let formatted = get(&app, &ada, "format_query", &[("query", text)])
        .await
        .with(200);
    assert_eq!(
        formatted["data"],
        "sum by (a) (rate({b=\"c\"} |= \"d\" [5m]))"
    );
    let request = Request::post("/loki/api/v1/format_query")
        .header("authorization", format!("Bearer {}", ada.token))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(query(&[("query", text)])));
    let posted = app.call(request.unwrap()).await.with(200);
    assert_eq!(posted, formatted);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_and_limits_are_spelled_as_loki_does() {
    let app = app!();
    let (ada, _) = with_lines(&app).await;
    #[rustfmt::skip]
    let table: [(&str, Pairs<'_>, &str); 12] = [
        ("query_range", &[("query", "{a=\"b\"")], "parse error at line 1, col 7: syntax error: unexpected $end, expecting } or ,"),
        ("query_range", &[("query", "{a=\"b\"}\n |~ \"(\"")], "parse error at line 2, col 5: error parsing regexp: unclosed group"),
        ("query", &[("query", "sum(rate({a=\"b\"}))")], "parse error at line 1, col 17: syntax error: unexpected ), expecting ["),
        ("query", &[("query", "topk(rate({a=\"b\"}[1m]))")], "parse error at line 1, col 5: parameter required for operation topk"),
        ("query", &[("query", "sum_over_time({a=\"b\"}[1m])")], "parse error at line 1, col 14: invalid aggregation sum_over_time without unwrap"),
        ("query_range", &[("query", "")], "parse error at line 1, col 1: syntax error: unexpected $end"),
        ("query_range", &[("query", "{a=\"b\"}"), ("limit", "5001")], "max entries limit per query exceeded, limit > max_entries_limit_per_query (5001 > 5000)"),
        ("query_range", &[("query", "{a=\"b\"}"), ("direction", "sideways")], "invalid direction 'sideways'"),
        ("query_range", &[("query", "rate({a=\"b\"}[1m])"), ("step", "10ms")], "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter"),
        ("query_range", &[("query", "{a=\"b\"}"), ("start", "2"), ("end", "1")], "end is before start"),
        ("format_query", &[("query", "x")], "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"),
        ("detected_fields", &[("line_limit", "9999")], "line_limit > max_entries_limit_per_query (9999 > 5000)"),
    ];
    for (path, pairs, told) in table {
        let answer = get(&app, &ada, path, pairs).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.text[..]),
            (400, told),
            "{path}"
        );
        let kind = answer.headers["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/plain"), "{kind}");
    }
    let unwrapped = [(
        "query",
        "sum_over_time({app=\"shop\"} | logfmt | unwrap path [1m])",
    )];
    let answer = get(&app, &ada, "query", &unwrapped).await;
    assert_eq!(answer.status.as_u16(), 400);
    assert!(
        answer
            .text
            .starts_with("pipeline error: 'SampleExtractionErr' for series: '{"),
        "{}",
        answer.text
    );
}

type Frames = Pin<Box<dyn Stream<Item = Value> + Send>>;

async fn next(frames: &mut Frames) -> Value {
    let frame = timeout(PATIENCE, frames.next()).await;
    frame.expect("a frame in time").unwrap()
}

/// A socket of the tail, over a port of its own.
async fn tailing(app: &App, who: &Person, asked: &str) -> Frames {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (router, stop) = (app.router.clone(), app.stop.clone());
    tokio::spawn(async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    });
    let url = format!("ws://127.0.0.1:{port}/loki/api/v1/tail?{asked}");
    let mut request = url.into_client_request().unwrap();
    let bearer = format!("Bearer {}", who.token);
    request
        .headers_mut()
        .insert("authorization", bearer.parse().unwrap());
    let (socket, _) = connect_async(request).await.unwrap();
    let frames = socket.filter_map(async |message| match message.unwrap() {
        Message::Text(text) => serde_json::from_str::<Value>(&text).ok(),
        _ => None,
    });
    Box::pin(frames)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tails_sees_lines_of_before_and_then_those_that_arrive() {
    let app = app!();
    let (ada, _) = with_lines(&app).await;
    let eve = app.register("Eve").await;
    let (key, foreign) = (ingest_key(&app, &ada).await, ingest_key(&app, &eve).await);
    let asked = query(&[
        ("query", "{app=\"shop\"} | logfmt | path = \"/pay\""),
        ("limit", "50"),
    ]);
    let mut frames = tailing(&app, &ada, &asked).await;
    let before = next(&mut frames).await;
    let line = &before["streams"][0]["values"][0][1];
    assert!(line.as_str().unwrap().contains("path=/pay"), "{before}");
    assert_eq!(before["dropped_entries"], Value::Null);
    push(&app, &foreign, &[(0, &[], "path=/pay foreign", json!({}))]).await;
    push(
        &app,
        &key,
        &[
            (0, &[], "path=/cart", json!({})),
            (0, &[], "path=/pay new", json!({})),
        ],
    )
    .await;
    let arrived = next(&mut frames).await;
    let streams = arrived["streams"].as_array().unwrap();
    assert_eq!(streams.len(), 1, "{arrived}");
    assert_eq!(streams[0]["stream"]["app"], "shop");
    assert_eq!(streams[0]["values"][0][1], "path=/pay new");
    assert!(
        streams[0]["values"][0][0]
            .as_str()
            .unwrap()
            .parse::<i64>()
            .is_ok()
    );

    let wrong = get(&app, &ada, "tail", &[("query", "{a=")]).await;
    assert_eq!(wrong.status.as_u16(), 400);
    let plain = get(&app, &ada, "tail", &[("query", "{a=\"b\"}")]).await;
    assert_eq!(plain.status.as_u16(), 426);
    let late = get(
        &app,
        &ada,
        "tail",
        &[("query", "{a=\"b\"}"), ("delay_for", "6")],
    )
    .await;
    assert_eq!(late.text, "delay_for can't be greater than 5");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_foreign_is_counted_or_detected() {
    let app = app!();
    with_lines(&app).await;
    let eve = app.register("Eve").await;
    let all = ("query", "{app=\"shop\"}");
    let stats = get(&app, &eve, "index/stats", &[all]).await.with(200);
    assert_eq!(
        stats,
        json!({"streams": 0, "chunks": 0, "entries": 0, "bytes": 0})
    );
    for path in ["index/volume", "index/volume_range"] {
        let answer = get(&app, &eve, path, &[all]).await.with(200);
        assert_eq!(answer["data"]["result"], json!([]), "{path}");
    }
    assert_eq!(
        get(&app, &eve, "patterns", &[all]).await.with(200)["data"],
        json!([])
    );
    let labels = get(&app, &eve, "detected_labels", &[all]).await.with(200);
    assert_eq!(labels["detectedLabels"], json!([]));
    let fields = get(&app, &eve, "detected_fields", &[all]).await.with(200);
    assert_eq!(fields["fields"], json!([]));
    let counted = [("query", "sum(count_over_time({app=\"shop\"}[1h]))")];
    assert_eq!(
        values(&get(&app, &eve, "query", &counted).await.with(200)),
        []
    );
}
