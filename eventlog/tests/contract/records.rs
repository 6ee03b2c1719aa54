//! Records for the contract's tests.

use bytes::Bytes;
use eventlog::{Fetched, Log, NewRecord, Offset, Partition, Position, Visibility};
use schemas::topic::Topic;

/// A record whose body is `text` in a partition of its key.
pub(crate) fn record(topic: Topic, key: &str, text: &str) -> NewRecord {
    NewRecord {
        topic,
        partition: None,
        key: Bytes::copy_from_slice(key.as_bytes()),
        headers: [("ce_type", "Example")].into(),
        body: Bytes::copy_from_slice(text.as_bytes()),
    }
}

/// A record in the given partition.
pub(crate) fn record_in(topic: Topic, partition: Partition, text: &str) -> NewRecord {
    NewRecord {
        partition: Some(partition),
        ..record(topic, "key", text)
    }
}

pub(crate) fn texts(fetched: &[Fetched]) -> Vec<String> {
    let records = fetched.iter().flat_map(|fetched| &fetched.records);
    records
        .map(|record| String::from_utf8_lossy(&record.body).into_owned())
        .collect()
}

/// Everything durable in one partition.
pub(crate) async fn read_all(log: &Log, topic: Topic, partition: Partition) -> Fetched {
    let range = log
        .range(topic, partition, Visibility::Durable)
        .await
        .expect("the partition exists");
    read_between(log, topic, partition, range.start, range.end).await
}

/// The records of `[from, end)`.
pub(crate) async fn read_between(
    log: &Log,
    topic: Topic,
    partition: Partition,
    from: Offset,
    end: Offset,
) -> Fetched {
    let mut all = Fetched {
        topic,
        partition,
        records: Vec::new(),
        next_offset: from,
    };
    while all.next_offset < end {
        let fetched = log
            .read(
                topic,
                partition,
                all.next_offset,
                64 << 10,
                Visibility::Durable,
            )
            .await
            .expect("the range is readable");
        assert!(
            fetched.next_offset > all.next_offset,
            "reading {topic:?}/{partition} stands still at {}",
            all.next_offset
        );
        all.next_offset = fetched.next_offset;
        all.records.extend(fetched.records);
    }
    all
}

/// The end of a partition, as a place to read on from.
pub(crate) async fn end_of(log: &Log, topic: Topic, partition: Partition) -> Position {
    let range = log
        .range(topic, partition, Visibility::Durable)
        .await
        .expect("the partition exists");
    Position {
        topic,
        partition,
        offset: range.end,
    }
}
