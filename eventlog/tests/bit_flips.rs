//! One flipped bit anywhere in the written bytes of a log: reported with journal,
//! segment and place, never served, and no neighbour of the hit record is lost.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use eventlog::embedded::{EmbeddedLog, Options, verify};
use eventlog::{EventLog, LogError, NewRecord, Position, Record, Visibility};
use schemas::topic::Topic;

const TOPICS: [Topic; 3] = [
    Topic::IncidentEvents,
    Topic::CommandOutcomes,
    Topic::InboundWebhooks,
];

#[expect(
    clippy::disallowed_methods,
    reason = "make prove raises the count through the environment"
)]
fn count() -> usize {
    let set = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let wanted = set("SRE_COPILOT_PROVE_FLIPS").and_then(|text| text.parse().ok());
    let full = set("SRE_COPILOT_PROVE").map(|_| 1_000);
    wanted.or(full).unwrap_or(100)
}

fn options(dir: &Path) -> Options {
    Options {
        segment_bytes: 64 << 10,
        tail_memory_bytes: 0,
        ..Options::new(dir)
    }
}

/// A log of some segments in two journals, and everything that was acknowledged.
async fn build(dir: &Path) -> HashMap<Position, Record> {
    let log = EmbeddedLog::open(options(dir)).unwrap();
    for n in 0..120usize {
        let batch = (0..1 + n % 5).map(|m| NewRecord {
            topic: TOPICS[n % 3],
            partition: Some(m as i32 % 3),
            key: Bytes::from(format!("key {n}")),
            headers: [("ce_type", "Example")].into(),
            body: vec![n as u8; (n * 37 + m * 11) % 1_500].into(),
        });
        log.append(batch.collect()).await.unwrap();
    }
    let (records, corrupt) = read_everything(&log).await;
    assert_eq!(corrupt, []);
    log.close().await.unwrap();
    records
}

/// Every record that the log serves, and the positions that it refuses to serve.
async fn read_everything(log: &EmbeddedLog) -> (HashMap<Position, Record>, Vec<Position>) {
    let (mut records, mut corrupt) = (HashMap::new(), Vec::new());
    for topic in TOPICS {
        for partition in 0..topic.partitions() {
            let range = log
                .range(topic, partition, Visibility::Durable)
                .await
                .unwrap();
            let mut offset = range.start;
            while offset < range.end {
                let read = log.read(topic, partition, offset, 8 << 10, Visibility::Durable);
                match read.await {
                    Ok(fetched) => {
                        offset = fetched.next_offset;
                        let served = fetched.records.into_iter();
                        records.extend(served.map(|record| (record.position, record)));
                    }
                    Err(LogError::Corrupt { .. }) => {
                        corrupt.push(Position {
                            topic,
                            partition,
                            offset,
                        });
                        offset += 1;
                    }
                    Err(e) => panic!("{e}"),
                }
            }
        }
    }
    (records, corrupt)
}

/// Segment files with the ends of what was written in them.
fn written(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut written = Vec::new();
    for journal in ["main", "webhooks"] {
        for entry in std::fs::read_dir(dir.join(journal)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "seg") {
                let content = std::fs::read(&path).unwrap();
                let end = content.iter().rposition(|byte| *byte != 0).unwrap() + 1;
                written.push((path, (end as u64).next_multiple_of(4096)));
            }
        }
    }
    written.sort();
    written
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn flip(path: &Path, byte: u64, bit: u32) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut one = [0];
    file.read_exact_at(&mut one, byte).unwrap();
    file.write_all_at(&[one[0] ^ (1 << bit)], byte).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_reported_and_hits_only_its_record() {
    let home = tempfile::tempdir().unwrap();
    let original = home.path().join("original");
    let wanted = build(&original).await;
    assert_eq!(verify(&original).unwrap().findings, []);
    let files = written(&original);
    assert!(files.len() >= 4, "the log has several segments: {files:?}");
    let mut hit_records = 0;
    for round in 0..count() {
        let random = u64::from_le_bytes(schemas::context::random_bytes());
        let (path, end) = &files[(random % files.len() as u64) as usize];
        let byte = (random >> 8) % end;
        let within = path.strip_prefix(&original).unwrap();
        let context = format!(
            "round {round}: bit {} of byte {byte} of {within:?}",
            random >> 61
        );

        let dir = home.path().join("flipped");
        copy(&original, &dir);
        flip(&dir.join(within), byte, (random >> 61) as u32);

        let findings = verify(&dir).unwrap().findings;
        let named = findings.iter().any(|finding| {
            within == Path::new(finding.journal).join(&finding.segment)
                && (finding.byte..finding.byte + finding.bytes).contains(&byte)
        });
        assert!(named, "{context} was not reported: {findings:?}");

        let log = EmbeddedLog::open(options(&dir)).unwrap();
        let (served, corrupt) = read_everything(&log).await;
        for (position, record) in &served {
            assert_eq!(
                wanted.get(position),
                Some(record),
                "{context} changed {position}"
            );
        }
        assert_eq!(
            served.len() + corrupt.len(),
            wanted.len(),
            "{context} lost neighbours"
        );
        assert!(corrupt.len() <= 1, "{context} hit {corrupt:?}");
        for position in &corrupt {
            let reported = findings
                .iter()
                .any(|finding| finding.record == Some(*position));
            assert!(reported, "{context} hit {position}, which was not named");
        }
        hit_records += corrupt.len();
        log.close().await.unwrap();
        drop(log);
        std::fs::remove_dir_all(&dir).unwrap();
    }
    println!(
        "PROOF eventlog bit flips: {} flips, all reported, {hit_records} records hit, 0 neighbours lost",
        count()
    );
    assert!(
        hit_records > 0,
        "no flip hit a record, so nothing was shown about serving"
    );
}

/// Flips a bit of the first record body in the file and forges both checksums over
/// it (layout in `frame.rs` and `segment.rs`): what a reader without them would see.
fn flip_unnoticed(path: &Path) {
    let mut content = std::fs::read(path).unwrap();
    let word =
        |content: &[u8], at: usize| u32::from_le_bytes(content[at..at + 4].try_into().unwrap());
    let mut frames = (4096..content.len() - 44).filter(|at| content[*at..].starts_with(b"REC1"));
    let frame = frames
        .find(|at| word(&content, at + 4) > 64 && content[at + 12] == 5)
        .unwrap();
    let end = frame + 44 + word(&content, frame + 4) as usize;
    content[end - 1] ^= 1;
    let payload = crc32c::crc32c(&content[frame + 44..end]);
    content[frame + 8..frame + 12].copy_from_slice(&payload.to_le_bytes());
    let incarnation = crc32c::crc32c(&content[24..32]);
    let header = crc32c::crc32c_append(incarnation, &content[frame..frame + 40]);
    content[frame + 40..frame + 44].copy_from_slice(&header.to_le_bytes());
    std::fs::write(path, content).unwrap();
}

/// The control: where the checksums do not speak, the flip is served, and the
/// comparison of the test above is what sees it.
#[tokio::test(flavor = "multi_thread")]
async fn control_a_flip_under_forged_checksums_is_served_and_seen() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("forged");
    let wanted = build(&dir).await;
    let (path, _) = &written(&dir)[0];
    flip_unnoticed(path);
    assert_eq!(verify(&dir).unwrap().findings, []);
    let log = EmbeddedLog::open(options(&dir)).unwrap();
    let (served, corrupt) = read_everything(&log).await;
    let changed = served
        .iter()
        .filter(|(at, record)| wanted.get(at) != Some(record));
    assert_eq!((changed.count(), corrupt.len()), (1, 0));
    println!("PROOF eventlog bit flips, control: with forged checksums 1 flip was served and seen");
}
