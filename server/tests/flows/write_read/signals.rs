//! The three signals as this test sends and asks for them. An item is a sample, a
//! log record, or a trace of two spans; its number is what it says.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::Client;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Metrics,
    Logs,
    Traces,
}

impl Signal {
    pub(crate) const ALL: [Self; 3] = [Self::Metrics, Self::Logs, Self::Traces];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Traces => "traces",
        }
    }

    /// One body with items (number, time) of several lanes.
    pub(crate) fn body(self, lanes: &[(&str, Vec<(usize, i64)>)]) -> Value {
        let all = lanes.iter().flat_map(|(lane, items)| match self {
            Self::Metrics => vec![json!({
                "name": "loop_item",
                "labels": { "lane": lane },
                "samples": items.iter().map(|(n, time)| json!([time, n])).collect::<Vec<_>>(),
            })],
            Self::Logs => items.iter().map(|item| log(lane, *item)).collect(),
            Self::Traces => items.iter().flat_map(|item| trace(lane, *item)).collect(),
        });
        let all: Vec<Value> = all.collect();
        match self {
            Self::Metrics => json!({ "metrics": all }),
            Self::Logs => json!({ "logs": all }),
            Self::Traces => json!({ "spans": all }),
        }
    }

    /// The numbers of all items of a lane between two times (both included); None
    /// where the platform gives no answer now.
    pub(crate) async fn read(
        self,
        client: &Client,
        lane: &str,
        from_ms: i64,
        to_ms: i64,
    ) -> Option<Vec<usize>> {
        match self {
            Self::Metrics => samples(client, lane, from_ms, to_ms).await,
            Self::Logs => logs(client, lane, from_ms, to_ms).await,
            Self::Traces => traces(client, lane, from_ms, to_ms).await,
        }
    }
}

fn service(lane: &str) -> String {
    format!("loop-{lane}")
}

pub(crate) fn time(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms)
        .unwrap()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn log(lane: &str, (n, time_ms): (usize, i64)) -> Value {
    json!({ "service": service(lane), "timestamp": time(time_ms), "message": format!("item {n}") })
}

/// Ids that are spread over their range, as those of tracers are.
fn trace_id(lane: &str, n: usize) -> String {
    let both = (n as u64) << 8 | u64::from(lane.as_bytes()[1]);
    let spread = both.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("{spread:016x}{n:016x}")
}

fn trace(lane: &str, (n, time_ms): (usize, i64)) -> [Value; 2] {
    let span = |id: usize, parent: Option<&str>, kind: &str| {
        json!({
            "trace_id": trace_id(lane, n), "span_id": format!("{id:016x}"), "parent_id": parent,
            "service": service(lane), "name": "item", "kind": kind,
            "start": time(time_ms), "duration_ms": 1,
        })
    };
    let root = format!("{:016x}", 2 * n + 1);
    [
        span(2 * n + 1, None, "server"),
        span(2 * n + 2, Some(&root), "internal"),
    ]
}

async fn ask(client: &Client, path: &str) -> Option<Value> {
    let asked = client.try_send(Method::GET, path, None, None).await;
    let (status, answer) = asked.ok()?;
    match status {
        StatusCode::OK => Some(answer),
        StatusCode::SERVICE_UNAVAILABLE => None,
        _ => panic!("{status} to {path}: {answer}"),
    }
}

async fn samples(client: &Client, lane: &str, from_ms: i64, to_ms: i64) -> Option<Vec<usize>> {
    let (range, at) = (to_ms - from_ms + 1, Duration::from_millis(to_ms as u64));
    let path = format!(
        "/prometheus/api/v1/query?query=loop_item%7Blane%3D%22{lane}%22%7D%5B{range}ms%5D&time={}",
        at.as_secs_f64()
    );
    let answer = ask(client, &path).await?;
    let series = answer["data"]["result"].as_array().unwrap();
    assert!(series.len() <= 1, "a series came twice: {answer}");
    let values = series
        .iter()
        .flat_map(|one| one["values"].as_array().unwrap());
    let number = |value: &Value| value[1].as_str().unwrap().parse().unwrap();
    Some(values.map(number).collect())
}

async fn logs(client: &Client, lane: &str, from_ms: i64, to_ms: i64) -> Option<Vec<usize>> {
    let path = format!(
        "/api/v1/logs?service={}&from={}&to={}&limit=1000",
        service(lane),
        time(from_ms),
        time(to_ms + 1)
    );
    let items = pages(client, &path).await?;
    let number = |item: &Value| {
        let body = item["body"].as_str().unwrap();
        body.strip_prefix("item ").unwrap().parse().unwrap()
    };
    Some(items.iter().map(number).collect())
}

async fn traces(client: &Client, lane: &str, from_ms: i64, to_ms: i64) -> Option<Vec<usize>> {
    let path = format!(
        "/api/v1/traces?service={}&from={}&to={}&limit=200",
        service(lane),
        time(from_ms),
        time(to_ms)
    );
    let items = pages(client, &path).await?;
    let number = |item: &Value| {
        assert_eq!(item["spans"], 2, "a trace is whole: {item}");
        usize::from_str_radix(&item["trace_id"].as_str().unwrap()[16..], 16).unwrap()
    };
    Some(items.iter().map(number).collect())
}

async fn pages(client: &Client, path: &str) -> Option<Vec<Value>> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut page = ask(client, &format!("{path}{cursor}")).await?;
        items.append(page["items"].as_array_mut().unwrap());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Some(items),
        }
    }
}

/// What the rollups have counted of a lane: records, or requests that it served.
pub(crate) async fn counted(client: &Client, signal: Signal, lane: &str, span: (i64, i64)) -> u64 {
    let (from, to) = (time(span.0), time(span.1 + 60_000));
    let path = match signal {
        Signal::Logs => format!("/api/v1/logs/services?from={from}&to={to}"),
        _ => format!("/api/v1/traces/red?by=service&points=1&from={from}&to={to}"),
    };
    let answer = client.get(&path).await;
    let rows = answer["items"].as_array().unwrap().iter();
    rows.filter(|row| row["service"] == service(lane))
        .map(|row| row["count"].as_u64().unwrap())
        .sum()
}
