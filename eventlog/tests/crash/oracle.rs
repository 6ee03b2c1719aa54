//! What was acknowledged, and whether a log still has all of it, once.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{EventLog, NewRecord, Position, Visibility};
use schemas::topic::Topic;

/// The topics that children write to: two journals.
pub(crate) const TOPICS: [Topic; 3] = [
    Topic::IncidentEvents,
    Topic::IncidentCommands,
    Topic::InboundWebhooks,
];

/// A record whose body follows from its id, so that a reader can tell whether it
/// is whole.
pub(crate) fn record(topic: Topic, id: &str) -> NewRecord {
    NewRecord {
        topic,
        partition: None,
        key: Bytes::copy_from_slice(id.as_bytes()),
        headers: [("ce_type", "Example")].into(),
        body: body(id),
    }
}

fn body(id: &str) -> Bytes {
    let hash = crc32c::crc32c(id.as_bytes());
    // Mostly small, sometimes as large as a webhook.
    let len = if hash.is_multiple_of(16) {
        hash % 60_000
    } else {
        hash % 600
    };
    let letters = id.bytes().cycle().take(len as usize);
    letters.collect::<Vec<u8>>().into()
}

/// The acknowledged ids in a file, one line each: `id topic partition offset`.
pub(crate) struct Oracle {
    path: PathBuf,
}

impl Oracle {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Notes what was acknowledged; a line is one write, so it is whole or absent.
    pub(crate) fn note(mut file: &File, id: &str, position: Position) {
        let (topic, partition) = (position.topic.name(), position.partition);
        let line = format!("{id} {topic} {partition} {}\n", position.offset);
        file.write_all(line.as_bytes())
            .expect("the oracle is writable");
    }

    fn acknowledged(&self) -> HashMap<String, Position> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
        whole.lines().map(parse).collect()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn parse(line: &str) -> (String, Position) {
    let mut parts = line.split(' ');
    let mut part = || parts.next().expect("a line has four parts");
    let id = part().to_owned();
    let position = Position {
        topic: Topic::by_name(part()).expect("children write known topics"),
        partition: part().parse().expect("a partition"),
        offset: part().parse().expect("an offset"),
    };
    (id, position)
}

/// What became of the acknowledged records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) acknowledged: usize,
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    pub(crate) changed: usize,
    /// How long opening took.
    pub(crate) open_ms: u128,
}

/// Opens the log in `dir` and holds it against the oracle. A log that a lying disk
/// left unreadable has lost everything.
pub(crate) async fn judge(dir: &Path, oracle: &Oracle) -> Verdict {
    let acknowledged = oracle.acknowledged();
    let begun = std::time::Instant::now();
    let opened = EmbeddedLog::open(Options::new(dir));
    let mut verdict = Verdict {
        acknowledged: acknowledged.len(),
        open_ms: begun.elapsed().as_millis(),
        ..Verdict::default()
    };
    let Ok(log) = opened else {
        verdict.lost = acknowledged.len();
        return verdict;
    };
    let stored = stored(&log, &mut verdict).await;
    let kept = |(id, position): &(&String, &Position)| stored.get(*id) == Some(*position);
    verdict.lost = acknowledged.iter().filter(|entry| !kept(entry)).count();
    log.close().await.expect("the log closes");
    verdict
}

async fn stored(log: &EmbeddedLog, verdict: &mut Verdict) -> HashMap<String, Position> {
    let mut stored = HashMap::new();
    let mut seen = HashSet::new();
    for topic in TOPICS {
        for partition in 0..topic.partitions() {
            let range = log.range(topic, partition, Visibility::Durable).await;
            let range = range.expect("the partition exists");
            let mut from = range.start;
            while from < range.end {
                let read = log.read(topic, partition, from, 1 << 20, Visibility::Durable);
                let Ok(fetched) = read.await else { break };
                from = fetched.next_offset;
                for record in fetched.records {
                    let id = String::from_utf8_lossy(&record.key).into_owned();
                    verdict.changed += usize::from(record.body != body(&id));
                    verdict.doubled += usize::from(!seen.insert(id.clone()));
                    stored.insert(id, record.position);
                }
            }
        }
    }
    stored
}
