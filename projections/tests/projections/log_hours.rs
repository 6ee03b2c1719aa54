//! What a process keeps of hours of logs is never older than the search, and never
//! somebody else's; and a search that asks filters finds what a look at every record
//! would.

use std::collections::BTreeSet;

use eventlog::NewRecord;
use projections::telemetry::logs::{Filter, Query, Record, search};
use projections::telemetry::{deletions, retention};
use schemas::ids::ProjectId;
use schemas::tenant::{TelemetryDeleted, TenantEvent};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::logs::{OURS, START, Store, line, query, sent};
use crate::story::Tenant;

const THEIRS: Tenant = Tenant(2);

/// One line that says something, so many seconds after the start.
fn saying(tenant: Tenant, after: i64, words: &str) -> NewRecord {
    let mut line = line(after, after);
    line["message"] = json!(words);
    sent(tenant, after, &[line])
}

async fn found(store: &Store, tenant: Tenant, words: &str) -> Vec<Record> {
    let found = search(&store.bench.db, &tenant.scope(), &query(words), None, 100).await;
    found.expect("answers").records
}

async fn counts(store: &Store, words: &str) -> [usize; 2] {
    let ours = found(store, OURS, words).await;
    let theirs = found(store, THEIRS, words).await;
    [ours.len(), theirs.len()]
}

async fn change(store: &Store, sql: &str) {
    let mut superuser = store.bench.superuser().await;
    let sql = AssertSqlSafe(sql.to_owned());
    superuser.execute(sql).await.expect("changes");
}

#[tokio::test]
async fn a_search_sees_what_has_become_of_an_hour_since_the_last() {
    let Some(store) = Store::new().await else {
        return;
    };
    store.send(vec![saying(OURS, 10, "needle one")]).await;
    assert_eq!(counts(&store, "needle").await, [1, 0]);
    store.compact(1_000).await;
    assert_eq!(counts(&store, "needle").await, [1, 0], "compacted");
    store.send(vec![saying(OURS, 20, "needle two")]).await;
    assert_eq!(counts(&store, "needle").await, [2, 0], "beside level 0");
    store.compact(2_000).await;
    assert_eq!(counts(&store, "needle").await, [2, 0], "a new segment");
    store.compact(30_000).await;
    assert_eq!(counts(&store, "needle").await, [2, 0], "one of both");
    store.send(vec![saying(THEIRS, 30, "needle theirs")]).await;
    store.compact(30_000).await;
    assert_eq!(counts(&store, "needle").await, [2, 1], "the same hour");
    let theirs = found(&store, THEIRS, "needle").await;
    assert_eq!(theirs[0].body, "needle theirs");
    let sql = format!(
        "DELETE FROM telemetry.logs_l1 WHERE tenant_id = '{}'",
        OURS.id(1)
    );
    change(&store, &sql).await;
    assert_eq!(counts(&store, "needle").await, [0, 1], "gone");
    store.send(vec![saying(OURS, 40, "needle again")]).await;
    store.compact(30_000).await;
    assert_eq!(counts(&store, "needle").await, [1, 1], "come back");
    let late = Timestamp::from_micros((START + 40 * 86_400) * 1_000_000);
    retention::pass(&store.bench.db, late)
        .await
        .expect("retains");
    assert_eq!(counts(&store, "needle").await, [0, 0], "past its time");
    store.running.stop().await;
}

#[tokio::test]
async fn a_search_sees_nothing_of_what_was_deleted() {
    let Some(store) = Store::new().await else {
        return;
    };
    for tenant in [OURS, THEIRS] {
        store.send(vec![saying(tenant, 10, "needle")]).await;
    }
    store.compact(30_000).await;
    assert_eq!(counts(&store, "needle").await, [1, 1]);
    let asked = TelemetryDeleted {
        project: Some(ProjectId(OURS.id(2))),
    };
    let asked = TenantEvent::from(asked);
    let asked = OURS.event(Topic::IdentityEvents, "tenant", OURS.id(1), 1, &asked);
    let positions = store.bench.append(vec![asked]).await;
    store.bench.project(&positions).await;
    let now = Timestamp::from_micros((START + 30_000) * 1_000_000);
    deletions::pass(&store.bench.db, now)
        .await
        .expect("deletes");
    assert_eq!(counts(&store, "needle").await, [0, 1]);
    store.running.stop().await;
}

#[tokio::test]
async fn a_search_in_a_snapshot_from_before_leaves_nothing_old_behind() {
    let Some(store) = Store::new().await else {
        return;
    };
    store.send(vec![saying(OURS, 10, "needle one")]).await;
    store.compact(30_000).await;
    // What is under way when a search begins is not in its snapshot, and the list that
    // it leaves behind has another version than what comes to be.
    let mut writer = store.bench.superuser().await;
    let mut tx = writer.begin().await.expect("begins");
    tx.execute("DELETE FROM telemetry.logs_l1")
        .await
        .expect("deletes");
    assert_eq!(counts(&store, "needle").await, [1, 0]);
    tx.commit().await.expect("commits");
    assert_eq!(counts(&store, "needle").await, [0, 0]);
    store.running.stop().await;
}

/// The words that a word is looked for among: those of the body, the ids and the fields.
fn words(record: &Record) -> BTreeSet<String> {
    let mut all = vec![&record.body];
    all.extend(record.trace_id.iter().chain(&record.span_id));
    all.extend(record.fields.values());
    let texts = all.into_iter().flat_map(|text| {
        text.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric())
            .map(str::to_ascii_lowercase)
            .collect::<Vec<_>>()
    });
    texts.filter(|word| !word.is_empty()).collect()
}

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

#[tokio::test]
async fn filters_find_what_a_look_at_every_record_finds() {
    let Some(store) = Store::new().await else {
        return;
    };
    let mut dice = Dice(7);
    let mut number = 0;
    for step in 0..24 {
        let lines: Vec<Value> = (0..dice.below(60) + 1)
            .map(|_| {
                number += 1;
                line(number, step * 300 + dice.below(300) as i64)
            })
            .collect();
        store.send(vec![sent(OURS, step * 300 + 300, &lines)]).await;
        match dice.below(3) {
            0 => {}
            1 => store.compact(step * 300 + 1_000).await,
            _ => store.compact(step * 300 + 9_000).await,
        }
        let everything = Query {
            filter: Filter::default(),
            ..query("")
        };
        let all = store.find(&everything, None, 3_000).await;
        let known: Vec<_> = all.iter().map(|record| (record, words(record))).collect();
        for _ in 0..6 {
            let (of, spoken) = &known[dice.below(known.len() as u64) as usize];
            let word = spoken.iter().nth(dice.below(spoken.len() as u64) as usize);
            let word = word.expect("a record says something");
            let expected: Vec<&str> = known
                .iter()
                .filter(|(_, spoken)| spoken.contains(word))
                .map(|(record, _)| &record.id[..])
                .collect();
            let found = store.find(&query(word), None, 3_000).await;
            let found: Vec<&str> = found.iter().map(|record| &record.id[..]).collect();
            assert_eq!(found, expected, "{word} of {of:?} at step {step}");
            let absent = format!("{word}x");
            let expected = known.iter().any(|(_, spoken)| spoken.contains(&absent));
            let found = store.find(&query(&absent), None, 10).await;
            assert_eq!(!found.is_empty(), expected, "{absent} at step {step}");
        }
    }
    store.running.stop().await;
}
