//! A disk that others have filled: nothing is acknowledged, nothing is lost, and what
//! waits goes on once there is room.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use eventlog::embedded::{Disk, EmbeddedLog, Options, Space};
use eventlog::{EventLog, LogError, Visibility};
use schemas::topic::Topic;
use testkit::eventually;

use super::{record, texts};

const EVENTS: Topic = Topic::IncidentEvents;
const RESERVE: u64 = 1_000_000;

/// Refuses writes while it is full; says what it is told of free space.
#[derive(Default)]
struct Filled {
    full: AtomicBool,
    refused: AtomicUsize,
    free: AtomicU64,
}

impl Disk for Filled {
    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            // As the real one: some of it is written before there is no more room.
            file.write_all_at(&bytes[..bytes.len() / 2], position)?;
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
