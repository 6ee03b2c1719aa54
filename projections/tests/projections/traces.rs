//! Traces from bodies in the log to answers: visible at once, the same before and
//! after compaction, once for what was sent twice, and to nobody else.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use eventlog::{NewRecord, Position};
use projections::checkpoints;
use projections::runtime::Projection;
use projections::telemetry::compaction::Compaction;
use projections::telemetry::spans::overview::{self, By};
use projections::telemetry::spans::search::{self, Filter};
use projections::telemetry::spans::span::SpanStatus;
use projections::telemetry::spans::trace::{self, Trace};
use projections::telemetry::spans::{Spans, Times};
use schemas::telemetry::{Telemetry, TelemetryReceived};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde_json::{Value, json};
use testkit::eventually;

use crate::fixture::{Bench, LINGER, LONG, dump};
use crate::story::Tenant;

const NOW_MS: i64 = 1_793_500_000_000;
const SHOP: Tenant = Tenant(1);
const TRACE: u128 = 0xA1;

fn id(trace: u128) -> [u8; 16] {
    trace.to_be_bytes()
}

/// A span of `trace`, `at_ms` after the beginning of the tests' time.
fn span(trace: u128, span: u64, parent: Option<u64>, service: &str, at_ms: i64) -> Value {
    json!({
        "trace_id": format!("{trace:032x}"),
        "span_id": format!("{span:016x}"),
        "parent_id": parent.map(|parent| format!("{parent:016x}")),
        "service": service,
        "name": format!("{service}.work"),
        "kind": "internal",
        "start": (NOW_MS + at_ms) * 1_000_000,
        "duration_ms": 20,
        "attributes": {"http.route": format!("/{service}"), "n": span},
    })
}

fn with(mut span: Value, name: &str, value: impl Into<Value>) -> Value {
    span[name] = value.into();
    span
}

/// A body that arrived `at_ms` after the beginning.
fn body(tenant: Tenant, spans: &[Value], at_ms: i64) -> NewRecord {
    let body = serde_json::to_vec(&json!({"spans": spans})).expect("JSON");
    let hash = xxhash_rust::xxh3::xxh3_128(&body).to_be_bytes();
    let received = TelemetryReceived {
        format: "native.spans.json".to_owned(),
        encoding: "identity".to_owned(),
        received_at: Timestamp::from_micros((NOW_MS + at_ms) * 1_000),
        body_hash: hash.to_vec(),
        body,
        max_age_ms: None,
        refused_runs: Vec::new(),
        active_limit: None,
        origin: None,
    };
    let message = Telemetry::from(received);
    tenant.event(
        Topic::TelemetryTraces,
        "telemetry",
        tenant.id(2),
        at_ms,
        &message,
    )
}

async fn fold(bench: &Bench, positions: &[Position]) {
    let running = bench.run(vec![Arc::new(Spans::new(LINGER)) as Arc<dyn Projection>]);
    eventually("spans", || async {
        checkpoints::wait_until(&bench.db, "spans", positions, LONG)
            .await
            .ok()
            .filter(|done| *done)
    })
    .await;
    running.stop().await;
}

/// Appends the bodies and folds them in one go.
async fn send(bench: &Bench, bodies: Vec<NewRecord>) {
    let positions = bench.append(bodies).await;
    fold(bench, &positions).await;
}

async fn compact(bench: &Bench, after_ms: i64) -> projections::telemetry::compaction::Done {
    let now = Timestamp::from_micros((NOW_MS + after_ms) * 1_000);
    let done = Compaction::default().pass(&bench.db, now).await;
    done.expect("compacts")
}

const AN_HOUR: i64 = 3_600_000;

fn times() -> Times {
    Times {
        from_ns: (NOW_MS - AN_HOUR) * 1_000_000,
        to_ns: (NOW_MS + AN_HOUR) * 1_000_000,
    }
}

fn everything() -> Filter {
    Filter {
        times: times(),
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

async fn trace_of(bench: &Bench, tenant: Tenant, trace: u128) -> Option<Trace> {
    let found = trace::get(&bench.db, &tenant.scope(), id(trace), None).await;
    found.expect("answers")
}

async fn found(bench: &Bench, filter: &Filter) -> Vec<u128> {
    let page = search::search(&bench.db, &SHOP.scope(), filter, None, 50).await;
    let items = page.expect("answers").items;
    items
        .iter()
        .map(|found| u128::from_be_bytes(found.trace_id))
        .collect()
}

/// Three services, a failure and a call of a database.
fn checkout(trace: u128, at_ms: i64) -> Vec<Value> {
    let kind = |span: Value, kind: &str| with(span, "kind", kind);
    let failed = with(span(trace, 3, Some(2), "pay", at_ms + 2), "status", "error");
    let mut stored = kind(span(trace, 4, Some(3), "pay", at_ms + 3), "client");
    stored["attributes"]["db.system"] = "postgresql".into();
    vec![
        kind(span(trace, 1, None, "shop", at_ms), "server"),
        kind(span(trace, 2, Some(1), "shop", at_ms + 1), "client"),
        kind(with(failed, "duration_ms", 500), "server"),
        stored,
    ]
}

#[tokio::test]
async fn a_trace_is_the_same_before_and_after_compaction_and_late_spans_join_it() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let all = checkout(TRACE, 0);
    let others = (1..40).flat_map(|n| checkout(TRACE + n, 10 * n as i64));
    let others: Vec<_> = others.collect();
    send(
        &bench,
        vec![body(SHOP, &all[1..], 100), body(SHOP, &others, 200)],
    )
    .await;
    let partly = trace_of(&bench, SHOP, TRACE)
        .await
        .expect("visible at once");
    assert_eq!(partly.spans.len(), 3);
    assert_eq!(compact(&bench, 700_000).await.compacted, 1);
    assert_eq!(trace_of(&bench, SHOP, TRACE).await, Some(partly));
    // The root comes an hour late, and again after it was compacted.
    send(&bench, vec![body(SHOP, &all[..1], AN_HOUR)]).await;
    let whole = trace_of(&bench, SHOP, TRACE).await.expect("there");
    let ids: Vec<_> = whole
        .spans
        .iter()
        .map(|s| u64::from_be_bytes(s.span_id))
        .collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    assert!(whole.spans[0].late_ns > 0 && whole.spans[1].late_ns == 0);
    assert_eq!(
        whole.spans[0].fields[0],
        ("http.route".to_owned(), "/shop".to_owned())
    );
    compact(&bench, 2 * AN_HOUR).await;
    send(&bench, vec![body(SHOP, &all, AN_HOUR + 1)]).await;
    assert_eq!(trace_of(&bench, SHOP, TRACE).await, Some(whole.clone()));
    compact(&bench, 3 * AN_HOUR).await;
    assert!(compact(&bench, 3 * AN_HOUR).await.compacted == 0);
    assert_eq!(trace_of(&bench, SHOP, TRACE).await, Some(whole));
    assert_eq!(trace_of(&bench, SHOP, 77).await, None);
}

#[tokio::test]
async fn a_search_answers_alike_from_both_levels() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let mut bodies = vec![body(SHOP, &checkout(TRACE, 0), 100)];
    for n in 1..30_u32 {
        let at_ms = i64::from(n) * 1_000;
        let one = span(u128::from(n), 1, None, "cart", at_ms);
        bodies.push(body(SHOP, &[one], at_ms + 100));
    }
    send(&bench, bodies).await;
    let is = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let newest: Vec<u128> = (1..30).rev().chain([TRACE]).collect();
    for level in 0..2 {
        assert_eq!(found(&bench, &everything()).await, newest, "level {level}");
        let failed = Filter {
            error: Some(true),
            ..everything()
        };
        let slow = Filter {
            min_duration_ns: Some(400_000_000),
            ..everything()
        };
        let by_service = Filter {
            service: Some("pay".to_owned()),
            ..everything()
        };
        let by_name = Filter {
            operation: Some("pay.work".to_owned()),
            ..everything()
        };
        let by_field = Filter {
            fields: vec![is("db.system", "postgresql")],
            ..everything()
        };
        for filter in [failed, slow, by_service, by_name, by_field] {
            assert_eq!(
                found(&bench, &filter).await,
                [TRACE],
                "level {level}: {filter:?}"
            );
        }
        let of_one_span = Filter {
            fields: vec![is("http.route", "/shop"), is("n", "3")],
            ..everything()
        };
        assert!(found(&bench, &of_one_span).await.is_empty());
        let numbered = Filter {
            fields: vec![is("n", "1"), is("http.route", "/cart")],
            ..everything()
        };
        assert_eq!(found(&bench, &numbered).await.len(), 29);
        pages_hold_everything_once(&bench, &newest).await;
        compact(&bench, 700_000).await;
    }
    let page = search::search(&bench.db, &SHOP.scope(), &everything(), None, 50).await;
    let page = page.expect("answers").items;
    let shown = page.last().expect("the oldest");
    assert_eq!(
        (&*shown.root_service, &*shown.root_operation),
        ("shop", "shop.work")
    );
    assert_eq!(
        (shown.spans, shown.errors, shown.root_arrived),
        (4, 1, true)
    );
    assert_eq!(shown.duration_ns, 502_000_000);
    assert_eq!(
        shown
            .services
            .iter()
            .map(|(s, n)| (&**s, *n))
            .collect::<Vec<_>>(),
        [("pay", 2), ("shop", 2)]
    );
}

#[tokio::test]
async fn a_search_goes_back_through_more_hours_than_it_reads_together() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let hours = 80;
    let spans: Vec<Value> = (1..=hours)
        .map(|hour| span(hour, 1, None, "shop", -(hour as i64) * AN_HOUR))
        .collect();
    send(&bench, vec![body(SHOP, &spans, 0)]).await;
    assert!(compact(&bench, 3 * AN_HOUR).await.compacted > 0);
    let filter = Filter {
        times: Times {
            from_ns: (NOW_MS - 100 * AN_HOUR) * 1_000_000,
            ..times()
        },
        ..everything()
    };
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = search::search(&bench.db, &SHOP.scope(), &filter, after, 70).await;
        let page = page.expect("answers");
        let traces = page.items.iter();
        seen.extend(traces.map(|found| u128::from_be_bytes(found.trace_id)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=hours).collect::<Vec<_>>());
    // So does what counts them.
    let stretch_ns = AN_HOUR * 1_000_000;
    let map = search::heatmap(&bench.db, &SHOP.scope(), &filter, stretch_ns).await;
    let map = map.expect("answers");
    let counted: u64 = map.cells.values().map(|cell| cell.count).sum();
    assert_eq!((u128::from(counted), map.complete), (hours, true));
    let nobody = Filter {
        service: Some("nobody".to_owned()),
        ..filter
    };
    let map = search::heatmap(&bench.db, &SHOP.scope(), &nobody, stretch_ns).await;
    let map = map.expect("answers");
    assert_eq!((map.cells.len(), map.complete), (0, true));
}

#[tokio::test]
async fn tags_are_also_what_is_told_of_a_span_and_of_its_events() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let failed = with(
        span(TRACE, 1, None, "pay", 0),
        "status_message",
        "declined by the bank",
    );
    let failed = with(failed, "status", "error");
    let failed = with(
        failed,
        "events",
        json!([{"name": "exception", "attributes": {"exception.type": "Declined"}}]),
    );
    let fine = with(span(2, 1, None, "pay", 1_000), "status", "ok");
    send(
        &bench,
        vec![body(SHOP, &[failed], 100), body(SHOP, &[fine], 1_100)],
    )
    .await;
    for level in 0..2 {
        let of = async |tags: &[(&str, &str)]| {
            let tags = tags.iter();
            let tags = tags.map(|(name, value)| (name.to_string(), value.to_string()));
            let tags = tags.collect();
            let filter = Filter {
                tags,
                ..everything()
            };
            found(&bench, &filter).await
        };
        for tag in [
            ("exception.type", "Declined"),
            ("event", "exception"),
            ("otel.status_description", "declined by the bank"),
        ] {
            assert_eq!(of(&[tag]).await, [TRACE], "level {level}: {tag:?}");
            let both = of(&[tag, ("http.route", "/pay")]).await;
            assert_eq!(both, [TRACE], "level {level}: {tag:?}");
            let (name, value) = tag;
            let field = (name.to_owned(), value.to_owned());
            let no_field = Filter {
                fields: vec![field],
                ..everything()
            };
            assert!(found(&bench, &no_field).await.is_empty(), "{name}");
        }
        assert_eq!(of(&[("http.route", "/pay")]).await, [2, TRACE]);
        for none in [
            ("event", "Declined"),
            ("exception.type", "exception"),
            ("otel.status_description", "declined"),
            ("otel.scope.name", ""),
        ] {
            assert!(of(&[none]).await.is_empty(), "level {level}: {none:?}");
        }
        let ok = Filter {
            status: Some(SpanStatus::Ok),
            ..everything()
        };
        assert_eq!(found(&bench, &ok).await, [2], "level {level}");
        let whole = search::traces(&bench.db, &SHOP.scope(), &everything(), 1).await;
        let whole = whole.expect("answers");
        assert_eq!((whole.more, whole.left_out), (true, 0));
        assert_eq!(whole.traces.len(), 1);
        assert_eq!(whole.traces[0].trace_id, id(2));
        let whole = search::traces(&bench.db, &SHOP.scope(), &everything(), 2).await;
        assert!(!whole.expect("answers").more, "level {level}");
        compact(&bench, 700_000).await;
    }
}

async fn pages_hold_everything_once(bench: &Bench, expected: &[u128]) {
    let (mut after, mut paged) = (None, Vec::new());
    loop {
        let page = search::search(&bench.db, &SHOP.scope(), &everything(), after, 7).await;
        let page = page.expect("answers");
        paged.extend(
            page.items
                .iter()
                .map(|found| u128::from_be_bytes(found.trace_id)),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, expected);
}

#[tokio::test]
async fn edges_and_counts_do_not_depend_on_the_order_or_on_the_flushes() {
    let spans = checkout(TRACE, 0);
    let bodies = |order: &[usize]| -> Vec<NewRecord> {
        let bodies = order.iter().enumerate();
        bodies
            .map(|(at, n)| body(SHOP, &spans[*n..=*n], 100 + at as i64))
            .collect()
    };
    let mut all = Vec::new();
    for (order, together) in [
        ([0, 1, 2, 3], true),
        ([3, 2, 1, 0], true),
        ([2, 0, 3, 1], false),
        ([1, 3, 0, 2], false),
    ] {
        let Some(bench) = Bench::new().await else {
            return;
        };
        match together {
            true => send(&bench, bodies(&order)).await,
            // A restart between any two of them.
            false => {
                for one in bodies(&order) {
                    send(&bench, vec![one]).await;
                }
            }
        }
        let mut connection = bench.superuser().await;
        let edges = dump(&mut connection, "telemetry.service_edges").await;
        all.push((edges, dump(&mut connection, "telemetry.span_red").await));
    }
    let edges = all[0].0.as_array().expect("rows");
    let named: Vec<_> = edges
        .iter()
        .map(|edge| {
            (
                edge["client"].as_str(),
                edge["server"].as_str(),
                edge["errors"].as_i64(),
            )
        })
        .collect();
    assert_eq!(named.len(), 2, "{edges:?}");
    assert!(
        named.contains(&(Some("shop"), Some("pay"), Some(1))),
        "{named:?}"
    );
    assert!(
        named.contains(&(Some("pay"), Some("postgresql"), Some(0))),
        "{named:?}"
    );
    assert!(all.iter().all(|one| *one == all[0]), "{all:#?}");
}

#[tokio::test]
async fn a_body_that_was_sent_again_counts_once_and_the_tables_add_up() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let again = || body(SHOP, &checkout(TRACE, 0), 100);
    send(&bench, vec![again(), again()]).await;
    send(&bench, vec![again()]).await;
    let scope = SHOP.scope();
    let services = overview::services(&bench.db, &scope, times())
        .await
        .expect("answers");
    let counts: Vec<_> = services
        .iter()
        .map(|s| (&*s.service, s.spans, s.errors))
        .collect();
    assert_eq!(counts, [("pay", 2, 1), ("shop", 2, 0)]);
    let table = overview::red(&bench.db, &scope, times(), By::Service, None, 30)
        .await
        .expect("answers");
    let pay = table
        .items
        .iter()
        .find(|row| row.service == "pay")
        .expect("a row");
    assert_eq!(
        (pay.red.count, pay.red.errors, pay.red.error_rate),
        (1, 1, 1.0)
    );
    let p50 = pay.red.p50_ms;
    assert!((400.0..600.0).contains(&p50), "{p50}");
    let counted = pay.points.iter().filter(|point| point.rate > 0.0).count();
    assert_eq!((counted, pay.points.len()), (1, 25));
    let operations = overview::operations(&bench.db, &scope, times(), Some("pay"))
        .await
        .expect("answers");
    assert_eq!(operations.len(), 1);
    assert_eq!(
        (&*operations[0].operation, operations[0].spans),
        ("pay.work", 2)
    );
    assert_eq!(operations[0].kinds, ["client", "server"]);
    let map = overview::service_map(&bench.db, &scope, times())
        .await
        .expect("answers");
    let nodes: Vec<_> = map.nodes.iter().map(|n| (&*n.service, &*n.kind)).collect();
    assert_eq!(
        nodes,
        [
            ("pay", "service"),
            ("shop", "service"),
            ("postgresql", "database")
        ]
    );
    assert_eq!(map.edges.len(), 2);
    let roots = search::roots(&bench.db, &scope, &everything(), 10)
        .await
        .expect("answers");
    assert_eq!(roots.len(), 1);
    assert_eq!(
        (&*roots[0].service, roots[0].duration_ns, roots[0].failed),
        ("shop", 20_000_000, false)
    );
}

#[tokio::test]
async fn a_service_with_a_long_name_has_its_operations_and_rates() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let names = ["x".repeat(300), "a\0b".to_owned()];
    let spans = (1..)
        .zip(&names)
        .map(|(n, name)| span(TRACE, n, None, name, 0));
    let spans: Vec<Value> = spans.map(|span| with(span, "name", "work")).collect();
    send(&bench, vec![body(SHOP, &spans, 1)]).await;
    let scope = SHOP.scope();
    for name in &names {
        let of = Some(name.as_str());
        let operations = overview::operations(&bench.db, &scope, times(), of).await;
        assert_eq!(operations.expect("answers").len(), 1, "{name:?}");
        let table = overview::red(&bench.db, &scope, times(), By::Service, of, 1).await;
        assert_eq!(table.expect("answers").items.len(), 1, "{name:?}");
    }
}

#[tokio::test]
async fn another_tenant_sees_nothing_by_query_or_by_statement() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let other = Tenant(2);
    let bodies = vec![
        body(SHOP, &checkout(TRACE, 0), 100),
        body(other, &checkout(9, 0), 100),
    ];
    send(&bench, bodies).await;
    for level in 0..2 {
        assert!(
            trace_of(&bench, SHOP, TRACE).await.is_some(),
            "level {level}"
        );
        assert_eq!(trace_of(&bench, other, TRACE).await, None, "level {level}");
        assert_eq!(found(&bench, &everything()).await, [TRACE]);
        let table = ["spans_l0", "spans_l1"][level];
        only_own(&bench, other, &[table]).await;
        compact(&bench, 700_000).await;
    }
    only_own(&bench, other, &["span_red", "service_edges"]).await;
}

/// A reader finds rows of its own in each table, and no others.
async fn only_own(bench: &Bench, tenant: Tenant, tables: &[&str]) {
    let mut reader = bench.superuser().await;
    sqlx::query("SET ROLE srec_read")
        .execute(&mut reader)
        .await
        .expect("a role");
    sqlx::query("SELECT set_config('app.tenant', $1, false), set_config('app.project', $2, false)")
        .bind(tenant.scope().tenant().to_string())
        .bind(tenant.scope().project().to_string())
        .execute(&mut reader)
        .await
        .expect("sets");
    for table in tables {
        let rows = dump(&mut reader, &format!("telemetry.{table}")).await;
        let rows = rows.as_array().expect("rows");
        assert!(!rows.is_empty(), "{table}");
        let own = json!(tenant.scope().tenant().0);
        assert!(rows.iter().all(|row| row["tenant_id"] == own), "{table}");
    }
}

#[tokio::test]
async fn spans_outside_the_window_are_left_out() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let ahead: DateTime<Utc> = DateTime::from_timestamp_millis(NOW_MS + 700_000).expect("a time");
    let future = with(span(TRACE, 1, None, "shop", 0), "start", ahead.to_rfc3339());
    send(
        &bench,
        vec![body(SHOP, &[future, span(TRACE, 2, None, "shop", 0)], 1)],
    )
    .await;
    let kept = trace_of(&bench, SHOP, TRACE).await.expect("the other one");
    assert_eq!(kept.spans.len(), 1);
    assert_eq!(u64::from_be_bytes(kept.spans[0].span_id), 2);
}

#[tokio::test]
async fn a_duration_of_centuries_holds_nothing_back() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    // Flush by flush, all in one minute of one operation.
    for (number, duration_ms) in [(1_u64, 1e300), (2, 20.0), (3, 1e300)] {
        let served = with(span(TRACE, number, None, "shop", 0), "kind", "server");
        let served = with(served, "duration_ms", duration_ms);
        let positions = bench
            .append(vec![body(SHOP, &[served], number as i64)])
            .await;
        bench.project(&positions).await;
    }
    let found = trace::get(&bench.db, &SHOP.scope(), id(TRACE), None).await;
    let found = found.expect("answers").expect("a trace");
    assert_eq!(found.spans.len(), 3);
}
