//! What was known at a time: the answers of the store are those of a look at every item
//! and its arrival, wherever the items lie by now.

use std::collections::{BTreeMap, BTreeSet};

use eventlog::NewRecord;
use projections::telemetry::logs::{self, Filter as LogFilter, Query};
use projections::telemetry::metrics::{Limits, Stores};
use projections::telemetry::spans::search::{self, Filter};
use projections::telemetry::spans::{Times, trace};
use promql::source::{MetricStore, Samples, Selection, SeriesSource, SourceError, Which};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use schemas::topic::Topic;
use serde_json::json;
use sqlx::Executor;

use crate::fixture::Bench;
use crate::observed::{DAY, HOUR, START, compact, received, samples};
use crate::story::Tenant;

const NS: i64 = 1_000_000;
/// What arrives this long after its own time is not late, in milliseconds.
const PUNCTUAL: i64 = 30_000;

/// A sample, a line and a span, each by how long before its arrival it was, and of
/// which series and trace.
#[derive(Debug, Clone)]
struct Items {
    /// Since the one before, in milliseconds.
    pause: i64,
    samples: Vec<(u8, i64)>,
    lines: Vec<i64>,
    spans: Vec<(u8, i64)>,
    /// Whether the projections commit afterwards, and whether they are compacted.
    flushed: bool,
    compacted: bool,
}

/// Mostly punctual, also exactly at the limit; sometimes hours late, or early.
fn lateness() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => -60_000..PUNCTUAL,
        2 => PUNCTUAL - 1..PUNCTUAL + 2,
        2 => PUNCTUAL..600_000_i64,
        1 => 0..3 * HOUR,
    ]
}

fn items() -> impl Strategy<Value = Vec<Items>> {
    let one = (
        1_000..600_000_i64,
        prop::collection::vec((0..3_u8, lateness()), 0..12),
        prop::collection::vec(lateness(), 0..6),
        prop::collection::vec((0..4_u8, lateness()), 0..6),
        prop::bool::weighted(0.5),
        prop::bool::weighted(0.2),
    );
    let one = one.prop_map(|(pause, samples, lines, spans, flushed, compacted)| Items {
        pause,
        samples,
        lines,
        spans,
        flushed,
        compacted,
    });
    prop::collection::vec(one, 8..24)
}

/// Everything that was sent, by its own time and by when that counts as there.
#[derive(Debug, Default)]
struct Model {
    arrivals: Vec<i64>,
    /// Of a series and time the first value.
    samples: BTreeMap<(u8, i64), (f64, i64)>,
    lines: Vec<(String, i64)>,
    /// Of a trace, by span.
    spans: BTreeMap<u8, BTreeMap<u64, i64>>,
}

fn there(own_ms: i64, arrival_ms: i64) -> i64 {
    match arrival_ms - own_ms > PUNCTUAL {
        true => arrival_ms,
        false => own_ms,
    }
}

impl Model {
    fn bodies(&mut self, tenant: Tenant, at_ms: i64, items: &Items) -> Vec<NewRecord> {
        let number = self.arrivals.len() as f64;
        self.arrivals.push(at_ms);
        let mut of_series = BTreeMap::<u8, Vec<(i64, f64)>>::new();
        for (series, late) in &items.samples {
            // Few times, so that many come twice.
            let time = (at_ms - late).div_euclid(20_000) * 20_000;
            of_series.entry(*series).or_default().push((time, number));
            let there = there(time, at_ms);
            // Late ones are kept to the second.
            let first = match there == time {
                true => (number, there),
                false => (number, there.div_euclid(1_000) * 1_000),
            };
            self.samples.entry((*series, time)).or_insert(first);
        }
        let names: Vec<String> = of_series.keys().map(|n| format!("series_{n}")).collect();
        let series: Vec<(&str, &[(i64, f64)])> = names
            .iter()
            .map(String::as_str)
            .zip(of_series.values().map(Vec::as_slice))
            .collect();
        let mut lines = Vec::new();
        for late in &items.lines {
            let text = format!("line {}", self.lines.len());
            lines.push(
                json!({"timestamp": (at_ms - late) * NS, "service": "shop", "message": text}),
            );
            self.lines.push((text, there(at_ms - late, at_ms)));
        }
        let mut spans = Vec::new();
        for (trace, late) in &items.spans {
            let known = self.spans.entry(*trace).or_default();
            let id = known.len() as u64 + 1;
            let parent = (id > 1).then(|| format!("{:016x}", 1));
            // A span is over before it is sent: its end is its own time.
            spans.push(json!({
                "trace_id": format!("{:032x}", *trace + 1), "span_id": format!("{id:016x}"),
                "parent_id": parent, "service": "shop", "name": "work", "kind": "server",
                "start": (at_ms - late - 2_000) * NS, "duration_ms": 2_000,
            }));
            known.insert(id, there(at_ms - late, at_ms));
        }
        let logs = json!({ "logs": lines });
        let traces = json!({ "spans": spans });
        vec![
            samples(tenant, at_ms, &series),
            received(
                tenant,
                Topic::TelemetryLogs,
                "native.logs.json",
                at_ms,
                &logs,
            ),
            received(
                tenant,
                Topic::TelemetryTraces,
                "native.spans.json",
                at_ms,
                &traces,
            ),
        ]
    }

    fn known(&self, as_of_ms: i64) -> Known {
        let samples = self.samples.iter().filter(|(_, (_, at))| *at <= as_of_ms);
        let lines = self.lines.iter().filter(|(_, at)| *at <= as_of_ms);
        let traces = self.spans.iter().map(|(trace, spans)| {
            let spans = spans.iter().filter(|(_, at)| **at <= as_of_ms);
            (*trace, spans.map(|(id, _)| *id).collect::<BTreeSet<_>>())
        });
        Known {
            samples: samples
                .map(|((series, time), (value, _))| (*series, *time, value.to_bits()))
                .collect(),
            lines: lines.map(|(text, _)| text.clone()).collect(),
            traces: traces.filter(|(_, spans)| !spans.is_empty()).collect(),
        }
    }
}

#[derive(Debug, PartialEq)]
struct Known {
    samples: BTreeSet<(u8, i64, u64)>,
    lines: BTreeSet<String>,
    traces: BTreeMap<u8, BTreeSet<u64>>,
}

async fn asked(bench: &Bench, stores: &Stores, tenant: Tenant, as_of_ms: i64) -> Known {
    let (db, scope) = (&bench.db, tenant.scope());
    let (from_ms, to_ms) = (START - DAY, START + 2 * DAY);
    let store = stores.of(&scope).known_at(Some(as_of_ms));
    let selection = Selection {
        matchers: Vec::new(),
        from_ms,
        to_ms,
    };
    let mut set = store.select(&selection).await.expect("answers");
    let (mut found, mut samples) = (BTreeSet::new(), Samples::default());
    while let Some(labels) = set.next(&mut samples).expect("decodes") {
        let name = labels.get("__name__").expect("a name");
        let series: u8 = name["series_".len()..].parse().expect("a number");
        let pairs = samples.times.iter().zip(&samples.values);
        found.extend(pairs.map(|(time, value)| (series, *time, value.to_bits())));
    }
    let mut query = Query {
        filter: LogFilter::parse("").expect("a filter"),
        from_ns: from_ms * NS,
        to_ns: to_ms * NS,
    };
    query.filter.known_at(as_of_ms * NS);
    let records = logs::search(db, &scope, &query, None, 10_000).await;
    let records = records.expect("answers").records;
    let filter = Filter {
        times: Times {
            from_ns: from_ms * NS,
            to_ns: to_ms * NS,
        },
        service: None,
        operation: None,
        fields: Vec::new(),
        tags: Vec::new(),
        min_duration_ns: None,
        max_duration_ns: None,
        error: None,
        status: None,
        kind: None,
        as_of_ns: Some(as_of_ms * NS),
    };
    let listed = search::search(db, &scope, &filter, None, 1_000).await;
    let mut traces = BTreeMap::new();
    for one in listed.expect("answers").items {
        let whole = trace::get(db, &scope, one.trace_id, filter.as_of_ns).await;
        let whole = whole.expect("answers").expect("a listed trace is there");
        let ids = whole
            .spans
            .iter()
            .map(|span| u64::from_be_bytes(span.span_id));
        traces.insert(one.trace_id[15] - 1, ids.collect());
    }
    Known {
        samples: found,
        lines: records.into_iter().map(|record| record.body).collect(),
        traces,
    }
}

#[tokio::test]
async fn what_was_known_is_what_had_arrived() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let mut runner = TestRunner::deterministic();
    let stores = Stores::new(bench.db.clone(), Limits::default());
    let (mut held_back, mut at_ms) = (0, START);
    for tenant in (1..=6).map(Tenant) {
        let all = items().new_tree(&mut runner).expect("generates").current();
        let mut model = Model::default();
        let running = bench.run(projections::registry());
        for items in &all {
            at_ms += items.pause;
            let positions = bench.append(model.bodies(tenant, at_ms, items)).await;
            if items.flushed || items.compacted {
                bench.caught_up(&positions).await;
            }
            if items.compacted {
                compact(&bench, at_ms).await;
            }
        }
        let positions = bench
            .append(model.bodies(tenant, at_ms + 1_000, &all[0]))
            .await;
        bench.caught_up(&positions).await;
        running.stop().await;
        let moments = model
            .arrivals
            .iter()
            .flat_map(|at| [at - 1, *at, at + 40_000]);
        let moments: Vec<i64> = moments.step_by(4).chain([at_ms + DAY]).collect();
        let everything = model.known(i64::MAX);
        for level in ["as it came", "compacted"] {
            for as_of_ms in &moments {
                let known = model.known(*as_of_ms);
                let late = model
                    .samples
                    .iter()
                    .filter(|((_, time), (_, at))| time <= as_of_ms && at > as_of_ms);
                held_back += late.count();
                assert_eq!(
                    asked(&bench, &stores, tenant, *as_of_ms).await,
                    known,
                    "{tenant:?} at {as_of_ms}, {level}"
                );
            }
            assert_eq!(
                asked(&bench, &stores, tenant, at_ms + DAY).await,
                everything
            );
            compact(&bench, at_ms + 2 * DAY).await;
        }
    }
    assert!(held_back > 100, "{held_back} samples were late");
}

/// A sample a minute late.
async fn one_late(bench: &Bench, tenant: Tenant) {
    let body = json!({ "metrics": [{
        "name": "cpu", "labels": {}, "samples": [[START, 1.0]],
    }] });
    let running = bench.run(projections::registry());
    let arrival = START + 60_000;
    let record = received(
        tenant,
        Topic::TelemetryMetrics,
        "native.metrics.json",
        arrival,
        &body,
    );
    let positions = bench.append(vec![record]).await;
    bench.caught_up(&positions).await;
    running.stop().await;
}

async fn times(bench: &Bench, as_of_ms: Option<i64>) -> Result<Vec<i64>, SourceError> {
    let store = Stores::new(bench.db.clone(), Limits::default()).of(&Tenant(1).scope());
    let selection = Selection {
        matchers: Vec::new(),
        from_ms: START - 1,
        to_ms: START + HOUR,
    };
    let mut set = store.known_at(as_of_ms).select(&selection).await?;
    let mut samples = Samples::default();
    set.next(&mut samples)?;
    Ok(samples.times)
}

#[tokio::test]
async fn what_does_not_tell_when_it_arrived_is_refused() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    one_late(&bench, Tenant(1)).await;
    compact(&bench, START + 3 * HOUR).await;
    assert_eq!(times(&bench, Some(START + 60_000)).await, Ok(vec![START]));
    assert_eq!(times(&bench, Some(START + 59_999)).await, Ok(vec![]));
    let mut superuser = bench.superuser().await;
    // As it would be had the samples been stored before arrivals were kept: the version
    // is the first byte, the form, without arrivals, the second.
    let mark = "UPDATE telemetry.metrics_l1 SET data = overlay(data PLACING '\\x01'::bytea FROM 1)";
    let form = "UPDATE telemetry.metrics_l1 SET data = overlay(data PLACING '\\x01'::bytea FROM 2)";
    for sql in [mark, form] {
        superuser.execute(sql).await.expect("updates");
    }
    assert_eq!(times(&bench, None).await, Ok(vec![START]));
    let refused = times(&bench, Some(START + DAY)).await;
    assert!(
        matches!(refused, Err(SourceError::NotKept(_))),
        "{refused:?}"
    );
    superuser
        .execute("DELETE FROM telemetry.metrics_l1")
        .await
        .expect("deletes");
    assert_eq!(
        times(&bench, None).await,
        Ok(vec![START]),
        "coarse ones stand in"
    );
    let refused = times(&bench, Some(START + DAY)).await;
    assert!(
        matches!(refused, Err(SourceError::NotKept(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn exemplars_are_known_when_they_arrive() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let exemplar = |at_ms: i64| {
        json!({"timeUnixNano": (at_ms * NS).to_string(), "asDouble": 0.5,
            "traceId": "000102030405060708090a0b0c0d0e0f", "spanId": "0001020304050607"})
    };
    let arrival = START + 60_000;
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{
        "name": "orders", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [{
            "timeUnixNano": (arrival * NS).to_string(), "asDouble": 1.0,
            "exemplars": [exemplar(START), exemplar(arrival)],
        }]},
    }]}]}]});
    let running = bench.run(projections::registry());
    let topic = Topic::TelemetryMetrics;
    let record = received(Tenant(1), topic, "otlp.metrics.json", arrival, &body);
    let positions = bench.append(vec![record]).await;
    bench.caught_up(&positions).await;
    running.stop().await;
    let stores = Stores::new(bench.db.clone(), Limits::default());
    let which = Which {
        selectors: Vec::new(),
        from_ms: START - HOUR,
        to_ms: START + HOUR,
        limit: 10,
    };
    let known = async |as_of_ms: Option<i64>| {
        let store = stores.of(&Tenant(1).scope()).known_at(as_of_ms);
        let found = store.exemplars(&which).await?;
        let all = found.into_iter().flat_map(|(_, exemplars)| exemplars);
        Ok::<_, SourceError>(all.map(|one| one.time_ms).collect::<Vec<_>>())
    };
    assert_eq!(known(None).await, Ok(vec![START, arrival]));
    assert_eq!(known(Some(arrival)).await, Ok(vec![START, arrival]));
    assert_eq!(known(Some(arrival - 1)).await, Ok(vec![]));
}
