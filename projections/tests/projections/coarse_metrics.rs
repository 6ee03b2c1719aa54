//! Metrics whose samples are past their time answer from their 5 minutes, and later
//! from their hours, as they answered before.

use std::collections::BTreeMap;

use eventlog::NewRecord;
use projections::telemetry::metrics::{Limits, Stores};
use projections::telemetry::retention;
use promql::{Engine, Options, Sample, Value};
use schemas::time::Timestamp;

use crate::fixture::Bench;
use crate::observed::{DAY, HOUR, START, compact, samples};
use crate::story::Tenant;

const OURS: Tenant = Tenant(1);
const HOURS: i64 = 4;

/// Values by labels and step.
type Found = BTreeMap<(String, i64), f64>;

/// A scrape every 15 s: a counter that is reset now and then, and a gauge.
fn scrapes() -> Vec<NewRecord> {
    let mut total = 0.0;
    let mut records = Vec::new();
    for minute in 0..HOURS * 60 {
        let (mut counter, mut gauge) = (Vec::new(), Vec::new());
        for n in minute * 4..minute * 4 + 4 {
            let time = START + n * 15_000 + 7_000;
            total = if n % 517 == 400 {
                3.0
            } else {
                total + (n * 31 % 17) as f64
            };
            counter.push((time, total));
            gauge.push((time, ((n * 7919) % 1_000) as f64 / 8.0));
        }
        let at_ms = START + (minute + 1) * 60_000;
        records.push(samples(
            OURS,
            at_ms,
            &[("total", &counter), ("gauge", &gauge)],
        ));
    }
    records
}

async fn evaluate(stores: &Stores, query: &str, step_ms: i64) -> Found {
    let store = stores.of(&OURS.scope());
    let range = (START + HOUR, START + HOURS * HOUR);
    let answered = Engine::default()
        .range(&store, query, range, step_ms, Options::default())
        .await;
    let Value::Matrix(series) = answered.expect(query).value else {
        panic!("{query} gives no matrix");
    };
    let mut found = Found::new();
    for (labels, points) in series {
        for (time, sample) in points {
            if let Sample::Float(value) = sample {
                found.insert((format!("{labels:?}"), time), value);
            }
        }
    }
    found
}

/// Functions over whole hours, and over five minutes.
fn queries(range: &str) -> Vec<String> {
    let over_time = ["sum", "count", "avg", "min", "max", "last", "present"];
    let over_time = over_time.iter().flat_map(|name| {
        ["total", "gauge"].map(|metric| format!("{name}_over_time({metric}[{range}])"))
    });
    let counters = ["rate", "increase"].map(|name| format!("{name}(total[{range}])"));
    let mut all: Vec<String> = over_time.chain(counters).collect();
    all.push("total".to_owned());
    all.push("sum(gauge)".to_owned());
    all
}

fn near(a: &Found, b: &Found) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|((at, a), (other, b))| {
            at == other && (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
        })
}

async fn retain(bench: &Bench, days: i64) {
    let at = Timestamp::from_micros((START + days * DAY) * 1_000);
    retention::pass(&bench.db, at).await.expect("retains");
}

async fn rows(bench: &Bench, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(&mut bench.superuser().await)
        .await
        .expect("counts")
}

#[tokio::test]
async fn what_is_gone_is_answered_from_what_is_kept_of_it() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let running = bench.run(projections::registry());
    let positions = bench.append(scrapes()).await;
    bench.caught_up(&positions).await;
    running.stop().await;
    compact(&bench, START + (HOURS + 1) * HOUR).await;
    let stores = Stores::new(bench.db.clone(), Limits::default());
    let plans = [("1h", HOUR), ("5m", 300_000)];
    let mut told = Vec::new();
    for (range, step_ms) in plans {
        for query in queries(range) {
            let found = evaluate(&stores, &query, step_ms).await;
            assert!(!found.is_empty(), "{query}");
            told.push((query, range, step_ms, found));
        }
    }
    let raw = "SELECT count(*) FROM telemetry.metrics_l1";
    retain(&bench, 30).await;
    assert!(rows(&bench, raw).await > 0);
    retain(&bench, 31).await;
    assert_eq!(rows(&bench, raw).await, 0, "the samples are gone");
    for (query, _, step_ms, before) in &told {
        let found = evaluate(&stores, query, *step_ms).await;
        assert!(
            near(&found, before),
            "{query} by {step_ms}: {before:?} then {found:?}"
        );
    }
    retain(&bench, 91).await;
    let fine = "SELECT count(*) FROM telemetry.metrics_coarse WHERE resolution = 300";
    assert_eq!(rows(&bench, fine).await, 0, "the 5 minutes are gone");
    for (query, _, step_ms, before) in told.iter().filter(|(_, range, ..)| *range == "1h") {
        let found = evaluate(&stores, query, *step_ms).await;
        assert!(
            near(&found, before),
            "{query} by {step_ms}: {before:?} then {found:?}"
        );
    }
    retain(&bench, 401).await;
    let left = "SELECT (SELECT count(*) FROM telemetry.metrics_coarse)
                     + (SELECT count(*) FROM telemetry.metric_series)";
    assert_eq!(rows(&bench, left).await, 0);
}

#[tokio::test]
async fn coarse_metrics_stand_for_every_sample() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let running = bench.run(projections::registry());
    let positions = bench.append(scrapes()).await;
    bench.caught_up(&positions).await;
    running.stop().await;
    compact(&bench, START + (HOURS + 1) * HOUR).await;
    let samples = rows(
        &bench,
        "SELECT sum(items)::bigint FROM telemetry.metrics_l1",
    )
    .await;
    for resolution in ["300", "3600"] {
        let sql = format!(
            "SELECT sum(items)::bigint FROM telemetry.metrics_coarse WHERE resolution = {resolution}"
        );
        let stood_for: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&mut bench.superuser().await)
            .await
            .expect("counts");
        assert_eq!(stood_for, samples, "{resolution}");
    }
}

/// Keeps a metric's samples for so many days.
async fn rule(bench: &Bench, metric: &str, days: i16) {
    sqlx::query(
        "INSERT INTO telemetry.retention (tenant_id, project_id, signal, stream, class)
         VALUES ($1, $2, 'metrics', $3, $4)",
    )
    .bind(OURS.id(1))
    .bind(OURS.id(2))
    .bind(metric)
    .bind(days)
    .execute(bench.db.writer())
    .await
    .expect("inserts");
}

/// Questions about one of the metrics, with their answers.
async fn about(stores: &Stores, metric: &str) -> Vec<Found> {
    let mut all = Vec::new();
    for (range, step_ms) in [("1h", HOUR), ("5m", 300_000)] {
        for function in ["sum_over_time", "count_over_time"] {
            let query = format!("{function}({metric}[{range}])");
            all.push(evaluate(stores, &query, step_ms).await);
        }
    }
    all
}

fn all_near(a: &[Found], b: &[Found]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b))
}

#[tokio::test]
async fn what_is_kept_of_a_series_outlives_changes_of_others_in_its_hours() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    rule(&bench, "total", 1).await;
    let positions = bench.append(scrapes()).await;
    bench.project(&positions).await;
    compact(&bench, START + (HOURS + 1) * HOUR).await;
    let stores = Stores::new(bench.db.clone(), Limits::default());
    let (total, gauge) = (about(&stores, "total").await, about(&stores, "gauge").await);
    assert!(total.iter().chain(&gauge).all(|found| !found.is_empty()));
    retain(&bench, 2).await;
    assert!(
        all_near(&about(&stores, "total").await, &total),
        "its samples are gone"
    );

    // A sample that comes when the others of its series are gone and those of its
    // neighbour are not.
    let (at_ms, time) = (START + 2 * DAY, START + 2 * HOUR + 1);
    let late = samples(OURS, at_ms, &[("total", &[(time, 1.0)])]);
    let positions = bench.append(vec![late]).await;
    bench.project(&positions).await;
    while compact(&bench, at_ms + HOUR).await.merged > 0 {}
    retain(&bench, 2).await;
    let found = about(&stores, "total").await;
    assert!(all_near(&found, &total), "{total:?} then {found:?}");
    assert!(all_near(&about(&stores, "gauge").await, &gauge));

    // Then the neighbour comes into the same class, and its samples go too.
    rule(&bench, "gauge", 1).await;
    while compact(&bench, at_ms + 2 * HOUR).await.merged > 0 {}
    retain(&bench, 2).await;
    assert_eq!(
        rows(&bench, "SELECT count(*) FROM telemetry.metrics_l1").await,
        0
    );
    for (metric, before) in [("total", &total), ("gauge", &gauge)] {
        let found = about(&stores, metric).await;
        assert!(
            all_near(&found, before),
            "{metric}: {before:?} then {found:?}"
        );
    }
}
