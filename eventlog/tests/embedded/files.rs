//! What the log's files survive.

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use eventlog::embedded::{EmbeddedLog, Options, verify};
use eventlog::{EventLog, Visibility};
use schemas::topic::Topic;

use super::{record, texts};

const EVENTS: Topic = Topic::IncidentEvents;

fn options(dir: &Path) -> Options {
    Options {
        segment_bytes: 32 << 10,
        tail_memory_bytes: 0,
        ..Options::new(dir)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_account_can_look_into_a_new_log() {
    let around = tempfile::tempdir().unwrap();
    let dir = around.path().join("data").join("log");
    fill(&dir, 1).await;
    let mode = |dir: &Path| dir.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    // Whoever has let others in has a reason.
    std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o750)).unwrap();
    stored(&dir).await;
    assert_eq!(mode(&dir), 0o750);
}

/// Appends `count` records one by one and closes the log.
async fn fill(dir: &Path, count: usize) -> Vec<String> {
    let log = EmbeddedLog::open(options(dir)).unwrap();
    for n in 0..count {
        log.append(vec![record(EVENTS, 0, &n.to_string())])
            .await
            .unwrap();
    }
    let stored = texts(&*log, EVENTS, 0, Visibility::Durable).await;
    log.close().await.unwrap();
    stored
}

async fn stored(dir: &Path) -> Vec<String> {
    let log = EmbeddedLog::open(options(dir)).unwrap();
    let stored = texts(&*log, EVENTS, 0, Visibility::Durable).await;
    log.close().await.unwrap();
    stored
}

fn files(dir: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir.join("main")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    files
}

/// The newest segment that was written to, and the last byte of it that is not zero.
fn last_written(dir: &Path) -> (std::path::PathBuf, Vec<u8>, u64) {
    let newest_first = files(dir, "seg").into_iter().rev();
    let written = newest_first.map(|path| {
        let content = std::fs::read(&path).unwrap();
        let last = content.iter().rposition(|byte| *byte != 0).unwrap();
        (path, content, last as u64)
    });
    let mut written = written.filter(|(_, _, last)| *last > 4096);
    written.next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_index_files_are_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = fill(dir.path(), 60).await;
    let indices = files(dir.path(), "idx");
    assert!(indices.len() > 3, "{indices:?}");
    std::fs::remove_file(&indices[0]).unwrap();
    std::fs::write(&indices[1], b"nonsense").unwrap();
    assert_eq!(stored(dir.path()).await, wanted);
    assert!(indices[0].exists());
    assert_eq!(verify(dir.path()).unwrap().findings, []);
}

/// As on a disk that is full: at the start, and later.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_file_that_cannot_be_written_is_done_without() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = fill(dir.path(), 60).await;
    let indices = files(dir.path(), "idx");
    let put_in_the_way = |path: &Path| {
        std::fs::remove_file(path).unwrap();
        std::fs::create_dir(path).unwrap();
    };
    put_in_the_way(&indices[0]);
    let log = EmbeddedLog::open(options(dir.path())).unwrap();
    put_in_the_way(&indices[1]);
    assert_eq!(texts(&*log, EVENTS, 0, Visibility::Durable).await, wanted);
    log.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_write_is_cut_and_never_seen_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut wanted = fill(dir.path(), 4).await;
    let (segment, content, last) = last_written(dir.path());
    let end = last + 1;
    let file = OpenOptions::new().write(true).open(&segment).unwrap();
    // The first half of the last group again, where the next one belongs: a write
    // that the machine did not finish.
    let torn = &content[end as usize / 4096 * 4096..end as usize - 20];
    file.write_all_at(torn, end.next_multiple_of(4096)).unwrap();
    assert_eq!(stored(dir.path()).await, wanted);
    let log = EmbeddedLog::open(options(dir.path())).unwrap();
    log.append(vec![record(EVENTS, 0, "after")]).await.unwrap();
    log.close().await.unwrap();
    wanted.push("after".to_owned());
    assert_eq!(stored(dir.path()).await, wanted);
    assert_eq!(verify(dir.path()).unwrap().findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_bytes_are_kept_aside_and_named() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), 2).await;
    let (segment, _, end) = last_written(dir.path());
    let file = OpenOptions::new().write(true).open(&segment).unwrap();
    let group = end / 4096 * 4096;
    file.write_all_at(b"damage", group + 60).unwrap();
    let log = EmbeddedLog::open(options(dir.path())).unwrap();
    let finding = &log.findings()[0];
    assert_eq!(
        (finding.journal, finding.record.map(|p| p.offset)),
        ("main", Some(1))
    );
    let aside = std::fs::read_dir(dir.path().join("main/quarantine")).unwrap();
    assert_eq!(aside.count(), 1);
    let refused = log.read(EVENTS, 0, 1, 1, Visibility::Durable).await;
    assert!(
        matches!(refused, Err(eventlog::LogError::Corrupt { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn both_checkpoints_of_a_segment_may_be_lost() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = fill(dir.path(), 40).await;
    let (segment, ..) = last_written(dir.path());
    let file = OpenOptions::new().write(true).open(&segment).unwrap();
    file.write_all_at(&[0xAA; 200], 4096 + 50).unwrap();
    file.write_all_at(&[0xAA; 200], 8192 + 50).unwrap();
    assert_eq!(stored(dir.path()).await, wanted);
}
