//! Copying a log to Kafka: every record at its offset, the same id, groups where
//! they were; also where retention has left holes.
#![cfg(feature = "kafka")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "kafka_copy/holed.rs"]
mod holed;

use std::sync::Arc;

use bytes::Bytes;
use eventlog::copy::{CopyError, to_kafka};
use eventlog::embedded::{self, EmbeddedLog};
use eventlog::kafka::{self, KafkaLog, OpenError};
use eventlog::{
    Delivery, EventLog, Group, Log, Member, NewRecord, Partition, Position, Record, Start,
    Transaction, Visibility,
};
use holed::{Faulty, Holes};
use schemas::topic::Topic;
use testkit::TestKafka;

const COMMANDS: Topic = Topic::IncidentCommands;
const EVENTS: Topic = Topic::IncidentEvents;
const WEBHOOKS: Topic = Topic::InboundWebhooks;

fn record(topic: Topic, partition: Partition, text: &str) -> NewRecord {
    NewRecord {
        topic,
        partition: Some(partition),
        key: Bytes::from_static(b"key"),
        headers: [("ce_type", "Example")].into(),
        body: Bytes::copy_from_slice(text.as_bytes()),
    }
}

fn target(place: &TestKafka) -> kafka::Options {
    kafka::Options {
        prefix: place.prefix.clone(),
        replication: 1,
        ..kafka::Options::new(&place.brokers, "copy")
    }
}

fn embedded() -> (tempfile::TempDir, Arc<EmbeddedLog>) {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(embedded::Options::new(dir.path())).unwrap();
    (dir, log)
}

/// What must be equal of the records of a partition; Kafka keeps milliseconds.
async fn contents(log: &dyn EventLog, topic: Topic, partition: Partition) -> Vec<Record> {
    let range = log
        .range(topic, partition, Visibility::Durable)
        .await
        .unwrap();
    let (mut next, mut found) = (range.start, Vec::new());
    while next < range.end {
        let page = log
            .read(topic, partition, next, 1 << 20, Visibility::Durable)
            .await
            .unwrap();
        next = page.next_offset;
        found.extend(page.records);
    }
    for record in &mut found {
        let millis = record.appended_at.micros() / 1_000;
        record.appended_at = schemas::time::Timestamp::from_micros(millis * 1_000);
    }
    found
}

async fn assert_equal(from: &dyn EventLog, to: &dyn EventLog) {
    assert_eq!(to.id(), from.id());
    for topic in Topic::all() {
        for partition in 0..topic.partitions() {
            let name = format!("{}/{partition}", topic.name());
            let wanted = contents(from, topic, partition).await;
            assert_eq!(contents(to, topic, partition).await, wanted, "{name}");
            let old = from
                .range(topic, partition, Visibility::Durable)
                .await
                .unwrap();
            let new = to
                .range(topic, partition, Visibility::Durable)
                .await
                .unwrap();
            assert_eq!(new.end, old.end, "the end of {name}");
            let first = wanted
                .first()
                .map_or(old.end, |record| record.position.offset);
            assert_eq!(new.start, first, "the start of {name}");
        }
    }
}

/// Takes records until `count` are there, and where that leaves the group.
async fn take(member: &mut dyn Member, count: usize) -> (Vec<String>, Vec<Position>) {
    let (mut texts, mut next) = (Vec::new(), Vec::new());
    while texts.len() < count {
        let Delivery::Records(fetched) = member.next(1 << 20).await.unwrap() else {
            continue;
        };
        for of_one in fetched {
            let bodies = of_one
                .records
                .iter()
                .map(|r| String::from_utf8_lossy(&r.body).into());
            texts.extend(bodies);
            next.push(Position {
                topic: of_one.topic,
                partition: of_one.partition,
                offset: of_one.next_offset,
            });
        }
    }
    (texts, next)
}

async fn join(log: &dyn EventLog) -> Box<dyn Member> {
    let group = Group {
        name: "opener".to_owned(),
        topics: vec![COMMANDS],
        start: Start::Beginning,
        visibility: Visibility::Durable,
    };
    log.join(group).await.unwrap()
}

async fn fill(log: &dyn EventLog, records: usize) {
    for n in 0..records {
        let partition = i32::try_from(n % 3).unwrap();
        let text = n.to_string();
        let batch = vec![
            record(COMMANDS, partition, &text),
            record(EVENTS, partition, &text),
        ];
        log.append(batch).await.unwrap();
        log.append(vec![record(WEBHOOKS, partition, &text)])
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_where_it_was() {
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let (_dir, old) = embedded();
    fill(&*old, 30).await;
    let mut member = join(&*old).await;
    let (_, consumed) = take(member.as_mut(), 30).await;
    let records = vec![record(EVENTS, 0, "from the group")];
    member
        .commit(Transaction {
            consumed,
            records,
            finish: None,
        })
        .await
        .unwrap();
    drop(member);
    old.append(vec![record(COMMANDS, 1, "not yet handled")])
        .await
        .unwrap();

    let copied = to_kafka(&*old, target(&place)).await.unwrap();
    assert_eq!((copied.holes, copied.groups), (0, 1));
    let new: Log = KafkaLog::open(target(&place)).await.unwrap();
    assert_equal(&*old, &*new).await;
    let mut member = join(&*new).await;
    assert_eq!(take(member.as_mut(), 1).await.0, ["not yet handled"]);
    let appended = new
        .append(vec![record(COMMANDS, 1, "after")])
        .await
        .unwrap();
    assert_eq!(take(member.as_mut(), 1).await.0, ["after"]);
    let end = old
        .range(COMMANDS, 1, Visibility::Durable)
        .await
        .unwrap()
        .end;
    assert!(appended[0].offset >= end, "new records follow the old ones");
}

#[tokio::test(flavor = "multi_thread")]
async fn holes_stay_holes() {
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let (_dir, old) = embedded();
    fill(&*old, 60).await;
    // Offsets 0 to 19 of partitions 0 to 2: each sort of hole, and none in 2.
    let holes = |topic: Topic, partition, offset| match (topic, partition) {
        (EVENTS, 0) => offset < 3 || (7..=8).contains(&offset) || offset == 11 || offset == 13,
        (EVENTS, 1) => offset == 0 || (5..15).contains(&offset) || offset == 19,
        (COMMANDS, 0) => offset >= 17,
        (COMMANDS, 1) => true,
        _ => false,
    };
    let old = Faulty {
        log: old,
        fault: Holes(holes),
    };
    let copied = to_kafka(&old, target(&place)).await.unwrap();
    assert_eq!(copied.holes, 3 + 2 + 1 + 1 + 1 + 10 + 1 + 3 + 20);
    let new = KafkaLog::open(target(&place)).await.unwrap();
    assert_equal(&old, &*new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_empty_target_is_filled() {
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let (_dir, old) = embedded();
    fill(&*old, 2).await;
    to_kafka(&*old, target(&place)).await.unwrap();
    let again = to_kafka(&*old, target(&place)).await;
    assert!(matches!(again, Err(CopyError::NotEmpty)), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_copy_is_no_log() {
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let (_dir, old) = embedded();
    fill(&*old, 2).await;
    let cut_short = |topic, _, _| {
        assert_ne!(topic, WEBHOOKS, "cut short");
        false
    };
    let fails = Faulty {
        log: old,
        fault: Holes(cut_short),
    };
    let options = target(&place);
    let cut = tokio::spawn(async move { to_kafka(&fails, options).await.map(drop) }).await;
    assert!(cut.is_err(), "the copy ended before its end");
    let opened = KafkaLog::open(target(&place)).await.map(drop);
    assert!(matches!(opened, Err(OpenError::Unfinished)), "{opened:?}");
}
