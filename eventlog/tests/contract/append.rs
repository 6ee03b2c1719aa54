//! Appending.

use std::collections::HashSet;

use eventlog::LogError;
use schemas::topic::Topic;

use super::records::{end_of, read_all, record, record_in, texts};
use super::{Backend, reopen};

const EVENTS: Topic = Topic::IncidentEvents;

pub(crate) async fn returns_positions_in_order(backend: &dyn Backend) {
    let log = backend.open().await;
    let batch = vec![
        record_in(EVENTS, 2, "a"),
        record_in(Topic::IncidentCommands, 2, "b"),
        record_in(EVENTS, 2, "c"),
    ];
    let positions = log.append(batch).await.unwrap();
    let topics: Vec<_> = positions.iter().map(|p| (p.topic, p.partition)).collect();
    assert_eq!(
        topics,
        [(EVENTS, 2), (Topic::IncidentCommands, 2), (EVENTS, 2)]
    );
    assert!(positions[0].offset < positions[2].offset);
    let stored = read_all(&log, EVENTS, 2).await;
    let offsets: Vec<_> = stored.records.iter().map(|r| r.position).collect();
    assert_eq!(offsets, [positions[0], positions[2]]);
}

pub(crate) async fn keeps_the_order_of_a_partition(backend: &dyn Backend) {
    let log = backend.open().await;
    let wanted: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    for pair in wanted.chunks(2) {
        let batch = pair.iter().map(|text| record_in(EVENTS, 5, text));
        log.append(batch.collect()).await.unwrap();
    }
    assert_eq!(texts(&[read_all(&log, EVENTS, 5).await]), wanted);
}

pub(crate) async fn equal_keys_meet_in_one_partition(backend: &dyn Backend) {
    let log = backend.open().await;
    for key in ["a", "b", "incident-7"] {
        let batch = vec![
            record(EVENTS, key, "1"),
            record(Topic::IncidentCommands, key, "2"),
        ];
        let positions = log.append(batch).await.unwrap();
        let expected = EVENTS.partition_of(key.as_bytes());
        assert!(positions.iter().all(|p| p.partition == expected));
    }
}

pub(crate) async fn an_explicit_partition_wins(backend: &dyn Backend) {
    let log = backend.open().await;
    for partition in 0..EVENTS.partitions() {
        let positions = log
            .append(vec![record_in(EVENTS, partition, "x")])
            .await
            .unwrap();
        assert_eq!(positions[0].partition, partition);
    }
}

pub(crate) async fn accepts_an_empty_batch(backend: &dyn Backend) {
    let log = backend.open().await;
    assert_eq!(log.append(Vec::new()).await.unwrap(), []);
}

pub(crate) async fn refuses_a_record_that_is_too_large(backend: &dyn Backend) {
    let log = backend.open().await;
    let before = end_of(&log, EVENTS, 1).await;
    let large = record_in(EVENTS, 1, &"x".repeat(backend.oversized_body()));
    let refused = log.append(vec![record_in(EVENTS, 1, "small"), large]).await;
    assert!(
        matches!(refused, Err(LogError::TooLarge { .. })),
        "{refused:?}"
    );
    assert_eq!(
        end_of(&log, EVENTS, 1).await,
        before,
        "the batch is refused whole"
    );
    log.append(vec![record_in(EVENTS, 1, "after")])
        .await
        .unwrap();
    assert_eq!(texts(&[read_all(&log, EVENTS, 1).await]), ["after"]);
}

pub(crate) async fn refuses_a_batch_over_two_journals(backend: &dyn Backend) {
    let log = backend.open().await;
    let batch = vec![
        record_in(EVENTS, 0, "a"),
        record_in(Topic::InboundWebhooks, 0, "b"),
    ];
    let result = log.append(batch).await;
    if backend.has_journals() {
        assert!(
            matches!(result, Err(LogError::SpansJournals(..))),
            "{result:?}"
        );
        assert_eq!(texts(&[read_all(&log, EVENTS, 0).await]), [""; 0]);
    } else {
        result.unwrap();
    }
}

pub(crate) async fn takes_a_batch_of_thousands(backend: &dyn Backend) {
    let log = backend.open().await;
    let body = "x".repeat(300);
    let batch = (0..4_000).map(|n| record(EVENTS, &n.to_string(), &format!("{n} {body}")));
    let positions = log.append(batch.collect()).await.unwrap();
    assert_eq!(positions.iter().collect::<HashSet<_>>().len(), 4_000);
    let mut stored = 0;
    for partition in 0..EVENTS.partitions() {
        stored += read_all(&log, EVENTS, partition).await.records.len();
    }
    assert_eq!(stored, 4_000);
}

pub(crate) async fn concurrent_appenders_keep_their_order(backend: &dyn Backend) {
    let log = backend.open().await;
    let appender = |name: usize| {
        let log = log.clone();
        async move {
            let mut acked = Vec::new();
            for n in 0..25 {
                let text = format!("{name}:{n}");
                let positions = log.append(vec![record_in(EVENTS, 3, &text)]).await.unwrap();
                acked.push((positions[0].offset, text));
            }
            acked
        }
    };
    let tasks: Vec<_> = (0..8).map(|name| tokio::spawn(appender(name))).collect();
    let mut acked = Vec::new();
    for task in tasks {
        let of_one = task.await.unwrap();
        assert!(of_one.is_sorted(), "an appender's records keep its order");
        acked.extend(of_one);
    }
    acked.sort();
    let stored = read_all(&log, EVENTS, 3).await.records;
    let stored = stored.iter().map(|record| {
        let text = String::from_utf8_lossy(&record.body).into_owned();
        (record.position.offset, text)
    });
    assert_eq!(stored.collect::<Vec<_>>(), acked);
}

pub(crate) async fn nothing_acknowledged_is_lost_by_a_reopen(backend: &dyn Backend) {
    let mut log = backend.open().await;
    let mut wanted = Vec::new();
    for round in 0..4 {
        for n in 0..10 {
            let text = format!("{round}:{n}");
            log.append(vec![record_in(EVENTS, 6, &text)]).await.unwrap();
            wanted.push(text);
        }
        log = reopen(backend, log).await;
        assert_eq!(texts(&[read_all(&log, EVENTS, 6).await]), wanted);
    }
}
