//! How far consumers are behind, seen from beside.

use std::collections::BTreeMap;
use std::sync::Arc;

use eventlog::lag::{Lag, Lags};
use eventlog::{Delivery, Group, Log, Position, Start, Transaction, Visibility};
use schemas::context::Clock;
use schemas::time::Timestamp;
use schemas::topic::Topic;

use super::records::record_in;
use super::{Backend, soon};

const COMMANDS: Topic = Topic::IncidentCommands;
const EVENTS: Topic = Topic::IncidentEvents;

async fn end(log: &Log, topic: Topic) -> Position {
    let range = log.range(topic, 2, Visibility::Durable).await.unwrap();
    Position {
        topic,
        partition: 2,
        offset: range.end,
    }
}

async fn look(lags: &Lags, log: &Log, later_ms: i64) -> BTreeMap<String, Lag> {
    let now: Timestamp = Clock::System.now().plus_millis(later_ms);
    lags.look(log, now).await.unwrap()
}

pub(crate) async fn a_fold_that_stands_still_falls_behind_and_catches_up(backend: &dyn Backend) {
    let (log, lags) = (backend.open().await, Arc::new(Lags::default()));
    let watched = lags.watch(log.clone());
    let start = end(&log, EVENTS).await;
    watched.pin("still", &[start]).await.unwrap();
    watched.pin("brisk", &[start]).await.unwrap();
    let none = look(&lags, &log, 0).await;
    assert_eq!((none["still"], none["brisk"]), Default::default());
    for n in 0..3 {
        log.append(vec![record_in(EVENTS, 2, &n.to_string())])
            .await
            .unwrap();
    }
    watched
        .pin("brisk", &[end(&log, EVENTS).await])
        .await
        .unwrap();
    // What has just come is counted and is not late yet.
    let new = look(&lags, &log, 0).await;
    assert_eq!((new["still"].records, new["still"].seconds), (3, 0.0));
    let late = look(&lags, &log, 60_000).await;
    assert!((59.0..90.0).contains(&late["still"].seconds), "{late:?}");
    let later = look(&lags, &log, 120_000).await;
    assert!(
        (119.0..150.0).contains(&later["still"].seconds),
        "{later:?}"
    );
    assert_eq!(later["brisk"], Lag::default());
    watched
        .pin("still", &[end(&log, EVENTS).await])
        .await
        .unwrap();
    let caught_up = look(&lags, &log, 120_000).await;
    assert_eq!(caught_up["still"], Lag::default());
}

pub(crate) async fn a_group_that_does_not_commit_falls_behind(backend: &dyn Backend) {
    let (log, lags) = (backend.open().await, Arc::new(Lags::default()));
    for n in 0..2 {
        log.append(vec![record_in(COMMANDS, 2, &n.to_string())])
            .await
            .unwrap();
    }
    let group = Group {
        name: "contract.lag".to_owned(),
        topics: vec![COMMANDS],
        start: Start::Beginning,
        visibility: Visibility::Appended,
    };
    let mut member = lags.watch(log.clone()).join(group).await.unwrap();
    let (mut taken, mut consumed) = (0, Vec::new());
    while taken < 2 {
        let delivery = soon("a delivery", member.next(1 << 20)).await.unwrap();
        if let Delivery::Records(fetched) = delivery {
            taken += fetched.iter().map(|part| part.records.len()).sum::<usize>();
            consumed.extend(fetched.iter().map(|part| Position {
                topic: part.topic,
                partition: part.partition,
                offset: part.next_offset,
            }));
        }
    }
    look(&lags, &log, 0).await;
    let late = look(&lags, &log, 60_000).await["contract.lag"];
    assert_eq!(late.records, 2);
    assert!(late.seconds > 59.0, "{late:?}");
    // A batch whose end on Kafka is one more offset that no record has.
    let transaction = Transaction {
        consumed,
        records: vec![record_in(COMMANDS, 2, "a"), record_in(EVENTS, 2, "b")],
        finish: None,
    };
    member.commit(transaction).await.unwrap();
    let Delivery::Records(fetched) = soon("its own", member.next(1 << 20)).await.unwrap() else {
        panic!("records follow");
    };
    let consumed = fetched.iter().map(|part| Position {
        topic: part.topic,
        partition: part.partition,
        offset: part.next_offset,
    });
    let transaction = Transaction {
        consumed: consumed.collect(),
        ..Transaction::default()
    };
    member.commit(transaction).await.unwrap();
    testkit::eventually("nothing waits", || async {
        let lag = look(&lags, &log, 60_000).await["contract.lag"];
        (lag == Lag::default()).then_some(())
    })
    .await;
}
