//! What Grafana asks of Loki's API beyond its reference: labels that lines have of their
//! own in numbers, lines thinned out, forms, and answers in the order of Loki's.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::app::{Answer, App, Person, app};
use crate::logs::{found, ingest_key};
use crate::loki::{NS, Pairs, Sent, get, push, query, texts, values};

/// Four lines of three pods: of two the pod is metadata of each line, of one a label of
/// the stream. Each line has a request of its own, and one a level in other letters.
async fn with_pods(app: &App) -> (Person, i64) {
    let ada = app.register("Ada").await;
    let key = ingest_key(app, &ada).await;
    let lines: [Sent<'_>; 4] = [
        (
            30,
            &[],
            "handled level=info n=1",
            json!({"pod": "p-0", "request": "r1"}),
        ),
        (
            25,
            &[],
            "handled level=error n=2",
            json!({"pod": "p-0", "request": "r2", "level": "ERROR"}),
        ),
        (
            20,
            &[],
            "handled level=info n=3",
            json!({"pod": "p-1", "request": "r3"}),
        ),
        (
            15,
            &[("pod", "p-2"), ("kind", "own")],
            "handled level=info n=4",
            json!({"request": "r4"}),
        ),
    ];
    let now_ns = push(app, &key, &lines).await;
    found(app, &ada, "", 4).await;
    (ada, now_ns)
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_keep_the_labels_that_are_named() {
    let app = app!();
    let (ada, now_ns) = with_pods(&app).await;
    let at = now_ns.to_string();
    let pods = |counts: [&str; 3]| {
        let pairs = counts.iter().enumerate();
        let pairs = pairs.map(|(pod, count)| {
            let labels = json!({"pod": format!("p-{pod}")});
            (labels.to_string(), (*count).to_owned())
        });
        pairs.collect::<Vec<_>>()
    };
    let one = |labels: Value, count: &str| (labels.to_string(), count.to_owned());
    #[rustfmt::skip]
    let table = [
        ("sum by (pod) (count_over_time({app=\"shop\"}[1m]))", pods(["2", "1", "1"])),
        ("sum by (pod) (count_over_time({app=\"shop\"} |= \"handled\" [1m]))", pods(["2", "1", "1"])),
        ("sum by (pod) (count_over_time({app=\"shop\"} |= \"\" [1m]))", pods(["2", "1", "1"])),
        ("sum by (pod) (count_over_time({app=\"shop\"} | detected_level=\"info\" [1m]))", pods(["1", "1", "1"])),
        ("sum by (pod) (bytes_over_time({app=\"shop\"}[1m]))", pods(["45", "22", "22"])),
        ("count by (pod) (count_over_time({app=\"shop\"}[1m]))", pods(["2", "1", "1"])),
        ("sum by (pod) (count_over_time({app=\"shop\"}[1m]) > 0)", pods(["2", "1", "1"])),
        ("sum by (pod) (count_over_time({app=\"shop\"}[1m])) / on (pod) sum by (pod) (count_over_time({app=\"shop\"}[1m]))", pods(["1", "1", "1"])),
        ("sum by (pod) (label_replace(count_over_time({app=\"shop\"}[1m]), \"pod\", \"p-$1\", \"pod\", \"p-(.*)\"))", pods(["2", "1", "1"])),
        ("count_over_time({app=\"shop\"} | keep pod [1m])", pods(["2", "1", "1"])),
        ("sum by (kind) (count_over_time({app=\"shop\"}[1m]))", vec![one(json!({"kind": "own"}), "1"), one(json!({}), "3")]),
        ("sum by (request) (count_over_time({kind=\"own\"}[1m]))", vec![one(json!({"request": "r4"}), "1")]),
        ("sum by (service_name, app) (count_over_time({app=\"shop\"}[1m]))", vec![one(json!({"app": "shop", "service_name": "shop"}), "4")]),
        ("sum without (pod, kind, detected_level) (count_over_time({app=\"shop\"}[1m]))", vec![one(json!({"app": "shop", "service_name": "shop"}), "4")]),
        ("sum by (level) (count_over_time({app=\"shop\"}[1m]))", vec![one(json!({"level": "error"}), "1"), one(json!({"level": "info"}), "3")]),
        ("sum by (level) (count_over_time({app=\"shop\"} |= \"\" [1m]))", vec![one(json!({"level": "error"}), "1"), one(json!({"level": "info"}), "3")]),
        ("max by (level) (count_over_time({kind=\"own\"}[1m]))", vec![one(json!({"level": "info"}), "1")]),
    ];
    for (text, expected) in table {
        let asked = [("query", text), ("time", at.as_str())];
        let answer = get(&app, &ada, "query", &asked).await.with(200);
        assert_eq!(values(&answer), expected, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_thinned_out_by_an_interval() {
    let app = app!();
    let (ada, _) = with_pods(&app).await;
    let numbers = |answer: &Value| -> Vec<String> {
        let lines = texts(answer).into_iter();
        lines
            .map(|line| line.rsplit('=').next().unwrap().to_owned())
            .collect()
    };
    for (interval, direction, limit, expected) in [
        ("10s", "forward", "10", vec!["3", "1"]),
        ("10", "backward", "10", vec!["4", "2"]),
        ("10s", "backward", "1", vec!["4"]),
        ("1h", "backward", "10", vec!["4"]),
        ("0", "backward", "10", vec!["4", "3", "2", "1"]),
    ] {
        let asked = [
            ("query", "{app=\"shop\"}"),
            ("interval", interval),
            ("direction", direction),
            ("limit", limit),
        ];
        let answer = get(&app, &ada, "query_range", &asked).await.with(200);
        assert_eq!(numbers(&answer), expected, "{interval} {direction}");
    }
    for (interval, told) in [
        ("x", "interval: `x` is not a duration"),
        ("-1", "interval must be >= 0"),
    ] {
        let asked = [("query", "{app=\"shop\"}"), ("interval", interval)];
        let answer = get(&app, &ada, "query_range", &asked).await;
        assert_eq!((answer.status.as_u16(), &answer.text[..]), (400, told));
    }
}

async fn post(app: &App, who: &Person, path: &str, pairs: Pairs<'_>) -> Answer {
    let request = Request::post(format!("/loki/api/v1/{path}"))
        .header("authorization", format!("Bearer {}", who.token))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(query(pairs)));
    app.call(request.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_are_answered_like_addresses() {
    let app = app!();
    let (ada, now_ns) = with_pods(&app).await;
    let (start, end) = ((now_ns - 60 * NS).to_string(), now_ns.to_string());
    let asked = [
        ("query", "{kind=\"own\"}"),
        ("start", start.as_str()),
        ("end", end.as_str()),
    ];
    for path in [
        "label",
        "label/pod/values",
        "index/stats",
        "index/volume",
        "index/volume_range",
        "patterns",
        "detected_labels",
        "detected_fields",
        "detected_field/n/values",
    ] {
        let mut posted = post(&app, &ada, path, &asked).await.with(200);
        let mut got = get(&app, &ada, path, &asked).await.with(200);
        // How long each took is its own.
        for answer in [&mut posted, &mut got] {
            if let Some(data) = answer["data"].as_object_mut() {
                data.remove("stats");
            }
        }
        assert_eq!(posted, got, "{path}");
    }
    // The form is read: one of four lines is of this kind.
    let stats = post(&app, &ada, "index/stats", &asked).await.with(200);
    assert_eq!(stats["entries"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_is_selected_by_but_not_listed() {
    let app = app!();
    let (ada, _) = with_pods(&app).await;
    let names = get(&app, &ada, "labels", &[]).await.with(200);
    assert_eq!(names["data"], json!(["app", "kind", "pod", "service_name"]));
    let levels = get(&app, &ada, "label/detected_level/values", &[]).await;
    assert_eq!(levels.with(200)["data"], json!(["error", "info"]));
    let asked = [("query", "{app=\"shop\", detected_level=\"error\"}")];
    let lines = get(&app, &ada, "query_range", &asked).await.with(200);
    assert_eq!(texts(&lines), ["handled level=error n=2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn types_come_before_results() {
    let app = app!();
    let (ada, _) = with_pods(&app).await;
    for (path, text) in [
        ("query_range", "{app=\"shop\"}"),
        ("query", "{app=\"shop\"}"),
        ("query", "count_over_time({app=\"shop\"}[1m])"),
        ("index/volume", "{app=\"shop\"}"),
        ("index/volume_range", "{app=\"shop\"}"),
    ] {
        let answer = get(&app, &ada, path, &[("query", text)]).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
        let (kind, result) = (
            answer.text.find("\"resultType\"").unwrap(),
            answer.text.find("\"result\"").unwrap(),
        );
        assert!(kind < result, "{path}: {}", answer.text);
    }
}
