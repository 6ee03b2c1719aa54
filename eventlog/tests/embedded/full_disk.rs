//! A disk that others have filled: nothing is acknowledged, nothing is lost, and what
//! waits goes on once there is room.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use eventlog::embedded::{Disk, EmbeddedLog, Options, Retained, Space};
use eventlog::{EventLog, LogError, Visibility};
use schemas::context::Clock;
use schemas::time::Timestamp;
use schemas::topic::Topic;
use testkit::eventually;

use super::{record, texts};

const EVENTS: Topic = Topic::IncidentEvents;
const RESERVE: u64 = 1_000_000;

/// Refuses writes while it is full; says what it is told of free space.
#[derive(Default)]
struct Filled {
    full: AtomicBool,
    /// What is refused is refused as a whole.
    whole: AtomicBool,
    refused: AtomicUsize,
    free: AtomicU64,
}

impl Disk for Filled {
    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            // As the real one: some of it is written before there is no more room.
            if !self.whole.load(Ordering::SeqCst) {
                file.write_all_at(&bytes[..bytes.len() / 2], position)?;
            }
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all_at(bytes, position)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        Ok(Space {
            size: 100 * RESERVE,
            free: self.free.load(Ordering::SeqCst),
        })
    }
}

fn open(dir: &Path, disk: &Arc<Filled>, free: u64) -> Arc<EmbeddedLog> {
    disk.free.store(free, Ordering::SeqCst);
    let options = Options {
        disk: disk.clone(),
        disk_free_bytes: Some(RESERVE),
        ..Options::new(dir)
    };
    EmbeddedLog::open(options).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_waits_for_room() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), Arc::<Filled>::default());
    let log = open(dir.path(), &disk, u64::MAX);
    log.append(vec![record(EVENTS, 0, "before")]).await.unwrap();
    disk.full.store(true, Ordering::SeqCst);
    let waiting = tokio::spawn({
        let log = log.clone();
        async move { log.append(vec![record(EVENTS, 0, "during")]).await }
    });
    eventually("the write is tried again", || async {
        (disk.refused.load(Ordering::SeqCst) > 1).then_some(())
    })
    .await;
    assert!(!waiting.is_finished(), "nothing is acknowledged");
    assert_eq!(
        texts(&*log, EVENTS, 0, Visibility::Durable).await,
        ["before"]
    );
    disk.full.store(false, Ordering::SeqCst);
    waiting.await.unwrap().unwrap();
    log.append(vec![record(EVENTS, 0, "after")]).await.unwrap();
    log.close().await.unwrap();
    drop(log);
    let log = EmbeddedLog::open(Options::new(dir.path())).unwrap();
    assert!(log.findings().is_empty(), "{:?}", log.findings());
    assert_eq!(
        texts(&*log, EVENTS, 0, Visibility::Durable).await,
        ["before", "during", "after"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_waits_for_room_closes() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), Arc::<Filled>::default());
    let log = open(dir.path(), &disk, u64::MAX);
    disk.full.store(true, Ordering::SeqCst);
    let waiting = tokio::spawn({
        let log = log.clone();
        async move { log.append(vec![record(EVENTS, 0, "lost")]).await }
    });
    eventually("the write is refused", || async {
        (disk.refused.load(Ordering::SeqCst) > 0).then_some(())
    })
    .await;
    assert!(log.close().await.is_err());
    let answer = waiting.await.unwrap();
    assert!(matches!(answer, Err(LogError::Failed(_))), "{answer:?}");
}

/// The segment that was full for a large record is not for a small one. It has an index
/// already, and no room for another.
#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_is_written_on_is_indexed_anew() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), Arc::<Filled>::default());
    let large = "x".repeat(20 << 10);
    let open_small = || {
        let options = Options {
            disk: disk.clone(),
            disk_free_bytes: Some(0),
            segment_bytes: 32 << 10,
            tail_memory_bytes: 0,
            ..Options::new(dir.path())
        };
        EmbeddedLog::open(options).unwrap()
    };
    let index = dir.path().join("main/0000000001.idx");

    let log = open_small();
    log.append(vec![record(EVENTS, 0, "first")]).await.unwrap();
    disk.whole.store(true, Ordering::SeqCst);
    disk.full.store(true, Ordering::SeqCst);
    let waiting = tokio::spawn({
        let (log, large) = (log.clone(), large.clone());
        async move { log.append(vec![record(EVENTS, 0, &large)]).await }
    });
    eventually("the next segment's first write is refused", || async {
        (disk.refused.load(Ordering::SeqCst) > 0).then_some(())
    })
    .await;
    assert!(log.close().await.is_err());
    waiting.await.unwrap().unwrap_err();
    assert!(index.exists(), "the first segment was left");
    drop(log);

    disk.full.store(false, Ordering::SeqCst);
    let log = open_small();
    log.append(vec![record(EVENTS, 0, "second")]).await.unwrap();
    // Where the index would be written.
    let in_the_way = index.with_extension("tmp");
    std::fs::create_dir(&in_the_way).unwrap();
    log.append(vec![record(EVENTS, 0, &large)]).await.unwrap();
    log.close().await.unwrap();
    drop(log);
    std::fs::remove_dir(&in_the_way).unwrap();

    let log = open_small();
    assert_eq!(
        texts(&*log, EVENTS, 0, Visibility::Durable).await,
        ["first", "second", &large]
    );
}

/// A start would go on with it, and know no offsets but those that it tells.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_segment_stays_until_the_next_is_begun() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), Arc::<Filled>::default());
    let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
    let open_small = || {
        let options = Options {
            disk: disk.clone(),
            disk_free_bytes: Some(0),
            segment_bytes: 32 << 10,
            clock: clock.clone(),
            ..Options::new(dir.path())
        };
        EmbeddedLog::open(options).unwrap()
    };
    let log = open_small();
    for _ in 0..2 {
        let expiring = record(Topic::IncidentCommands, 0, "x");
        log.append(vec![expiring]).await.unwrap();
    }
    disk.whole.store(true, Ordering::SeqCst);
    disk.full.store(true, Ordering::SeqCst);
    let waiting = tokio::spawn({
        let log = log.clone();
        let large = "x".repeat(20 << 10);
        async move { log.append(vec![record(EVENTS, 0, &large)]).await }
    });
    let segment = dir.path().join("main/0000000001.seg");
    eventually("the first segment is left and has its index", || async {
        let cut = std::fs::metadata(&segment).unwrap().len() < 32 << 10;
        (cut && disk.refused.load(Ordering::SeqCst) > 1).then_some(())
    })
    .await;
    clock.advance_millis(8 * 86_400_000);
    assert_eq!(log.retain().await.unwrap(), Retained::default());
    assert!(log.close().await.is_err());
    waiting.await.unwrap().unwrap_err();
    drop(log);

    disk.full.store(false, Ordering::SeqCst);
    let log = open_small();
    let commands = log.range(Topic::IncidentCommands, 0, Visibility::Durable);
    assert_eq!(commands.await.unwrap().end, 2, "no offset is given twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_disk_has_left_is_the_budget_where_that_is_less() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), Arc::<Filled>::default());
    let log = open(dir.path(), &disk, RESERVE);
    let refused = log.append(vec![record(EVENTS, 0, "x")]).await;
    assert!(matches!(refused, Err(LogError::Full { .. })), "{refused:?}");
    disk.free.store(2 * RESERVE, Ordering::SeqCst);
    eventually("there is room", || async {
        log.append(vec![record(EVENTS, 0, "x")]).await.ok()
    })
    .await;
}
