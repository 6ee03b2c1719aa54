//! What is removed, what is never removed, and what a spent budget refuses.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventlog::embedded::{Consumers, EmbeddedLog, Options, Retained, verify};
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
    open_for(dir, clock, None)
}

/// By a version of the program that has these consumers.
fn open_for(dir: &Path, clock: &Clock, consumers: Option<Consumers>) -> Arc<EmbeddedLog> {
    let options = Options {
        segment_bytes: 32 << 10,
        tail_memory_bytes: 0,
        consumers,
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

/// A rewritten segment is as long as what it holds, which is no measure for what follows.
#[tokio::test(flavor = "multi_thread")]
async fn segments_are_large_again_behind_one_that_was_rewritten() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let log = open(dir.path(), &clock);
    fill(&log, 60).await;
    clock.advance_millis(8 * DAY_MS);
    let log = settled(log, dir.path(), &clock).await;
    assert!(log.retain().await.unwrap().segments_rewritten > 0);
    log.close().await.unwrap();
    drop(log);
    let segments = || {
        let entries = std::fs::read_dir(dir.path().join("main")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut segments: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|e| e == "seg"))
            .collect();
        segments.sort();
        segments
    };
    // The one that was written to last is put aside.
    let written = |path: &&PathBuf| {
        let content = std::fs::read(path).unwrap();
        content[4096..].iter().any(|byte| *byte != 0)
    };
    let all = segments();
    let last = all.iter().rfind(written).unwrap();
    let last = File::options().write(true).open(last).unwrap();
    last.write_all_at(&[0xAA; 4096], 0).unwrap();

    let log = open(dir.path(), &clock);
    assert_eq!(log.findings().len(), 1);
    let before = segments().len();
    for _ in 0..8 {
        log.append(vec![record(EVENTS, 1, "x")]).await.unwrap();
    }
    log.close().await.unwrap();
    let more = segments().len() - before;
    assert!(more <= 3, "{more} segments for 8 small records");
}

/// As on a disk that is full, where nothing can be written and room is what is needed.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_keeps_nothing_else_from_going() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let log = open(dir.path(), &clock);
    fill(&log, 60).await;
    let log = settled(log, dir.path(), &clock).await;
    let read = Position {
        topic: WEBHOOKS,
        partition: 0,
        offset: 60,
    };
    for _ in 0..2 {
        log.pin("projection", &[read]).await.unwrap();
    }
    // Where the pins are staged, and the segments of `main` that are written anew.
    std::fs::create_dir(dir.path().join("pins.tmp")).unwrap();
    File::create(dir.path().join("main/rewriting")).unwrap();
    clock.advance_millis(100 * DAY_MS);
    assert!(log.retain().await.is_err(), "it is told");
    let webhooks = log.range(WEBHOOKS, 0, Visibility::Durable).await.unwrap();
    assert!(webhooks.start > 0, "{webhooks:?}");

    std::fs::remove_file(dir.path().join("main/rewriting")).unwrap();
    let retained = log.retain().await.unwrap();
    assert!(retained.segments_rewritten > 0, "{retained:?}");
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

/// A worker and a projection that a later version does not have, and one before it has.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_no_version_any_more_is_not_waited_for() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let at = |topic, offset| Position {
        topic,
        partition: 0,
        offset,
    };
    let dropped = Group {
        name: "dropped".to_owned(),
        topics: vec![COMMANDS],
        start: Start::Beginning,
        visibility: Visibility::Durable,
    };
    let pinned = "projection dropped";
    let log = open(dir.path(), &clock);
    fill(&log, 60).await;
    log.pin(pinned, &[at(WEBHOOKS, 1)]).await.unwrap();
    let mut member = log.join(dropped.clone()).await.unwrap();
    let transaction = Transaction {
        consumed: vec![at(COMMANDS, 1)],
        ..Transaction::default()
    };
    member.commit(transaction).await.unwrap();
    drop(member);
    clock.advance_millis(100 * DAY_MS);
    let mut log = settled(log, dir.path(), &clock).await;
    let both = Consumers {
        groups: BTreeSet::from([dropped.name.clone()]),
        pinned: BTreeSet::from([pinned.to_owned()]),
    };
    let nobody = || Some(Consumers::default());

    // By a version that says nothing, by one that has them, and by one that forgets to
    // name who then is at work.
    for (consumers, works) in [(None, false), (Some(both), false), (nobody(), true)] {
        log.close().await.unwrap();
        drop(log);
        log = open_for(dir.path(), &clock, consumers);
        if works {
            log.pin(pinned, &[at(WEBHOOKS, 1)]).await.unwrap();
            drop(log.join(dropped.clone()).await.unwrap());
        }
        assert_eq!(log.retain().await.unwrap(), Retained::default());
    }

    log.close().await.unwrap();
    drop(log);
    log = open_for(dir.path(), &clock, nobody());
    let retained = log.retain().await.unwrap();
    assert!(
        retained.segments_dropped > 0 && retained.segments_rewritten > 0,
        "{retained:?}"
    );

    // The version before has it again: it goes on, from what is left.
    log = settled(log, dir.path(), &clock).await;
    let commands = log.range(COMMANDS, 0, Visibility::Durable).await.unwrap();
    assert!(commands.start > 1 && commands.end == 60, "{commands:?}");
    log.append(vec![record(COMMANDS, 0, "new")]).await.unwrap();
    let mut member = log.join(dropped).await.unwrap();
    let first = loop {
        if let Delivery::Records(fetched) = member.next(1 << 20).await.unwrap() {
            break fetched[0].records[0].position.offset;
        }
    };
    assert_eq!(first, commands.start);
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
