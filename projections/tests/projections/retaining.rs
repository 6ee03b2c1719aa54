//! Telemetry is kept as long as its project's rules say, by signal and by stream,
//! whether a rule was there before the segments or came after them; and what is to be
//! deleted is gone everywhere, of one tenant and no other.

use eventlog::NewRecord;
use projections::telemetry::metrics::{Limits, Stores};
use projections::telemetry::{deletions, policies, retention};
use schemas::ids::ProjectId;
use schemas::tenant::{TelemetryDeleted, TelemetryRetentionSet, TenantEvent};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use crate::fixture::Bench;
use crate::observed::{Answers, DAY, HOUR, SIGNALS, START, answers, answers_of, bodies, compact};
use crate::story::Tenant;

const OURS: Tenant = Tenant(1);
const THEIRS: Tenant = Tenant(2);

fn at(ms: i64) -> Timestamp {
    Timestamp::from_micros(ms * 1_000)
}

fn event(tenant: Tenant, sequence: i64, event: TenantEvent) -> NewRecord {
    tenant.event(
        Topic::IdentityEvents,
        "tenant",
        tenant.id(1),
        sequence,
        &event,
    )
}

fn rule(sequence: i64, signal: &str, stream: &str, days: Option<i32>) -> NewRecord {
    let set = TelemetryRetentionSet {
        project: ProjectId(OURS.id(2)),
        signal: signal.to_owned(),
        stream: stream.to_owned(),
        days,
    };
    event(OURS, sequence, set.into())
}

/// Sends and folds; the folds end.
async fn send(bench: &Bench, records: Vec<NewRecord>) {
    let running = bench.run(projections::registry());
    let positions = bench.append(records).await;
    bench.caught_up(&positions).await;
    running.stop().await;
}

/// An hour of both tenants' telemetry that is compacted and over.
async fn told(bench: &Bench) {
    for minute in (0..60).step_by(10) {
        let at_ms = START + minute * 60_000 + 30_000;
        send(bench, [bodies(OURS, at_ms), bodies(THEIRS, at_ms)].concat()).await;
        compact(bench, at_ms).await;
    }
    compact(bench, START + 3 * HOUR).await;
}

async fn ask(bench: &Bench, tenant: Tenant) -> Answers {
    answers(bench, tenant, START - DAY, START + 3 * DAY).await
}

fn count(answers: &Answers, question: &str, words: &str) -> usize {
    let found = answers[question].iter();
    found.filter(|one| one.contains(words)).count()
}

/// What is left of our streams, as (lines of the debugger, series of pods, spans of
/// pay, lines of the shop, series of memory).
fn left(answers: &Answers) -> [usize; 5] {
    [
        count(answers, "records", "\"debugger\""),
        count(answers, "samples", "pod_"),
        count(answers, "traces", "\"pay\""),
        count(answers, "records", "\"shop\""),
        count(answers, "samples", "memory_bytes"),
    ]
}

const RULES: [(&str, &str, i32); 5] = [
    // Else they stand in for the samples that are gone.
    ("metrics_5m", "", 1),
    ("metrics_1h", "", 1),
    ("logs", "debug*", 1),
    ("metrics", "pod_*", 3),
    ("traces", "pay", 7),
];

async fn streams_go_in_their_time(bench: &Bench) {
    let (ours, theirs) = (ask(bench, OURS).await, ask(bench, THEIRS).await);
    let all = left(&ours);
    assert!(all.iter().all(|left| *left > 0), "{all:?}");
    let mut expected = all;
    for (days, gone) in [(1, 0), (3, 1), (7, 2)] {
        retention::pass(&bench.db, at(START + days * DAY))
            .await
            .expect("retains");
        assert_eq!(left(&ask(bench, OURS).await), expected, "on day {days}");
        retention::pass(&bench.db, at(START + (days + 1) * DAY))
            .await
            .expect("retains");
        expected[gone] = 0;
        assert_eq!(left(&ask(bench, OURS).await), expected, "after day {days}");
    }
    assert_eq!(ask(bench, THEIRS).await, theirs, "nobody else's");
    retention::pass(&bench.db, at(START + 31 * DAY))
        .await
        .expect("retains");
    assert_eq!(left(&ask(bench, OURS).await), [0; 5]);
}

#[tokio::test]
async fn streams_are_kept_as_their_rules_say() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let rules = (1..).zip(RULES);
    let rules = rules.map(|(n, (signal, stream, days))| rule(n, signal, stream, Some(days)));
    send(&bench, rules.collect()).await;
    told(&bench).await;
    streams_go_in_their_time(&bench).await;
}

#[tokio::test]
async fn a_rule_divides_what_is_stored_already() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    told(&bench).await;
    let before = ask(&bench, OURS).await;
    let rules = (1..).zip(RULES);
    let rules = rules.map(|(n, (signal, stream, days))| rule(n, signal, stream, Some(days)));
    send(&bench, rules.collect()).await;
    while compact(&bench, START + 4 * HOUR).await.merged > 0 {}
    assert_eq!(ask(&bench, OURS).await, before, "dividing loses nothing");
    streams_go_in_their_time(&bench).await;
}

#[tokio::test]
async fn who_has_asked_before_finds_what_a_rule_puts_beside_others() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    told(&bench).await;
    let stores = Stores::new(bench.db.clone(), Limits::default());
    let again = || answers_of(&stores, &bench, OURS, START - DAY, START + 3 * DAY);
    let before = again().await;
    // The second comes into the segments of the first, whose names stay as they are.
    for (n, stream) in [(1, "requests_total"), (2, "memory_bytes")] {
        send(&bench, vec![rule(n, "metrics", stream, Some(7))]).await;
        while compact(&bench, START + 4 * HOUR).await.merged > 0 {}
        assert_eq!(again().await, before, "{stream}");
    }
}

#[tokio::test]
async fn a_rule_that_is_taken_away_holds_no_longer() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    send(
        &bench,
        vec![
            rule(1, "logs", "debug*", Some(1)),
            rule(2, "traces", "", Some(1)),
        ],
    )
    .await;
    told(&bench).await;
    let shown = policies::rules(&bench.db, &OURS.scope())
        .await
        .expect("answers");
    let shown: Vec<_> = shown
        .iter()
        .map(|rule| {
            (
                rule.signal.as_str(),
                rule.stream.as_str(),
                rule.days,
                rule.default,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("logs", "", 30, true),
            ("logs", "debug*", 1, false),
            ("metrics", "", 30, true),
            ("metrics_1h", "", 400, true),
            ("metrics_5m", "", 90, true),
            ("traces", "", 1, false),
        ]
    );
    let theirs = policies::rules(&bench.db, &THEIRS.scope())
        .await
        .expect("answers");
    assert!(theirs.iter().all(|rule| rule.default), "{theirs:?}");
    let before = ask(&bench, OURS).await;
    send(
        &bench,
        vec![rule(3, "logs", "debug*", None), rule(4, "traces", "", None)],
    )
    .await;
    while compact(&bench, START + 4 * HOUR).await.merged > 0 {}
    retention::pass(&bench.db, at(START + 5 * DAY))
        .await
        .expect("retains");
    assert_eq!(ask(&bench, OURS).await, before);
}

async fn delete(bench: &Bench, sequence: i64, project: Option<ProjectId>) {
    let asked = TelemetryDeleted { project };
    send(bench, vec![event(OURS, sequence, asked.into())]).await;
}

/// Rows of a tenant in every table of the store but those that say what was decided.
async fn rows_of(bench: &Bench, tenant: Tenant) -> Vec<(String, i64)> {
    let mut superuser = bench.superuser().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
         WHERE n.nspname = 'telemetry' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND c.relname NOT IN ('compacted', 'retention', 'deletions', 'deleted', 'parked')
         ORDER BY 1",
    )
    .fetch_all(&mut superuser)
    .await
    .expect("a catalogue");
    let mut rows = Vec::new();
    for table in tables {
        let sql = format!("SELECT count(*) FROM telemetry.{table} WHERE tenant_id = $1");
        let found: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(tenant.id(1))
            .fetch_one(&mut superuser)
            .await
            .expect("counts");
        rows.push((table, found));
    }
    rows
}

#[tokio::test]
async fn nothing_remains_of_what_is_deleted_and_nobody_elses_is() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    told(&bench).await;
    // Some of it is in level 0.
    let fresh = START + HOUR + 60_000;
    send(
        &bench,
        [bodies(OURS, fresh), bodies(THEIRS, fresh)].concat(),
    )
    .await;
    let stores = Stores::new(bench.db.clone(), Limits::default());
    let again = || answers_of(&stores, &bench, OURS, START - DAY, START + 3 * DAY);
    assert!(left(&again().await).iter().all(|left| *left > 0));
    let (theirs, rows) = (ask(&bench, THEIRS).await, rows_of(&bench, THEIRS).await);
    let ours = rows_of(&bench, OURS).await;
    assert!(
        ours.iter().filter(|(_, rows)| *rows > 0).count() >= 9,
        "the control: {ours:?}"
    );

    // The folds that run go on with what they keep in memory.
    let running = bench.run(projections::registry());
    let asked = TelemetryDeleted { project: None };
    let mut positions = bench.append(vec![event(OURS, 1, asked.into())]).await;
    bench.caught_up(&positions).await;
    assert_eq!(
        deletions::pass(&bench.db, at(fresh))
            .await
            .expect("deletes"),
        3
    );
    assert_eq!(
        deletions::pass(&bench.db, at(fresh))
            .await
            .expect("deletes"),
        0
    );
    let ours = rows_of(&bench, OURS).await;
    assert!(ours.iter().all(|(_, rows)| *rows == 0), "{ours:?}");
    assert!(
        again().await.values().all(Vec::is_empty),
        "{:?}",
        again().await
    );
    assert_eq!(ask(&bench, THEIRS).await, theirs);
    assert_eq!(rows_of(&bench, THEIRS).await, rows);
    let listed = deletions::list(&bench.db, &OURS.scope(), 10)
        .await
        .expect("answers");
    assert!(
        listed.len() == 1 && listed[0].done_at.is_some(),
        "{listed:?}"
    );
    let none = deletions::list(&bench.db, &THEIRS.scope(), 10)
        .await
        .expect("answers");
    assert!(none.is_empty());

    // The same streams come again, and are found; nothing older is.
    let later = START + 2 * DAY;
    positions = bench.append(bodies(OURS, later)).await;
    bench.caught_up(&positions).await;
    running.stop().await;
    let after = again().await;
    assert_eq!(after, ask(&bench, OURS).await);
    assert_eq!(count(&after, "records", "order"), 6);
    for name in SIGNALS {
        bench.replay().one(name).await.expect("replays");
    }
    assert_eq!(
        ask(&bench, OURS).await,
        after,
        "a replay brings nothing back"
    );
    assert_eq!(ask(&bench, THEIRS).await, theirs);
}

#[tokio::test]
async fn what_was_received_before_goes_even_where_it_is_folded_later() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let project = ProjectId(OURS.id(2));
    // The bench's events are of this time.
    let asked_ms = 1_793_500_000_000;
    delete(&bench, 1, Some(project)).await;
    assert_eq!(
        deletions::pass(&bench.db, at(START))
            .await
            .expect("deletes"),
        3
    );
    let before = bodies(OURS, asked_ms - 1_000);
    let later = bodies(OURS, asked_ms + 60_000);
    send(&bench, [before, later].concat()).await;
    let found = ask(&bench, OURS).await;
    assert_eq!(count(&found, "records", "order"), 6);
}

#[tokio::test]
async fn counts_are_kept_as_long_as_the_longest_rule_of_their_project() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    /// Signal, stream and days.
    type Rule = (&'static str, &'static str, i16);
    // With each set of rules, for how many days counts are kept by them.
    let projects: [(&[Rule], i32); 5] = [
        (&[], 30),
        (&[("logs", "", 7)], 7),
        (&[("logs", "", 7), ("logs", "debug*", 90)], 90),
        (&[("logs", "debug*", 1)], 30),
        (&[("metrics", "", 400)], 30),
    ];
    let (today, rows) = (20_000, bench.db.writer());
    let mut expected = Vec::new();
    for (project, (rules, kept)) in (1..).map(Uuid::from_u128).zip(projects) {
        for (signal, stream, days) in rules {
            let sql = "INSERT INTO telemetry.retention
                (tenant_id, project_id, signal, stream, class) VALUES ($1, $1, $2, $3, $4)";
            let rule = sqlx::query(sql).bind(project).bind(signal).bind(stream);
            rule.bind(days).execute(rows).await.expect("inserts");
        }
        for days in [kept, kept + 1] {
            let sql = "INSERT INTO telemetry.log_counts
                (tenant_id, project_id, minute, service, level, count)
                VALUES ($1, $1, $2, 'shop', 1, 1)";
            let count = sqlx::query(sql).bind(project).bind((today - days) * 1_440);
            count.execute(rows).await.expect("inserts");
        }
        expected.push((project, (today - kept) * 1_440));
    }
    retention::pass(&bench.db, at(i64::from(today) * DAY))
        .await
        .expect("retains");
    let left: Vec<(Uuid, i32)> =
        sqlx::query_as("SELECT project_id, minute FROM telemetry.log_counts ORDER BY 1, 2")
            .fetch_all(rows)
            .await
            .expect("reads");
    assert_eq!(left, expected);
}

#[tokio::test]
async fn a_day_that_is_just_being_written_to_stays() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let (today, day) = (20_000, 19_995);
    sqlx::query("SELECT telemetry.ensure_day('metrics_l1', $1)")
        .bind(day)
        .execute(bench.db.writer())
        .await
        .expect("a partition");
    let mut writer = bench.superuser().await;
    let mut tx = writer.begin().await.expect("begins");
    sqlx::query(
        "INSERT INTO telemetry.metrics_l1 (tenant_id, project_id, partition, rules, tier,
             from_offset, to_offset, class, day, window_start, part, min_time, max_time, items,
             id_from, id_to, series, data)
         VALUES ($1, $1, 0, 0, 1, 0, 1, 30, $2, $3, 0, 0, 0, 1, $1, $1, 1, '')",
    )
    .bind(Uuid::from_u128(1))
    .bind(day)
    .bind(i64::from(day) * 86_400)
    .execute(&mut *tx)
    .await
    .expect("inserts");
    let db = bench.db.clone();
    let now = at(i64::from(today) * DAY);
    let retaining = tokio::spawn(async move { retention::pass(&db, now).await });
    // It has found the day empty, and waits until it may drop it, or has given up.
    let mut watcher = bench.superuser().await;
    let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'relation'
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
    while !retaining.is_finished() {
        let waits: bool = sqlx::query_scalar(waits)
            .fetch_one(&mut watcher)
            .await
            .expect("locks");
        if waits {
            break;
        }
    }
    tx.commit().await.expect("commits");
    retaining.await.expect("no panic").expect("retains");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM telemetry.metrics_l1")
        .fetch_one(&mut watcher)
        .await
        .expect("counts");
    assert_eq!(left, 1);
}
