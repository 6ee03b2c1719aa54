//! Brokers that do not answer for a while. A program of its own, because the
//! broker that it stops is shared by the tests of one process.
#![cfg(feature = "kafka")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use eventlog::kafka::{KafkaLog, Options};
use eventlog::{
    Delivery, EventLog, Group, LogError, Member, NewRecord, Position, Start, Transaction,
    Visibility,
};
use schemas::topic::Topic;

const COMMANDS: Topic = Topic::IncidentCommands;
const EVENTS: Topic = Topic::IncidentEvents;

fn record(text: &str) -> NewRecord {
    NewRecord {
        topic: COMMANDS,
        partition: Some(1),
        key: Bytes::from_static(b"key"),
        headers: Default::default(),
        body: Bytes::copy_from_slice(text.as_bytes()),
    }
}

fn signal(broker: i32, name: &str) {
    let status = Command::new("kill")
        .args(["-s", name, &broker.to_string()])
        .status();
    assert!(status.is_ok_and(|status| status.success()));
}

/// A broker that stands still; dropped, it goes on.
struct Stopped(i32);

impl Stopped {
    async fn at(broker: i32) -> Self {
        signal(broker, "STOP");
        let stopped = Self(broker);
        // The threads of a process stop one after another.
        testkit::eventually("every thread of the broker stands still", || async {
            let threads = std::fs::read_dir(format!("/proc/{broker}/task")).unwrap();
            let mut states = threads.map(|thread| {
                let stat = std::fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
                stat.rsplit_once(") ")
                    .map(|(_, state)| state.starts_with('T'))
            });
            states.all(|stands| stands == Some(true)).then_some(())
        })
        .await;
        stopped
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        signal(self.0, "CONT");
    }
}

/// Handles commands, one event each, until one says `text`.
async fn handle_until(member: &mut dyn Member, text: &str) {
    loop {
        let Delivery::Records(fetched) = member.next(1 << 20).await.unwrap() else {
            continue;
        };
        let records: Vec<_> = fetched.iter().flat_map(|of_one| &of_one.records).collect();
        let last = records.iter().any(|record| record.body == text);
        let event = |body: &Bytes| NewRecord {
            topic: EVENTS,
            body: body.clone(),
            ..record("")
        };
        let next = fetched.iter().map(|of_one| Position {
            topic: of_one.topic,
            partition: of_one.partition,
            offset: of_one.next_offset,
        });
        let transaction = Transaction {
            consumed: next.collect(),
            records: records.iter().map(|record| event(&record.body)).collect(),
            finish: None,
        };
        // What is not committed comes again.
        if member.commit(transaction).await.is_ok() && last {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_are_refused_and_work_goes_on_afterwards() {
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let options = Options {
        prefix: place.prefix.clone(),
        replication: 1,
        ..Options::new(&place.brokers, "outage")
    };
    let log = KafkaLog::open(options).await.unwrap();
    let group = Group {
        name: "workers".to_owned(),
        topics: vec![COMMANDS],
        start: Start::Beginning,
        visibility: Visibility::Durable,
    };
    let mut member = log.join(group).await.unwrap();
    log.append(vec![record("before")]).await.unwrap();
    handle_until(member.as_mut(), "before").await;

    let stopped = Stopped::at(place.pid).await;
    let refused = log.append(vec![record("during")]).await;
    assert!(
        matches!(refused, Err(LogError::Unavailable(_))),
        "{refused:?}"
    );
    drop(stopped);

    testkit::eventually("appends are taken again", || async {
        log.append(vec![record("after")]).await.ok()
    })
    .await;
    let handled = handle_until(member.as_mut(), "after");
    tokio::time::timeout(Duration::from_secs(120), handled)
        .await
        .unwrap();

    let count = |topic| {
        let log = log.clone();
        async move {
            let range = log.range(topic, 1, Visibility::Durable).await.unwrap();
            let (mut next, mut bodies) = (range.start, Vec::new());
            while next < range.end {
                let page = log
                    .read(topic, 1, next, 1 << 20, Visibility::Durable)
                    .await
                    .unwrap();
                next = page.next_offset;
                bodies.extend(page.records.into_iter().map(|record| record.body));
            }
            bodies
        }
    };
    let (commands, events) = (count(COMMANDS).await, count(EVENTS).await);
    assert!(events.len() >= commands.len() - usize::from(commands.last() != events.last()));
    assert_eq!(
        commands[..events.len()],
        events[..],
        "each command once and in order"
    );
}
