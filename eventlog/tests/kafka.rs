//! What only the log on Kafka can get wrong.
#![cfg(feature = "kafka")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "kafka/cluster.rs"]
mod cluster;
#[path = "kafka/ownership.rs"]
mod ownership;
#[path = "kafka/progress.rs"]
mod progress;

use bytes::Bytes;
use eventlog::kafka::{KafkaLog, Options};
use eventlog::{
    Delivery, Fetched, Group, Log, Member, NewRecord, Partition, Position, Start, Visibility,
};
use schemas::topic::Topic;
use testkit::TestKafka;

const COMMANDS: Topic = Topic::IncidentCommands;
const EVENTS: Topic = Topic::IncidentEvents;

fn options(place: &TestKafka, instance: &str) -> Options {
    Options {
        prefix: place.prefix.clone(),
        replication: 1,
        ..Options::new(&place.brokers, instance)
    }
}

async fn open(place: &TestKafka, instance: &str) -> Log {
    KafkaLog::open(options(place, instance)).await.unwrap()
}

fn record(topic: Topic, partition: Partition, text: &str) -> NewRecord {
    NewRecord {
        topic,
        partition: Some(partition),
        key: Bytes::from_static(b"key"),
        headers: Default::default(),
        body: Bytes::copy_from_slice(text.as_bytes()),
    }
}

async fn join(log: &Log) -> Box<dyn Member> {
    let group = Group {
        name: "workers".to_owned(),
        topics: vec![COMMANDS],
        start: Start::Beginning,
        visibility: Visibility::Durable,
    };
    log.join(group).await.unwrap()
}

/// The next delivery, within the longest time that a takeover needs.
async fn next(member: &mut dyn Member) -> Delivery {
    let limit = std::time::Duration::from_secs(90);
    let delivery = tokio::time::timeout(limit, member.next(1 << 20)).await;
    delivery.expect("there is a delivery").unwrap()
}

/// The next records, past changes of ownership.
async fn records(member: &mut dyn Member) -> Vec<Fetched> {
    loop {
        if let Delivery::Records(fetched) = next(member).await {
            return fetched;
        }
    }
}

fn texts(fetched: &[Fetched]) -> Vec<String> {
    let records = fetched.iter().flat_map(|of_one| &of_one.records);
    records
        .map(|record| String::from_utf8_lossy(&record.body).into_owned())
        .collect()
}

fn consumed(fetched: &[Fetched]) -> Vec<Position> {
    let next = |of_one: &Fetched| Position {
        topic: of_one.topic,
        partition: of_one.partition,
        offset: of_one.next_offset,
    };
    fetched.iter().map(next).collect()
}
