//! What the embedded log promises beyond the contract: its lock, its identity,
//! unsynced reads, a disk that fails, and what its files survive.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "embedded/catch_up.rs"]
mod catch_up;
#[path = "embedded/files.rs"]
mod files;
#[path = "embedded/full_disk.rs"]
mod full_disk;
#[path = "embedded/ownership.rs"]
mod ownership;
#[path = "embedded/retention.rs"]
mod retention;
#[path = "embedded/snapshot.rs"]
mod snapshot;
#[path = "embedded/sync.rs"]
mod sync;

use bytes::Bytes;
use eventlog::{EventLog, NewRecord, Visibility};
use schemas::topic::Topic;

fn record(topic: Topic, partition: i32, text: &str) -> NewRecord {
    NewRecord {
        topic,
        partition: Some(partition),
        key: Bytes::from_static(b"key"),
        headers: [("ce_type", "Example")].into(),
        body: Bytes::copy_from_slice(text.as_bytes()),
    }
}

/// The texts of a partition from its first record on.
async fn texts(
    log: &dyn EventLog,
    topic: Topic,
    partition: i32,
    visibility: Visibility,
) -> Vec<String> {
    let range = log.range(topic, partition, visibility).await.unwrap();
    let mut from = range.start;
    let mut texts = Vec::new();
    while from < range.end {
        let fetched = log
            .read(topic, partition, from, 1 << 20, visibility)
            .await
            .unwrap();
        from = fetched.next_offset;
        let bodies = fetched.records.iter().map(|record| &record.body);
        texts.extend(bodies.map(|body| String::from_utf8_lossy(body).into_owned()));
    }
    texts
}
