//! Following partitions.

use std::time::Duration;

use eventlog::{Log, Position, Subscription, Visibility};
use schemas::topic::Topic;

use super::records::{end_of, record_in, texts};
use super::{Backend, soon};

const EVENTS: Topic = Topic::IncidentEvents;

async fn follow(log: &Log, from: Vec<Position>) -> Box<dyn Subscription> {
    log.subscribe(from, Visibility::Durable).await.unwrap()
}

/// Takes records until there are `count`.
async fn take(subscription: &mut dyn Subscription, count: usize) -> Vec<String> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let fetched = soon("the next record", subscription.next(1 << 20)).await;
        taken.extend(texts(&fetched.unwrap()));
    }
    taken
}

pub(crate) async fn wakes_when_a_record_arrives(backend: &dyn Backend) {
    let log = backend.open().await;
    let mut subscription = follow(&log, vec![end_of(&log, EVENTS, 1).await]).await;
    for n in 0..10 {
        let text = n.to_string();
        let waiting = tokio::spawn(async move {
            let taken = take(subscription.as_mut(), 1).await;
            (subscription, taken)
        });
        log.append(vec![record_in(EVENTS, 1, &text)]).await.unwrap();
        let (returned, taken) = waiting.await.unwrap();
        subscription = returned;
        assert_eq!(taken, [text]);
    }
}

pub(crate) async fn follows_several_partitions(backend: &dyn Backend) {
    let log = backend.open().await;
    let webhooks = end_of(&log, Topic::InboundWebhooks, 2).await;
    let from = vec![
        end_of(&log, EVENTS, 0).await,
        end_of(&log, EVENTS, 1).await,
        webhooks,
    ];
    let mut subscription = follow(&log, from).await;
    for n in 0..10 {
        let batch = vec![
            record_in(EVENTS, n % 2, &format!("{}", n % 2)),
            record_in(EVENTS, 5, "no"),
        ];
        log.append(batch).await.unwrap();
    }
    log.append(vec![record_in(Topic::InboundWebhooks, 2, "2")])
        .await
        .unwrap();
    let mut taken = take(subscription.as_mut(), 11).await;
    taken.sort();
    assert_eq!(taken.concat(), "00000111112");
}

pub(crate) async fn begins_where_it_is_told(backend: &dyn Backend) {
    let log = backend.open().await;
    let batch = (0..10).map(|n| record_in(EVENTS, 0, &n.to_string()));
    let positions = log.append(batch.collect()).await.unwrap();
    let mut subscription = follow(&log, vec![positions[7]]).await;
    assert_eq!(take(subscription.as_mut(), 3).await, ["7", "8", "9"]);
}

pub(crate) async fn a_dropped_wait_loses_nothing(backend: &dyn Backend) {
    let log = backend.open().await;
    let mut subscription = follow(&log, vec![end_of(&log, EVENTS, 0).await]).await;
    let appending = tokio::spawn({
        let log = log.clone();
        async move {
            for n in 0..200 {
                log.append(vec![record_in(EVENTS, 0, &n.to_string())])
                    .await
                    .unwrap();
            }
        }
    });
    let mut taken: Vec<String> = Vec::new();
    while taken.len() < 200 {
        // Most of these waits are dropped at some point before their answer.
        let wait = tokio::time::timeout(Duration::from_micros(300), subscription.next(500));
        if let Ok(fetched) = wait.await {
            taken.extend(texts(&fetched.unwrap()));
        } else {
            taken.extend(take(subscription.as_mut(), usize::from(taken.len() < 200)).await);
        }
    }
    appending.await.unwrap();
    let wanted: Vec<_> = (0..200).map(|n| n.to_string()).collect();
    assert_eq!(taken, wanted);
}
