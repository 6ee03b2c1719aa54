//! All three signals of a tenant: bodies as they arrive, and everything that the
//! store answers about them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use eventlog::NewRecord;
use eventlog::embedded::Options;
use projections::telemetry::compaction::{Compaction, Done, Pace};
use projections::telemetry::logs::{self, Filter as LogFilter, Query};
use projections::telemetry::metrics::{Limits, Store, Stores};
use projections::telemetry::spans::overview::{self, By};
use projections::telemetry::spans::search::{self, Filter};
use projections::telemetry::spans::{Times, trace};
use promql::source::{MetricStore, Samples, Selection, SeriesSource, SourceError, Which};
use schemas::context::Clock;
use schemas::telemetry::{Telemetry, TelemetryReceived};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use crate::fixture::Bench;
use crate::story::Tenant;

/// A whole hour, in milliseconds.
pub(crate) const START: i64 = 1_793_500_000_000 / HOUR * HOUR;
pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 24 * HOUR;
const NS: i64 = 1_000_000;
/// Signals, as tables and projections are named.
pub(crate) const SIGNALS: [&str; 3] = ["metrics", "logs", "spans"];

/// Answers by question, each in a fixed order.
pub(crate) type Answers = BTreeMap<String, Vec<String>>;

/// A body of this format, as it arrives.
pub(crate) fn received(
    tenant: Tenant,
    topic: Topic,
    format: &str,
    at_ms: i64,
    body: &Value,
) -> NewRecord {
    let body = body.to_string().into_bytes();
    let received = Telemetry::from(TelemetryReceived {
        format: format.to_owned(),
        encoding: "identity".to_owned(),
        received_at: Timestamp::from_micros(at_ms * 1_000),
        body_hash: xxh3_128(&body).to_be_bytes().to_vec(),
        body,
        max_age_ms: Some(900 * DAY),
        refused_runs: Vec::new(),
        active_limit: None,
        origin: None,
    });
    let project = tenant.scope().project().0;
    tenant.event(
        topic,
        "telemetry",
        project,
        (at_ms - START) / 1_000,
        &received,
    )
}

/// Samples of some series; `name` is a metric's name and its points (time, value).
pub(crate) fn samples(tenant: Tenant, at_ms: i64, all: &[(&str, &[(i64, f64)])]) -> NewRecord {
    let metrics: Vec<Value> = all
        .iter()
        .map(|(name, points)| json!({"name": name, "labels": {"instance": "a"}, "samples": points}))
        .collect();
    let body = json!({ "metrics": metrics });
    received(
        tenant,
        Topic::TelemetryMetrics,
        "native.metrics.json",
        at_ms,
        &body,
    )
}

/// A log of small segments, so that retention finds some of them whole.
pub(crate) fn telemetry_options(clock: &Clock) -> impl FnOnce(&Path) -> Options {
    let clock = clock.clone();
    move |dir| Options {
        clock,
        segment_bytes: 64 << 10,
        ..Options::new(dir)
    }
}

/// What arrives at one moment: a scrape, some lines, a trace over two services.
pub(crate) fn bodies(tenant: Tenant, at_ms: i64) -> Vec<NewRecord> {
    let n = (at_ms - START) / 1_000;
    let points = |value: f64| [(at_ms - 2_000, value), (at_ms - 1_000, value + 0.5)];
    let pod = format!("pod_{}", n.rem_euclid(7));
    let scrape = samples(
        tenant,
        at_ms,
        &[
            ("requests_total", &points(n as f64)),
            ("memory_bytes", &points((n * 7919 % 1_000) as f64)),
            (&pod, &points(1.0)),
        ],
    );
    let line = |i: i64| {
        let odd = i % 2 == 1;
        let service = if odd { "debugger" } else { "shop" };
        let level = if odd { "error" } else { "info" };
        let message = format!("order {n} line {i}");
        json!({
            "timestamp": (at_ms - i) * NS, "service": service, "level": level, "message": message,
        })
    };
    let lines = json!({ "logs": (0..6).map(line).collect::<Vec<_>>() });
    let lines = received(
        tenant,
        Topic::TelemetryLogs,
        "native.logs.json",
        at_ms,
        &lines,
    );
    let trace = format!("{:032x}", at_ms as u128 * 0x9E37_79B9_7F4A_7C15);
    let span = |id: i64, parent: Option<i64>, service: &str, kind: &str| {
        json!({
            "trace_id": trace, "span_id": format!("{id:016x}"),
            "parent_id": parent.map(|id| format!("{id:016x}")), "service": service,
            "name": "order", "kind": kind, "start": (at_ms - 1_000) * NS, "duration_ms": 20,
        })
    };
    let half = |spans: Vec<Value>| {
        let body = json!({ "spans": spans });
        received(
            tenant,
            Topic::TelemetryTraces,
            "native.spans.json",
            at_ms,
            &body,
        )
    };
    // The two services send apart.
    vec![
        scrape,
        lines,
        half(vec![
            span(1, None, "shop", "server"),
            span(2, Some(1), "shop", "client"),
        ]),
        half(vec![span(3, Some(2), "pay", "server")]),
    ]
}

/// A day's, an hour's and a moment's late samples, lines and spans.
pub(crate) fn late(tenant: Tenant, at_ms: i64) -> Vec<NewRecord> {
    let points = [DAY, HOUR, 90_000].map(|late| (at_ms - late, late as f64));
    let line = |late: i64| json!({"timestamp": (at_ms - late) * NS, "service": "shop", "message": format!("late by {late} at {at_ms}")});
    let lines = json!({ "logs": [line(DAY), line(HOUR), line(90_000)] });
    let span = |late: i64| {
        json!({
            "trace_id": format!("{:032x}", at_ms - late), "span_id": format!("{late:016x}"),
            "service": "shop", "name": "late", "kind": "server", "start": (at_ms - late) * NS,
            "duration_ms": 5,
        })
    };
    let spans = json!({ "spans": [span(DAY), span(HOUR), span(90_000)] });
    vec![
        samples(tenant, at_ms, &[("requests_total", &points)]),
        received(
            tenant,
            Topic::TelemetryLogs,
            "native.logs.json",
            at_ms,
            &lines,
        ),
        received(
            tenant,
            Topic::TelemetryTraces,
            "native.spans.json",
            at_ms,
            &spans,
        ),
    ]
}

pub(crate) async fn compact(bench: &Bench, at_ms: i64) -> Done {
    let pace = Pace {
        rows_ready: 2,
        ..Pace::default()
    };
    let now = Timestamp::from_micros(at_ms * 1_000);
    let pass = Compaction::new(pace).pass(&bench.db, now).await;
    pass.expect("compacts")
}

/// Everything of a tenant between two times.
pub(crate) async fn answers(bench: &Bench, tenant: Tenant, from_ms: i64, to_ms: i64) -> Answers {
    let stores = Stores::new(bench.db.clone(), Limits::default());
    answers_of(&stores, bench, tenant, from_ms, to_ms).await
}

/// The same from stores that may have answered before.
pub(crate) async fn answers_of(
    stores: &Stores,
    bench: &Bench,
    tenant: Tenant,
    from_ms: i64,
    to_ms: i64,
) -> Answers {
    let (db, scope) = (&bench.db, tenant.scope());
    let mut all = Answers::new();
    let store = stores.of(&scope);
    let samples = all_samples(&store, from_ms, to_ms).await;
    put(&mut all, "samples", samples.expect("answers"));
    let which = Which {
        selectors: Vec::new(),
        from_ms,
        to_ms,
        limit: 10_000,
    };
    put(
        &mut all,
        "series",
        store.series(&which).await.expect("answers"),
    );
    let query = every_record(from_ms, to_ms);
    let records = logs::search(db, &scope, &query, None, 100_000).await;
    put(&mut all, "records", records.expect("answers").records);
    let stats = logs::stats(db, &scope, &query, 60_000 * NS)
        .await
        .expect("answers");
    put(
        &mut all,
        "records by minute",
        stats.buckets.into_iter().filter(|b| b.count > 0).collect(),
    );
    let counted = logs::services(db, &scope, query.from_ns, query.to_ns).await;
    put(&mut all, "log services", counted.expect("answers"));
    let times = Times {
        from_ns: from_ms * NS,
        to_ns: to_ms * NS,
    };
    let filter = every_span(times);
    let listed = search::search(db, &scope, &filter, None, 10_000)
        .await
        .expect("answers");
    let mut traces = Vec::new();
    for one in &listed.items {
        let whole = trace::get(db, &scope, one.trace_id, None)
            .await
            .expect("answers");
        traces.push(whole.expect("a trace that is listed is there").spans);
    }
    put(&mut all, "traces", traces);
    let red = overview::red(db, &scope, times, By::Operation, None, 60).await;
    put(&mut all, "red", red.expect("answers").items);
    let map = overview::service_map(db, &scope, times)
        .await
        .expect("answers");
    put(&mut all, "edges", map.edges);
    put(&mut all, "nodes", map.nodes);
    all
}

/// What of it was known at a time.
pub(crate) async fn known(
    bench: &Bench,
    tenant: Tenant,
    (from_ms, to_ms): (i64, i64),
    as_of_ms: i64,
) -> Answers {
    let (db, scope) = (&bench.db, tenant.scope());
    let mut all = Answers::new();
    let store = Stores::new(db.clone(), Limits::default()).of(&scope);
    let store = store.known_at(Some(as_of_ms));
    // Where only coarse ones are left, that they do not tell.
    let samples = all_samples(&store, from_ms, to_ms).await;
    let samples = samples.unwrap_or_else(|refused| vec![refused.to_string()]);
    put(&mut all, "samples", samples);
    let mut query = every_record(from_ms, to_ms);
    query.filter.known_at(as_of_ms * NS);
    let records = logs::search(db, &scope, &query, None, 100_000).await;
    let records = records.expect("answers").records;
    let stats = logs::stats(db, &scope, &query, 60_000 * NS).await;
    let total = stats.expect("answers").total;
    assert_eq!(total, records.len() as u64, "counted one by one");
    put(&mut all, "records", records);
    let filter = Filter {
        as_of_ns: Some(as_of_ms * NS),
        ..every_span(Times {
            from_ns: from_ms * NS,
            to_ns: to_ms * NS,
        })
    };
    let listed = search::search(db, &scope, &filter, None, 10_000).await;
    let mut traces = Vec::new();
    for one in listed.expect("answers").items {
        let whole = trace::get(db, &scope, one.trace_id, filter.as_of_ns).await;
        let whole = whole.expect("answers").expect("a listed trace is there");
        assert_eq!(one.spans, whole.spans.len() as u64);
        let root = whole.spans.iter().any(|span| span.parent_id.is_none());
        assert_eq!(one.root_arrived, root);
        traces.push(whole.spans);
    }
    put(&mut all, "traces", traces);
    all
}

async fn all_samples(store: &Store, from_ms: i64, to_ms: i64) -> Result<Vec<String>, SourceError> {
    let selection = Selection {
        matchers: Vec::new(),
        from_ms,
        to_ms,
    };
    let mut set = store.select(&selection).await?;
    let (mut found, mut samples) = (Vec::new(), Samples::default());
    while let Some(labels) = set.next(&mut samples)? {
        found.push(format!(
            "{:?} {:?} {:?}",
            labels, samples.times, samples.values
        ));
    }
    Ok(found)
}

fn every_record(from_ms: i64, to_ms: i64) -> Query {
    Query {
        filter: LogFilter::parse("").expect("a filter"),
        from_ns: from_ms * NS,
        to_ns: to_ms * NS,
    }
}

fn every_span(times: Times) -> Filter {
    Filter {
        times,
        service: None,
        operation: None,
        fields: Vec::new(),
        tags: Vec::new(),
        min_duration_ns: None,
        max_duration_ns: None,
        error: None,
        status: None,
        kind: None,
        as_of_ns: None,
    }
}

fn put<T: Debug>(all: &mut Answers, question: &str, found: Vec<T>) {
    let mut found: Vec<String> = found.iter().map(|one| format!("{one:?}")).collect();
    found.sort();
    all.insert(question.to_owned(), found);
}
