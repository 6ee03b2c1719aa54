//! A subscription that is far behind: it reads segments, not memory.

use std::collections::BTreeMap;
use std::path::Path;

use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{EventLog, Offset, Partition, Position, Record, Visibility};
use schemas::topic::Topic;

use super::record;

const TOPIC: Topic = Topic::IncidentEvents;
const RECORDS: usize = 3_000;

fn options(dir: &Path) -> Options {
    Options {
        segment_bytes: 64 << 10,
        tail_memory_bytes: 4 << 10,
        ..Options::new(dir)
    }
}

/// A log of many small segments, and what each partition was told in order.
async fn filled(
    dir: &Path,
) -> (
    std::sync::Arc<EmbeddedLog>,
    BTreeMap<Partition, Vec<Offset>>,
) {
    let log = EmbeddedLog::open(options(dir)).unwrap();
    let mut told = BTreeMap::<_, Vec<_>>::new();
    for n in (0..RECORDS).step_by(10) {
        let followed = (n..n + 10).map(|n| record(TOPIC, (n * n % 97 % 16) as i32, "followed"));
        let between = record(Topic::CommandOutcomes, 0, "not followed");
        let batch = followed.chain([between]).collect();
        let positions = log.append(batch).await.unwrap();
        for position in positions.into_iter().take(10) {
            told.entry(position.partition)
                .or_default()
                .push(position.offset);
        }
    }
    (log, told)
}

fn from(partition: Partition, offset: Offset) -> Position {
    Position {
        topic: TOPIC,
        partition,
        offset,
    }
}

#[tokio::test]
async fn every_partition_comes_in_order_from_its_own_offset() {
    let dir = tempfile::tempdir().unwrap();
    let (log, told) = filled(dir.path()).await;
    // One from the beginning, one from its end, the others from somewhere between.
    let begins = told.iter().map(|(partition, offsets)| {
        let at = offsets.len() * *partition as usize / (told.len() - 1).max(1);
        (*partition, at.min(offsets.len() - 1))
    });
    let begins: BTreeMap<_, _> = begins.collect();
    for max_bytes in [1, 700, 20_000] {
        let starts = begins.iter().map(|(p, at)| from(*p, told[p][*at]));
        let mut reader = log
            .subscribe(starts.collect(), Visibility::Durable)
            .await
            .unwrap();
        let wanted = begins.iter().map(|(p, at)| (*p, told[p][*at..].to_vec()));
        let wanted: BTreeMap<_, _> = wanted.collect();
        let mut left: usize = wanted.values().map(Vec::len).sum();
        let mut read = BTreeMap::<_, Vec<_>>::new();
        while left > 0 {
            for part in reader.next(max_bytes).await.unwrap() {
                left -= part.records.len();
                let offsets = part.records.iter().map(|r: &Record| r.position.offset);
                read.entry(part.partition).or_default().extend(offsets);
            }
        }
        assert_eq!(read, wanted, "with {max_bytes} bytes at a time");
    }
}

#[tokio::test]
async fn one_far_behind_does_not_starve_one_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (log, told) = filled(dir.path()).await;
    let mut partitions = told.iter();
    let (behind, _) = partitions.next().unwrap();
    let (ahead, offsets) = partitions.next_back().unwrap();
    let starts = vec![from(*behind, 0), from(*ahead, *offsets.last().unwrap())];
    let mut reader = log.subscribe(starts, Visibility::Durable).await.unwrap();
    let mut calls = Vec::new();
    while !calls.contains(ahead) {
        let parts = reader.next(1).await.unwrap();
        calls.extend(parts.iter().map(|part| part.partition));
    }
    assert!(calls.len() <= 3, "it came after {calls:?}");
}
