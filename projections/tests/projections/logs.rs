//! The log store between the log and a real Postgres, in both levels.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use eventlog::{NewRecord, Position};
use projections::checkpoints;
use projections::telemetry::compaction::Compaction;
use projections::telemetry::logs::{
    Filter, Found, Logs, LogsError, Place, Query, Record, Tail, around, names, patterns, search,
    services, stats, values,
};
use promql::budget::{Budget, NoMemory};
use schemas::envelope::Envelope;
use schemas::messages::MessageSet;
use schemas::telemetry::{Telemetry, TelemetryReceived};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde_json::{Value, json};
use testkit::eventually;

use crate::fixture::{Bench, LINGER, LONG, Running};
use crate::story::Tenant;

/// Seconds; the time of the test's log, at a full hour.
pub(crate) const START: i64 = 1_793_500_000 / 3_600 * 3_600;
const NS: i64 = 1_000_000_000;
pub(crate) const OURS: Tenant = Tenant(1);

/// A body that arrived so many seconds after the start.
pub(crate) fn sent(tenant: Tenant, after: i64, lines: &[Value]) -> NewRecord {
    sent_as("native.logs.json", tenant, after, &json!(lines))
}

fn sent_as(format: &str, tenant: Tenant, after: i64, body: &Value) -> NewRecord {
    let body = serde_json::to_vec(body).expect("JSON");
    let message = Telemetry::from(TelemetryReceived {
        format: format.to_owned(),
        encoding: "identity".to_owned(),
        received_at: Timestamp::from_micros((START + after) * 1_000_000),
        body_hash: xxhash_rust::xxh3::xxh3_128(&body).to_be_bytes().to_vec(),
        body,
        max_age_ms: Some(86_400_000),
        refused_runs: Vec::new(),
        active_limit: None,
        origin: None,
    });
    let project = tenant.scope().project().to_string();
    let id = uuid::Uuid::new_v5(&tenant.id(9), &after.to_be_bytes());
    let envelope = Envelope::of(&tenant.scope(), id, message.kind(), "/ingest", project);
    NewRecord::of(Topic::TelemetryLogs, &envelope, &message).expect("encodes")
}

pub(crate) fn line(n: i64, after: i64) -> Value {
    let level = ["info", "info", "warn", "error"][(n % 4) as usize];
    let service = ["checkout", "cart", "payment"][(n % 3) as usize];
    json!({
        "timestamp": format!("{}.{:09}Z", stamp(START + after), n),
        "level": level,
        "service": service,
        "message": format!("order {n} placed in {} ms by user-{}", n % 50, n % 7),
        "trace_id": format!("{:032x}", n + 1),
        "attributes": {"status": 200 + n % 4 * 100, "user.id": format!("u{}", n % 11), "order.id": format!("o-{n}")},
    })
}

fn stamp(seconds: i64) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0).expect("in range");
    time.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Ten lines a body, a body every half minute: two hours.
fn bodies(tenant: Tenant) -> Vec<NewRecord> {
    let body = |n: i64| {
        let lines: Vec<Value> = (n * 10..n * 10 + 10).map(|l| line(l, n * 30)).collect();
        sent(tenant, n * 30, &lines)
    };
    (0..240).map(body).collect()
}

pub(crate) fn query(text: &str) -> Query {
    Query {
        filter: Filter::parse(text).expect(text),
        from_ns: START * NS,
        to_ns: (START + 7_200) * NS,
    }
}

pub(crate) struct Store {
    pub(crate) bench: Bench,
    pub(crate) running: Running,
}

impl Store {
    pub(crate) async fn new() -> Option<Self> {
        let bench = Bench::new().await?;
        let running = bench.run(vec![Arc::new(Logs::new(LINGER))]);
        Some(Self { bench, running })
    }

    pub(crate) async fn send(&self, records: Vec<NewRecord>) {
        let positions = self.bench.append(records).await;
        self.caught_up(&positions).await;
    }

    async fn caught_up(&self, positions: &[Position]) {
        eventually("logs", || async {
            let done = checkpoints::wait_until(&self.bench.db, "logs", positions, LONG).await;
            done.ok().filter(|done| *done)
        })
        .await;
    }

    pub(crate) async fn compact(&self, after: i64) {
        let now = Timestamp::from_micros((START + after) * 1_000_000);
        let pass = Compaction::default().pass(&self.bench.db, now).await;
        pass.expect("compacts");
    }

    pub(crate) async fn find(
        &self,
        query: &Query,
        after: Option<Place>,
        limit: usize,
    ) -> Vec<Record> {
        let found = search(&self.bench.db, &OURS.scope(), query, after, limit).await;
        found.expect("answers").records
    }

    async fn rows(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM telemetry.{table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&mut self.bench.superuser().await)
            .await
            .expect("counts")
    }

    /// Everything that can be asked.
    async fn answers(&self) -> Vec<Value> {
        let (db, scope) = (&self.bench.db, OURS.scope());
        let mut all = Vec::new();
        for text in QUERIES {
            let query = query(text);
            let found = search(db, &scope, &query, None, 3000).await.expect(text);
            assert!(found.next.is_none());
            all.push(json!([text, found.records]));
            for step in [60 * NS, 7 * NS] {
                let stats = stats(db, &scope, &query, step).await.expect(text);
                assert_eq!(stats.total, found.records.len() as u64, "{text} by {step}");
                all.push(json!([text, stats.total, stats.counts, stats.buckets]));
            }
            let fields = names(db, &scope, &query).await.expect(text);
            all.push(json!([text, fields]));
            for name in ["user.id", "service", "level", "status", "trace_id"] {
                let values = values(db, &scope, &query, name, 20).await.expect(text);
                all.push(json!([text, values]));
            }
            let patterns = patterns(db, &scope, &query, 5).await.expect(text);
            let counts: Vec<_> = patterns
                .items
                .iter()
                .map(|p| (&p.pattern, p.count))
                .collect();
            all.push(json!([text, counts]));
        }
        all
    }
}

const QUERIES: [&str; 12] = [
    "",
    "level:error service:cart",
    "order 1234",
    "user-3 -level:info",
    "\"placed in 17 ms\"",
    "status:>=400 user.id:u3",
    "trace_id:000000000000000000000000000000ff",
    "000000000000000000000000000000ff",
    "user.id:u1,u2 -service:payment",
    "nothinglikethis",
    "order 1234 OR level:error service:cart",
    "1234 OR nothinglikethis OR user.id:u3 status:>=400",
];

#[tokio::test]
async fn what_was_sent_is_found_with_all_that_it_said() {
    let Some(store) = Store::new().await else {
        return;
    };
    let late =
        json!({"timestamp": stamp(START - 100) + "Z", "message": "late \u{0} one", "host": "a"});
    let too_old = json!({"timestamp": stamp(START - 90_000) + "Z", "message": "too old"});
    store
        .send(vec![sent(OURS, 0, &[line(3, 0), late, too_old])])
        .await;
    let everything = Query {
        from_ns: i64::MIN,
        to_ns: i64::MAX,
        ..Query::default()
    };
    let found = store.find(&everything, None, 10).await;
    assert_eq!(found.len(), 2, "{found:?}");
    let first = &found[0];
    assert_eq!(first.time.timestamp_subsec_nanos(), 3);
    assert_eq!(
        (&first.level[..], &first.service[..]),
        ("error", "checkout")
    );
    assert_eq!(first.body, "order 3 placed in 3 ms by user-3");
    assert_eq!(
        first.trace_id.as_deref(),
        Some("00000000000000000000000000000004")
    );
    assert_eq!(first.fields["status"], "500");
    assert_eq!(first.received_at, None);
    assert_eq!(found[1].body, "late \u{0} one");
    assert_eq!(found[1].received_at.map(|at| at.timestamp()), Some(START));
    let counted = services(&store.bench.db, &OURS.scope(), i64::MIN, i64::MAX).await;
    let counted: Vec<_> = counted
        .expect("answers")
        .into_iter()
        .map(|s| s.count)
        .collect();
    assert_eq!(counted, [1, 1]);
    store.running.stop().await;
}

#[tokio::test]
async fn what_was_sent_twice_is_found_and_counted_once() {
    let Some(store) = Store::new().await else {
        return;
    };
    let line = json!([(START * NS).to_string(), "order 7 placed"]);
    let body = json!({"streams": [{"stream": {"app": "shop"}, "values": [line]}]});
    let body = sent_as("loki.push.json", OURS, 0, &body);
    store.send(vec![body.clone()]).await;
    store.send(vec![body]).await;
    assert_eq!(store.find(&query("service:shop"), None, 10).await.len(), 1);
    let counted = stats(&store.bench.db, &OURS.scope(), &query(""), 60 * NS).await;
    assert_eq!(counted.expect("answers").total, 1);
    store.running.stop().await;
}

/// What ingest names alike is one body, also where its lines have no time but their arrival.
#[tokio::test]
async fn lines_without_a_time_that_come_again_are_of_their_first_arrival() {
    let Some(store) = Store::new().await else {
        return;
    };
    let lines = [json!({"service": "shop", "message": "tick"})];
    for after in [10, 12] {
        store.send(vec![sent(OURS, after, &lines)]).await;
    }
    let found = store.find(&query("service:shop"), None, 10).await;
    let times: Vec<i64> = found.iter().map(|line| line.time.timestamp()).collect();
    assert_eq!(times, [START + 10]);
    store.running.stop().await;
}

#[tokio::test]
async fn answers_are_the_same_in_every_level() {
    let Some(store) = Store::new().await else {
        return;
    };
    store.send(bodies(OURS)).await;
    let young = store.answers().await;
    assert_eq!(young[0][1].as_array().expect("records").len(), 2400);
    store.compact(3_600).await;
    assert!(store.rows("logs_l1").await > 0);
    assert_eq!(store.answers().await, young);
    store.compact(30_000).await;
    store.compact(30_010).await;
    assert_eq!(
        store.rows("logs_l0").await,
        0,
        "the ten minutes are dropped"
    );
    assert_eq!(store.answers().await, young);
    store.running.stop().await;
}

#[tokio::test]
async fn what_stays_as_it_is_keeps_its_place_beside_what_is_merged() {
    let Some(store) = Store::new().await else {
        return;
    };
    // Of one run: a segment that is as large as they get, and a small one.
    let many: Vec<Value> = (0..9_000).map(|n| line(n, 60)).collect();
    let few: Vec<Value> = (9_000..9_010).map(|n| line(n, 120)).collect();
    store.send(vec![sent(OURS, 60, &many)]).await;
    store.send(vec![sent(OURS, 120, &few)]).await;
    let hour_over = 3 * 3_600;
    store.compact(hour_over).await;
    let count = stats(&store.bench.db, &OURS.scope(), &query(""), 60 * NS).await;
    assert_eq!(count.expect("answers").total, 9_010);
    assert_eq!(
        store.rows("logs_l1").await,
        2,
        "the large one was not written again"
    );
    assert_eq!(store.find(&query("o-9009"), None, 10).await.len(), 1);
    store.running.stop().await;
}

#[tokio::test]
async fn a_rare_word_reads_one_segment_and_half_a_word_none() {
    let Some(store) = Store::new().await else {
        return;
    };
    store.send(bodies(OURS)).await;
    store.compact(30_000).await;
    store.compact(30_010).await;
    let db = &store.bench.db;
    let all = search(db, &OURS.scope(), &query(""), None, 3000)
        .await
        .expect("answers");
    assert!(all.scanned.segments > 1, "{:?}", all.scanned);
    for needle in [
        "1234",
        "000000000000000000000000000004d3",
        "\"order 1234 placed\"",
        "order.id:o-1234",
    ] {
        let found = search(db, &OURS.scope(), &query(needle), None, 10)
            .await
            .expect("answers");
        assert_eq!(found.records.len(), 1, "{needle}");
        assert!(found.scanned.segments < all.scanned.segments, "{needle}");
    }
    let either = query("order.id:o-1234 OR \"order 1235 placed\" OR nothinglikethis");
    let found = search(db, &OURS.scope(), &either, None, 10).await;
    let found = found.expect("answers");
    assert_eq!(found.records.len(), 2);
    assert!(found.scanned.segments < all.scanned.segments);
    let none = search(db, &OURS.scope(), &query("rder"), None, 10)
        .await
        .expect("answers");
    assert_eq!((none.records.len(), none.scanned.segments), (0, 0));
    store.running.stop().await;
}

/// A segment as it was written when filters had ten bits a token: forty lines.
const FIRST_FILTERS: &[u8] = include_bytes!("first_filters.bin");

#[tokio::test]
async fn segments_with_filters_of_the_first_kind_are_searched_as_ever() {
    let Some(store) = Store::new().await else {
        return;
    };
    let (first_ns, last_ns) = (1_795_899_600 * NS, 1_795_899_639 * NS);
    // As the migration found it: nobody had said how many probes it has.
    let sql = "INSERT INTO telemetry.logs_l1 (tenant_id, project_id, partition, tier, from_offset,
             to_offset, class, part, day, window_start, min_time, max_time, items, bloom_at,
             bloom_bytes, levels, services, directory, data)
         VALUES ($1, $2, 0, 3, 0, 1, 30, 0, 20785, 1795899600, $3, $4, 40, 1501, 113, 40,
             '{cart,checkout}', $5, $6)";
    sqlx::query(sql)
        .bind(OURS.scope().tenant().0)
        .bind(OURS.scope().project().0)
        .bind(first_ns)
        .bind(last_ns)
        .bind(&FIRST_FILTERS[..51])
        .bind(FIRST_FILTERS)
        .execute(&mut store.bench.superuser().await)
        .await
        .expect("inserts");
    let ask = async |text: &str| {
        let query = Query {
            filter: Filter::parse(text).expect(text),
            from_ns: first_ns,
            to_ns: last_ns + 1,
        };
        let found = search(&store.bench.db, &OURS.scope(), &query, None, 100).await;
        let found = found.expect("answers");
        (found.records.len(), found.scanned.segments)
    };
    assert_eq!(ask("").await, (40, 1));
    // From Postgres first, then from memory too.
    let mut claimed = [0; 2];
    for claimed in &mut claimed {
        for n in 0..40 {
            assert_eq!(ask(&format!("order.id:o-{n}")).await, (1, 1));
        }
        assert_eq!(ask("e3779b97f4a7c15f39cc0605cedc834").await, (0, 0));
        for n in 0..300 {
            let (found, segments) = ask(&format!("absent{n}")).await;
            assert_eq!(found, 0);
            *claimed += segments;
        }
    }
    assert!(claimed[0] < 15, "{} of 300 are claimed", claimed[0]);
    assert_eq!(claimed[0], claimed[1]);
    store.running.stop().await;
}

#[tokio::test]
async fn pages_neither_repeat_nor_miss_while_records_arrive_and_are_compacted() {
    let Some(store) = Store::new().await else {
        return;
    };
    let mut arriving = bodies(OURS);
    let later = arriving.split_off(120);
    store.send(arriving).await;
    let expected: BTreeSet<String> = store
        .find(&query(""), None, 3000)
        .await
        .into_iter()
        .map(|r| r.id)
        .collect();
    assert_eq!(expected.len(), 1200);
    let (mut seen, mut after, mut later) = (Vec::new(), None, later.chunks(10));
    for page in 0.. {
        let found = search(&store.bench.db, &OURS.scope(), &query(""), after, 97).await;
        let found = found.expect("answers");
        seen.extend(found.records.into_iter().map(|record| record.id));
        after = found.next;
        if after.is_none() {
            break;
        }
        if let Some(more) = later.next() {
            store.send(more.to_vec()).await;
        }
        store.compact(3_600 + page * 3_600).await;
    }
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first, none twice");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
    store.running.stop().await;
}

#[tokio::test]
async fn a_project_sees_its_own_records_only() {
    let Some(store) = Store::new().await else {
        return;
    };
    let other = Tenant(2);
    store
        .send(vec![
            sent(OURS, 0, &[line(1, 0)]),
            sent(other, 0, &[line(2, 0)]),
        ])
        .await;
    for compacted in [false, true] {
        if compacted {
            store.compact(30_000).await;
        }
        let bodies = |found: Vec<Record>| found.into_iter().map(|r| r.body).collect::<Vec<_>>();
        let ours = store.find(&query(""), None, 10).await;
        let theirs = search(&store.bench.db, &other.scope(), &query(""), None, 10).await;
        let theirs = theirs.expect("answers").records;
        let place: Place = theirs[0].id.parse().expect("an id");
        let stolen = around(&store.bench.db, &OURS.scope(), place, 5, 5).await;
        assert!(stolen.expect("answers").is_none());
        assert_eq!(bodies(ours), ["order 1 placed in 1 ms by user-1"]);
        assert_eq!(bodies(theirs), ["order 2 placed in 2 ms by user-2"]);
        let mut reader = store.bench.superuser().await;
        sqlx::raw_sql("SET ROLE srec_read")
            .execute(&mut reader)
            .await
            .expect("a role");
        sqlx::query(
            "SELECT set_config('app.tenant', $1, false), set_config('app.project', $2, false)",
        )
        .bind(OURS.scope().tenant().to_string())
        .bind(OURS.scope().project().to_string())
        .execute(&mut reader)
        .await
        .expect("sets");
        for table in ["logs_l0", "logs_l1", "log_hours", "log_counts"] {
            let sql = format!("SELECT DISTINCT tenant_id FROM telemetry.{table}");
            let seen: Vec<uuid::Uuid> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_all(&mut reader)
                .await
                .expect("may select");
            assert!(
                seen.iter().all(|id| *id == OURS.scope().tenant().0),
                "{table}: {seen:?}"
            );
        }
    }
    store.running.stop().await;
}

#[tokio::test]
async fn a_record_has_its_neighbours_of_the_same_stream() {
    let Some(store) = Store::new().await else {
        return;
    };
    store.send(bodies(OURS)).await;
    store.compact(3_600).await;
    let at = &store.find(&query("service:cart 1201"), None, 10).await[0];
    let place: Place = at.id.parse().expect("an id");
    let found = around(&store.bench.db, &OURS.scope(), place, 3, 2).await;
    let found = found.expect("answers").expect("exists");
    let numbers = |records: &[Record]| -> Vec<String> {
        records
            .iter()
            .map(|r| r.body.split(' ').nth(1).expect("a number").to_owned())
            .collect()
    };
    assert_eq!(numbers(&found.before), ["1192", "1195", "1198"]);
    assert_eq!(&found.record, at);
    assert_eq!(numbers(&found.after), ["1204", "1207"]);
    let found = around(&store.bench.db, &OURS.scope(), place, 0, 1).await;
    let found = found.expect("answers").expect("exists");
    assert_eq!(
        (found.before.len(), numbers(&found.after)),
        (0, vec!["1204".to_owned()])
    );
    store.running.stop().await;
}

#[tokio::test]
async fn a_search_takes_of_the_memory_of_all_queries_and_gives_it_back() {
    const BYTES: u64 = 1 << 20;
    let Some(store) = Store::new().await else {
        return;
    };
    store.send(bodies(OURS)).await;
    store.compact(10_800).await;
    let budget = Budget::with_patience(BYTES, Duration::ZERO);
    let db = store.bench.db.clone().within(budget.clone());
    let (all, scope) = (query(""), OURS.scope());
    let found = search(&db, &scope, &all, None, 100).await.expect("answers");
    assert_eq!(found.records.len(), 100);
    let held: usize = found.records.iter().map(Record::bytes).sum();
    // One more than the page has was found.
    assert!(found.held.bytes() > held as u64 && found.held.bytes() < 2 * held as u64);
    let others = budget.share();
    assert!(others.take(BYTES as usize).await.is_err());
    drop(found);
    others
        .take(BYTES as usize)
        .await
        .expect("it was given back");
    let refused = search(&db, &scope, &all, None, 100).await;
    let others_hold = Err(NoMemory::WithOthers(BYTES));
    assert_eq!(refused_memory(refused), others_hold);
    assert!(stats(&db, &scope, &query("order"), 60 * NS).await.is_err());
    drop(others);
    let refused = search(&db, &scope, &all, None, 2_400).await;
    assert_eq!(refused_memory(refused), Err(NoMemory::Alone(BYTES)));
    stats(&db, &scope, &query("order"), 60 * NS)
        .await
        .expect("counts are few");
    let given_back = budget.share().take(BYTES as usize).await;
    given_back.expect("nothing is left of any of them");
    store.running.stop().await;
}

fn refused_memory(found: Result<Found, LogsError>) -> Result<(), NoMemory> {
    match found {
        Ok(_) => Ok(()),
        Err(LogsError::NoMemory(why)) => Err(why),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn who_looks_on_sees_what_arrives_and_is_told_what_was_too_much() {
    let Some(store) = Store::new().await else {
        return;
    };
    let db = &store.bench.db;
    store.send(vec![sent(OURS, 0, &[line(0, 0)])]).await;
    let mut tail = Tail::begin(db, &OURS.scope()).await.expect("begins");
    let errors = Filter::parse("level:error").expect("a filter");
    let lines: Vec<Value> = (0..40).map(|n| line(n, 30)).collect();
    store
        .send(vec![sent(OURS, 30, &lines), sent(Tenant(2), 30, &lines)])
        .await;
    let arrived = tail
        .look(db, &OURS.scope(), &errors, 4)
        .await
        .expect("answers");
    assert_eq!((arrived.records.len(), arrived.dropped), (4, 6));
    assert!(arrived.records.iter().all(|record| record.level == "error"));
    let nothing = tail
        .look(db, &OURS.scope(), &errors, 4)
        .await
        .expect("answers");
    assert_eq!((nothing.records.len(), nothing.dropped), (0, 0));
    store.running.stop().await;
}
