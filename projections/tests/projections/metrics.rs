//! Metrics from the log to a query: each sample once, whatever level holds it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eventlog::{NewRecord, Position};
use projections::runtime::Projection;
use projections::telemetry::compaction::{Compaction, Done, Pace};
use projections::telemetry::metrics::{Limits, Metrics, Store, Stores};
use projections::telemetry::retention;
use promql::source::{Comparison, Matcher, MetricStore, Samples, Selection, SeriesSource, Which};
use schemas::telemetry::{Telemetry, TelemetryReceived};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use crate::fixture::{Bench, LINGER, Running};
use crate::story::Tenant;

/// A whole hour, in milliseconds.
const START: i64 = 1_793_500_000_000 / 3_600_000 * 3_600_000;
const HOUR: i64 = 3_600_000;

/// Samples by the text of their labels.
type Answer = BTreeMap<String, Vec<(i64, f64)>>;

/// A body that arrives at `at_ms`.
fn body(tenant: Tenant, at_ms: i64, metrics: Value) -> NewRecord {
    let body = json!({ "metrics": metrics }).to_string().into_bytes();
    let received = TelemetryReceived {
        format: "native.metrics.json".to_owned(),
        encoding: "identity".to_owned(),
        received_at: Timestamp::from_micros(at_ms * 1_000),
        body_hash: xxh3_128(&body).to_be_bytes().to_vec(),
        body,
        max_age_ms: Some(30 * 86_400_000),
        refused_runs: Vec::new(),
        active_limit: None,
        origin: None,
    };
    let event = Telemetry::from(received);
    let project = tenant.scope().project().0;
    tenant.event(Topic::TelemetryMetrics, "metrics", project, 1, &event)
}

fn metric(name: &str, instance: &str, samples: &[(i64, f64)]) -> Value {
    json!({"name": name, "labels": {"instance": instance}, "samples": samples})
}

fn running(bench: &Bench) -> Running {
    bench.run(vec![
        Arc::new(Metrics::new(1_000, LINGER)) as Arc<dyn Projection>
    ])
}

async fn send(bench: &Bench, records: Vec<NewRecord>) {
    let positions: Vec<Position> = bench.append(records).await;
    bench.caught_up_in("metrics", &positions).await;
}

/// Sends while a fold of its own runs.
async fn project(bench: &Bench, records: Vec<NewRecord>) {
    let running = running(bench);
    send(bench, records).await;
    running.stop().await;
}

fn store(bench: &Bench, tenant: Tenant) -> Store {
    Stores::new(bench.db.clone(), Limits::default()).of(&tenant.scope())
}

fn matcher(name: &str, comparison: Comparison, value: &str) -> Matcher {
    Matcher {
        name: name.to_owned(),
        comparison,
        value: value.to_owned(),
    }
}

async fn ask(store: &Store, matchers: Vec<Matcher>) -> Answer {
    ask_between(store, matchers, START - 100 * HOUR, START + 100 * HOUR).await
}

async fn ask_between(store: &Store, matchers: Vec<Matcher>, from_ms: i64, to_ms: i64) -> Answer {
    let selection = Selection {
        matchers,
        from_ms,
        to_ms,
    };
    let mut set = store.select(&selection).await.expect("answers");
    let (mut answer, mut samples) = (Answer::new(), Samples::default());
    while let Some(labels) = set.next(&mut samples).expect("decodes") {
        let text = labels
            .pairs()
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let pairs = samples
            .times
            .iter()
            .copied()
            .zip(samples.values.iter().copied());
        let before = answer.insert(text.collect::<Vec<_>>().join(","), pairs.collect());
        assert_eq!(before, None, "a series came twice");
    }
    answer
}

fn named(name: &str) -> Vec<Matcher> {
    vec![matcher("__name__", Comparison::Equal, name)]
}

async fn compact(bench: &Bench, at_ms: i64) -> Done {
    let now = Timestamp::from_micros(at_ms * 1_000);
    let compaction = Compaction::default();
    compaction.pass(&bench.db, now).await.expect("compacts")
}

async fn count(bench: &Bench, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(&mut bench.superuser().await)
        .await
        .expect("counts")
}

#[tokio::test]
async fn what_was_sent_is_found_by_its_labels_and_by_its_tenant_only() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let (one, two) = (Tenant(1), Tenant(2));
    let at = [(START, 1.5), (START + 15_000, 2.5)];
    let cpu = json!([
        metric("cpu", "a", &at),
        metric("cpu", "b", &at[..1]),
        metric("up", "a", &at)
    ]);
    // The same bytes from two tenants are not a repeat.
    project(
        &bench,
        vec![body(one, START, cpu.clone()), body(two, START, cpu)],
    )
    .await;
    project(
        &bench,
        vec![body(two, START, json!([metric("theirs", "a", &at)]))],
    )
    .await;
    let stores = Stores::new(bench.db.clone(), Limits::default());
    let (mine, theirs) = (stores.of(&one.scope()), stores.of(&two.scope()));
    let expected = Answer::from([
        ("__name__=cpu,instance=a".to_owned(), at.to_vec()),
        ("__name__=cpu,instance=b".to_owned(), at[..1].to_vec()),
    ]);
    assert_eq!(ask(&mine, named("cpu")).await, expected);
    let regular = vec![
        matcher("instance", Comparison::Matches, "a|c"),
        matcher("__name__", Comparison::NotEqual, "up"),
    ];
    let keys: Vec<_> = ask(&mine, regular).await.into_keys().collect();
    assert_eq!(keys, ["__name__=cpu,instance=a"]);
    assert!(ask(&mine, named("theirs")).await.is_empty());
    assert_eq!(ask(&theirs, named("theirs")).await.len(), 1);
    // The first time is not in the range, the last is.
    let part = ask_between(&mine, named("up"), START, START + 15_000).await;
    assert_eq!(part.into_values().next(), Some(at[1..].to_vec()));
    let all = Which {
        selectors: vec![],
        from_ms: START,
        to_ms: START,
        limit: 100,
    };
    assert_eq!(
        mine.label_names(&all).await,
        Ok(vec!["__name__".to_owned(), "instance".to_owned()])
    );
    assert_eq!(
        mine.label_values("instance", &all).await,
        Ok(vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!(mine.series(&all).await.map(|all| all.len()), Ok(3));
}

#[tokio::test]
async fn a_body_sent_again_counts_once_also_after_a_restart() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let one = body(
        Tenant(1),
        START,
        json!([metric("up", "a", &[(START, 1.0)])]),
    );
    project(&bench, vec![one.clone(), one.clone()]).await;
    assert_eq!(
        count(&bench, "SELECT sum(items) FROM telemetry.metrics_l0").await,
        1
    );
    project(&bench, vec![one]).await;
    assert_eq!(
        count(&bench, "SELECT count(*) FROM telemetry.metrics_l0").await,
        1
    );
}

#[tokio::test]
async fn of_equal_times_the_first_in_the_log_stays_on_every_level() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let tenant = Tenant(1);
    let with = |value: f64| {
        let samples = [(START + 1_000, value), (START + value as i64, value)];
        body(tenant, START, json!([metric("up", "a", &samples)]))
    };
    let store = store(&bench, tenant);
    let mut expected = vec![(START + 1_000, 2.0)];
    for (round, value) in [2.0, 7.0, 9.0].into_iter().enumerate() {
        project(&bench, vec![with(value)]).await;
        expected.push((START + value as i64, value));
        expected.sort_by_key(|(time, _)| *time);
        let answer = || async { ask(&store, named("up")).await.into_values().next() };
        assert_eq!(
            answer().await,
            Some(expected.clone()),
            "level 0, round {round}"
        );
        compact(&bench, START + HOUR).await;
        assert_eq!(
            answer().await,
            Some(expected.clone()),
            "level 1, round {round}"
        );
    }
    let done = compact(&bench, START + 3 * HOUR).await;
    assert!(done.merged > 0, "{done:?}");
    assert_eq!(
        ask(&store, named("up")).await.into_values().next(),
        Some(expected)
    );
}

#[tokio::test]
async fn compaction_changes_no_answer_and_drops_level_0() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let tenant = Tenant(1);
    let mut records = Vec::new();
    for minute in 0..150 {
        let at = START + minute * 60_000;
        let late = at - 26 * HOUR;
        let metrics = (0..20).map(|n| {
            let value = (minute * 7 + n * n) as f64 / 4.0;
            let samples = [
                (at, value),
                (at + 30_000, value + 0.1),
                (late, f64::from(n as i32)),
            ];
            metric(
                if n % 2 == 0 { "even" } else { "odd" },
                &n.to_string(),
                &samples,
            )
        });
        records.push(body(tenant, at, metrics.collect()));
    }
    let running = running(&bench);
    for some in records.chunks(10) {
        send(&bench, some.to_vec()).await;
    }
    running.stop().await;
    let store = store(&bench, tenant);
    let everything = || ask(&store, vec![matcher("instance", Comparison::Matches, ".+")]);
    let few = || ask_between(&store, named("odd"), START + HOUR / 2, START + HOUR * 3 / 2);
    let before = (everything().await, few().await);
    assert_eq!(before.0.len(), 20);
    assert_eq!(before.0.values().map(Vec::len).sum::<usize>(), 20 * 450);
    for at in [START + HOUR, START + 3 * HOUR, START + 5 * HOUR] {
        compact(&bench, at).await;
        assert_eq!((everything().await, few().await), before, "at {at}");
    }
    assert_eq!(
        count(&bench, "SELECT count(*) FROM telemetry.metrics_l0").await,
        0
    );
    let slots =
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry.metrics_l0'::regclass";
    assert_eq!(count(&bench, slots).await, 0, "every slot is over");
    let open = "SELECT count(*) FROM telemetry.metrics_l1 WHERE tier < 3";
    assert_eq!(count(&bench, open).await, 0, "every hour is final");
    assert_eq!(compact(&bench, START + 5 * HOUR).await, Done::default());
    // A store that has never asked before agrees.
    let fresh = Stores::new(bench.db.clone(), Limits::default()).of(&tenant.scope());
    let all = vec![matcher("instance", Comparison::Matches, ".+")];
    assert_eq!(ask(&fresh, all).await, before.0);
}

#[tokio::test]
async fn a_restart_gives_no_series_another_ordinal() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let tenant = Tenant(1);
    let at = |n: i64, names: &[&str]| {
        let time = START + n * 15_000;
        let metrics = names
            .iter()
            .map(|name| metric(name, "a", &[(time, n as f64)]));
        body(tenant, time, metrics.collect())
    };
    project(&bench, vec![at(0, &["a", "b", "c"])]).await;
    project(&bench, vec![at(1, &["c", "d", "a"]), at(2, &["d", "b"])]).await;
    let series = "SELECT sum(series) FROM telemetry.metric_series";
    assert_eq!(count(&bench, series).await, 4);
    let store = store(&bench, tenant);
    let times =
        |answer: Answer| -> Vec<f64> { answer.into_values().flatten().map(|s| s.1).collect() };
    assert_eq!(times(ask(&store, named("a")).await), [0.0, 1.0]);
    assert_eq!(times(ask(&store, named("b")).await), [0.0, 2.0]);
    assert_eq!(times(ask(&store, named("c")).await), [0.0, 1.0]);
    assert_eq!(times(ask(&store, named("d")).await), [1.0, 2.0]);
}

#[tokio::test]
async fn reading_while_level_0_is_compacted_misses_and_doubles_nothing() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let (tenant, done) = (Tenant(1), AtomicBool::new(false));
    let running = running(&bench);
    let writing = async {
        for n in 0..60 {
            let time = START + n * 60_000;
            let records = vec![body(
                tenant,
                time,
                json!([metric("up", "a", &[(time, n as f64)])]),
            )];
            send(&bench, records).await;
        }
        done.store(true, Ordering::SeqCst);
    };
    let compacting = async {
        let mut total = Done::default();
        while !done.load(Ordering::SeqCst) {
            let pass = compact(&bench, START + 3 * HOUR).await;
            total.compacted += pass.compacted;
            total.dropped += pass.dropped;
        }
        total
    };
    let reading = async {
        let (store, mut seen) = (store(&bench, tenant), 0);
        while !done.load(Ordering::SeqCst) {
            let samples = ask(&store, named("up"))
                .await
                .into_values()
                .next()
                .unwrap_or_default();
            let values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
            let expected: Vec<f64> = (0..values.len()).map(|n| n as f64).collect();
            assert_eq!(values, expected);
            assert!(
                values.len() >= seen,
                "{seen} samples were there, now {}",
                values.len()
            );
            seen = values.len();
        }
        seen
    };
    let ((), total, seen) = tokio::join!(writing, compacting, reading);
    running.stop().await;
    assert!(
        total.compacted > 1 && total.dropped > 0 && seen > 0,
        "{total:?}, {seen} seen"
    );
    let all = ask(&store(&bench, tenant), named("up")).await;
    assert_eq!(
        all.into_values()
            .map(|samples| samples.len())
            .sum::<usize>(),
        60
    );
}

#[tokio::test]
async fn samples_out_of_the_window_and_series_over_the_limit_are_left_out() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let tenant = Tenant(1);
    let running = bench.run(vec![
        Arc::new(Metrics::new(2, LINGER)) as Arc<dyn Projection>
    ]);
    let times = [
        (START - 31 * 24 * HOUR, 1.0),
        (START, 2.0),
        (START + 601_000, 3.0),
    ];
    let first = json!([metric("up", "a", &times), metric("up", "b", &times)]);
    let second = json!([
        metric("up", "c", &[(START, 1.0)]),
        metric("up", "a", &[(START + 1, 4.0)])
    ]);
    send(
        &bench,
        vec![body(tenant, START, first), body(tenant, START, second)],
    )
    .await;
    running.stop().await;
    let answer = ask(&store(&bench, tenant), named("up")).await;
    let expected = [vec![(START, 2.0), (START + 1, 4.0)], vec![(START, 2.0)]];
    assert_eq!(answer.into_values().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn the_last_word_on_a_family_is_kept() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let tenant = Tenant(1);
    let says = |help: &str| json!([{"name": "jobs_total", "type": "counter", "help": help, "samples": [[START, 1]]}]);
    project(
        &bench,
        vec![
            body(tenant, START, says("first")),
            body(tenant, START, says("last")),
        ],
    )
    .await;
    let store = store(&bench, tenant);
    let families = store.metadata(None, 10).await.expect("answers");
    assert_eq!(families.len(), 1);
    assert_eq!(
        (families[0].name.as_str(), families[0].help.as_str()),
        ("jobs_total", "last")
    );
}

#[tokio::test]
async fn what_is_past_its_class_goes() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let tenant = Tenant(1);
    let at = |days: i64| START - days * 24 * HOUR;
    let both = json!([metric("up", "a", &[(at(20), 1.0), (at(0), 2.0)])]);
    project(&bench, vec![body(tenant, START, both)]).await;
    compact(&bench, START + 3 * HOUR).await;
    let past = |days: i64| Timestamp::from_micros((START + days * 24 * HOUR) * 1_000);
    for (days, left) in [(5, 2), (12, 1), (32, 0)] {
        retention::pass(&bench.db, past(days))
            .await
            .expect("removes");
        let items = "SELECT coalesce(sum(items), 0)::bigint FROM telemetry.metrics_l1";
        assert_eq!(count(&bench, items).await, left, "after {days} days");
    }
    // What stands in for samples is kept longer, and found by its labels until then.
    retention::pass(&bench.db, past(402))
        .await
        .expect("removes");
    assert_eq!(
        count(&bench, "SELECT count(*) FROM telemetry.metric_series").await,
        0
    );
}

#[tokio::test]
async fn an_opened_segment_is_not_taken_for_one_that_a_merge_has_cut() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let tenant = Tenant(1);
    // Enough of two hours that the run's parts are of one and the other in turns.
    let points: Vec<(i64, f64)> = (0..2_300)
        .map(|n| (START + n * 3_000 + 1, n as f64))
        .collect();
    let instances: Vec<String> = (0..60).map(|n| format!("i{n}")).collect();
    let all: Vec<Value> = instances
        .iter()
        .map(|instance| metric("wide", instance, &points))
        .collect();
    project(&bench, vec![body(tenant, START + 2 * HOUR, json!(all))]).await;
    let store = store(&bench, tenant);
    let eager = Pace {
        rows_ready: 1,
        ..Pace::default()
    };
    let at = |ms: i64| Timestamp::from_micros(ms * 1_000);
    let pass = Compaction::new(eager).pass(&bench.db, at(START)).await;
    assert_eq!(pass.expect("compacts").merged, 0);
    let before = ask(&store, named("wide")).await;
    assert_eq!(before.len(), 60);
    let pass = Compaction::new(eager)
        .pass(&bench.db, at(START + 3 * HOUR))
        .await;
    assert_eq!(pass.expect("compacts").merged, 2);
    assert_eq!(ask(&store, named("wide")).await, before);
}
