//! What is removed, what is never removed, and what a spent budget refuses.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use eventlog::embedded::{EmbeddedLog, Options, Retained, verify};
use eventlog::{Delivery, EventLog, Group, LogError, Position, Start, Transaction, Visibility};
use schemas::context::Clock;
use schemas::time::Timestamp;
use schemas::topic::Topic;

use super::{record, texts};

const DAY_MS: i64 = 86_400_000;
const EVENTS: Topic = Topic::IncidentEvents;
const COMMANDS: Topic = Topic::IncidentCommands;
const WEBHOOKS: Topic = Topic::InboundWebhooks;

fn open(dir: &Path, clock: &Clock) -> Arc<EmbeddedLog> {
    let options = Options {
        segment_bytes: 32 << 10,
        tail_memory_bytes: 0,
        clock: clock.clone(),
        ..Options::new(dir)
    };
    EmbeddedLog::open(options).unwrap()
}

fn clock() -> Clock {
    Clock::manual(Timestamp::from_micros(1_700_000_000_000_000))
}

/// Appends a command, an event and a webhook, `count` times.
async fn fill(log: &EmbeddedLog, count: usize) {
    for n in 0..count {
        let text = n.to_string();
        let batch = vec![record(COMMANDS, 0, &text), record(EVENTS, 0, &text)];
        log.append(batch).await.unwrap();
        log.append(vec![record(WEBHOOKS, 0, &text)]).await.unwrap();
    }
}

/// Closes and opens again, so that every sealed segment has its index file.
async fn settled(log: Arc<EmbeddedLog>, dir: &Path, clock: &Clock) -> Arc<EmbeddedLog> {
    log.close().await.unwrap();
    drop(log);
    open(dir, clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_records_go_and_the_rest_stays_as_it_was() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let log = open(dir.path(), &clock);
    fill(&log, 60).await;
    let events = texts(&*log, EVENTS, 0, Visibility::Durable).await;
    let log = settled(log, dir.path(), &clock).await;
    assert_eq!(
        log.retain().await.unwrap(),
        Retained::default(),
        "nothing is due yet"
    );

    clock.advance_millis(8 * DAY_MS);
    let retained = log.retain().await.unwrap();
    assert!(
        retained.segments_rewritten > 2 && retained.segments_dropped == 0,
        "{retained:?}"
    );
    assert!(retained.bytes_freed > 0);
    let commands = log.range(COMMANDS, 0, Visibility::Durable).await.unwrap();
    assert!(commands.start > 0 && commands.end == 60, "{commands:?}");
    let before = log.read(COMMANDS, 0, 0, 1, Visibility::Durable).await;
    assert!(matches!(before, Err(LogError::BeforeStart { start, .. }) if start == commands.start));
    assert_eq!(texts(&*log, EVENTS, 0, Visibility::Durable).await, events);
    assert_eq!(
        log.retain().await.unwrap(),
        Retained::default(),
        "once is enough"
    );

    clock.advance_millis(90 * DAY_MS);
    let retained = log.retain().await.unwrap();
    assert!(retained.segments_dropped > 2, "{retained:?}");
    let webhooks = log.range(WEBHOOKS, 0, Visibility::Durable).await.unwrap();
    assert!(webhooks.start > 0 && webhooks.end == 60, "{webhooks:?}");

    let log = settled(log, dir.path(), &clock).await;
    assert_eq!(
        log.range(COMMANDS, 0, Visibility::Durable).await.unwrap(),
        commands
    );
    assert_eq!(texts(&*log, EVENTS, 0, Visibility::Durable).await, events);
    log.append(vec![record(COMMANDS, 0, "60")]).await.unwrap();
    assert_eq!(
        log.range(COMMANDS, 0, Visibility::Durable)
            .await
            .unwrap()
            .end,
        61
    );
    log.close().await.unwrap();
    drop(log);
    assert_eq!(verify(dir.path()).unwrap().findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_go_on_after_everything_was_removed() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let mut log = open(dir.path(), &clock);
    log.append(vec![record(COMMANDS, 5, "early")])
        .await
        .unwrap();
    fill(&log, 60).await;
    clock.advance_millis(8 * DAY_MS);
    log = settled(log, dir.path(), &clock).await;
    log.retain().await.unwrap();
    for _ in 0..2 {
        let range = log.range(COMMANDS, 5, Visibility::Durable).await.unwrap();
        assert_eq!((range.start, range.end), (1, 1));
        log = settled(log, dir.path(), &clock).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_consumer_has_not_read_stays() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let log = open(dir.path(), &clock);
    let pinned = |offset| Position {
        topic: WEBHOOKS,
        partition: 0,
        offset,
    };
    log.pin("projection", &[pinned(0)]).await.unwrap();
    let group = Group {
        name: "runner".to_owned(),
        topics: vec![COMMANDS],
        start: Start::Beginning,
        visibility: Visibility::Appended,
    };
    let mut member = log.join(group.clone()).await.unwrap();
    fill(&log, 60).await;
    clock.advance_millis(100 * DAY_MS);
    member.commit(Transaction::default()).await.unwrap();
    drop(member);
    let log = settled(log, dir.path(), &clock).await;
    assert_eq!(
        log.retain().await.unwrap(),
        Retained::default(),
        "both have read nothing"
    );

    log.pin("projection", &[pinned(60)]).await.unwrap();
    let dropped = log.retain().await.unwrap();
    assert!(
        dropped.segments_dropped > 0 && dropped.segments_rewritten == 0,
        "{dropped:?}"
    );

    let mut member = log.join(group).await.unwrap();
    let mut consumed = Vec::new();
    while consumed
        .last()
        .is_none_or(|position: &Position| position.offset < 60)
    {
        if let Delivery::Records(fetched) = member.next(1 << 20).await.unwrap() {
            consumed.extend(fetched.iter().map(|fetched| Position {
                topic: COMMANDS,
                partition: fetched.partition,
                offset: fetched.next_offset,
            }));
        }
    }
    let transaction = Transaction {
        consumed,
        ..Transaction::default()
    };
    member.commit(transaction).await.unwrap();
    assert!(log.retain().await.unwrap().segments_rewritten > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_budget_refuses_appends_but_not_commits() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        disk_budget_bytes: 60 << 10,
        retention: HashMap::new(),
        ..Options::new(dir.path())
    };
    let log = EmbeddedLog::open(options).unwrap();
    let mut refused = None;
    for _ in 0..40 {
        match log.append(vec![record(WEBHOOKS, 0, "x")]).await {
            Ok(_) => {}
            Err(e) => {
                refused = Some(e);
                break;
            }
        }
    }
    assert!(
        matches!(refused, Some(LogError::Full { used, budget, .. }) if used >= budget),
        "{refused:?}"
    );
    let group = Group {
        name: "worker".to_owned(),
        topics: vec![WEBHOOKS],
        start: Start::Beginning,
        visibility: Visibility::Durable,
    };
    let mut member = log.join(group).await.unwrap();
    let transaction = Transaction {
        records: vec![record(EVENTS, 0, "finished")],
        ..Transaction::default()
    };
    member.commit(transaction).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_runs_by_itself() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let log = open(dir.path(), &clock);
    fill(&log, 60).await;
    log.close().await.unwrap();
    drop(log);
    clock.advance_millis(8 * DAY_MS);
    let options = Options {
        retention_interval: std::time::Duration::from_millis(1),
        clock,
        ..Options::new(dir.path())
    };
    let log = EmbeddedLog::open(options).unwrap();
    let expired = || async {
        let range = log.range(COMMANDS, 0, Visibility::Durable).await.unwrap();
        (range.start > 0).then_some(())
    };
    testkit::eventually("expired commands are removed", expired).await;
}
