//! Between "ordered" and "durable", and when the disk says no.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use eventlog::embedded::{Disk, EmbeddedLog, Options};
use eventlog::{EventLog, LogError, Visibility};
use futures::FutureExt;
use schemas::topic::Topic;
use tokio::sync::Semaphore;

use super::{record, texts};

const EVENTS: Topic = Topic::IncidentEvents;

/// A disk whose syncs wait for permission and then succeed or fail.
struct Gate {
    permits: Semaphore,
    failing: AtomicBool,
    syncs: AtomicUsize,
}

impl Gate {
    fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            permits: Semaphore::new(permits),
            failing: AtomicBool::new(false),
            syncs: AtomicUsize::new(0),
        })
    }
}

impl Disk for Gate {
    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        file.write_all_at(bytes, position)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let permit = futures::executor::block_on(self.permits.acquire());
        permit.map_err(io::Error::other)?.forget();
        self.syncs.fetch_add(1, Ordering::SeqCst);
        if self.failing.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is gone"));
        }
        file.sync_data()
    }
}

fn open(dir: &std::path::Path, gate: &Arc<Gate>) -> Arc<EmbeddedLog> {
    let options = Options {
        disk: gate.clone(),
        ..Options::new(dir)
    };
    EmbeddedLog::open(options).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsynced_record_is_seen_only_by_those_who_may() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::new(0);
    let log = open(dir.path(), &gate);
    let end = log
        .range(EVENTS, 0, Visibility::Appended)
        .await
        .unwrap()
        .end;
    let position = |offset| eventlog::Position {
        topic: EVENTS,
        partition: 0,
        offset,
    };
    let mut early = log
        .subscribe(vec![position(end)], Visibility::Appended)
        .await
        .unwrap();
    let mut late = log
        .subscribe(vec![position(end)], Visibility::Durable)
        .await
        .unwrap();
    let appending = tokio::spawn({
        let log = log.clone();
        async move { log.append(vec![record(EVENTS, 0, "x")]).await }
    });
    assert_eq!(early.next(1).await.unwrap()[0].records[0].body, "x");
    assert_eq!(texts(&*log, EVENTS, 0, Visibility::Durable).await, [""; 0]);
    assert!(
        !appending.is_finished(),
        "nothing is acknowledged before its sync"
    );
    gate.permits.add_permits(1);
    appending.await.unwrap().unwrap();
    assert_eq!(late.next(1).await.unwrap()[0].records[0].body, "x");
    gate.permits.add_permits(100);
}

/// Where a segment was put aside because both copies of its header are damaged.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_queued_behind_a_hole_is_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let small = || Options {
        segment_bytes: 32 << 10,
        tail_memory_bytes: 0,
        ..Options::new(dir.path())
    };
    let log = EmbeddedLog::open(small()).unwrap();
    for n in 0..12 {
        let partition = i32::from(n >= 10);
        let one = record(EVENTS, partition, "x");
        log.append(vec![one]).await.unwrap();
    }
    log.close().await.unwrap();
    drop(log);
    let damaged = dir.path().join("main/0000000002.seg");
    let damaged = File::options().write(true).open(damaged).unwrap();
    damaged.write_all_at(&[0xAA; 4096], 0).unwrap();

    let gate = Gate::new(0);
    let options = Options {
        disk: gate.clone(),
        ..small()
    };
    let log = EmbeddedLog::open(options).unwrap();
    let first = log.read(EVENTS, 0, 0, 1 << 20, Visibility::Durable).await;
    let hole = eventlog::Position {
        topic: EVENTS,
        partition: 0,
        offset: first.unwrap().next_offset,
    };
    let queued = log.order(vec![record(EVENTS, 0, "queued")]).await.unwrap();
    assert_eq!(queued[0].offset, 10);
    assert!(hole.offset < 10, "{hole}");
    let mut early = log
        .subscribe(vec![hole], Visibility::Appended)
        .await
        .unwrap();
    let told = early.next(1).now_or_never().expect("it is in memory");
    assert_eq!(told.unwrap()[0].records[0].body, "queued");
    gate.permits.add_permits(100);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sync_serves_all_that_queued_up_behind_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::new(0);
    let log = open(dir.path(), &gate);
    let appends = (0..50).map(|n| {
        let log = log.clone();
        tokio::spawn(async move { log.append(vec![record(EVENTS, n % 4, "x")]).await })
    });
    let appends: Vec<_> = appends.collect();
    let mut ends = 0;
    while ends < 50 {
        tokio::task::yield_now().await;
        ends = 0;
        for partition in 0..4 {
            ends += log
                .range(EVENTS, partition, Visibility::Appended)
                .await
                .unwrap()
                .end;
        }
    }
    gate.permits.add_permits(100);
    for append in appends {
        append.await.unwrap().unwrap();
    }
    assert!(gate.syncs.load(Ordering::SeqCst) <= 2, "{:?}", gate.syncs);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_closes_the_log_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::new(1);
    let log = open(dir.path(), &gate);
    log.append(vec![record(EVENTS, 0, "kept")]).await.unwrap();
    gate.failing.store(true, Ordering::SeqCst);
    let waiting: Vec<_> = (0..5)
        .map(|n| {
            let log = log.clone();
            tokio::spawn(async move { log.append(vec![record(EVENTS, n, "lost")]).await })
        })
        .collect();
    gate.permits.add_permits(100);
    for waiter in waiting {
        let answer = waiter.await.unwrap();
        assert!(matches!(answer, Err(LogError::Failed(_))), "{answer:?}");
    }
    assert!(matches!(log.failed().await, LogError::Failed(_)));
    gate.failing.store(false, Ordering::SeqCst);
    let later = log.append(vec![record(EVENTS, 0, "later")]).await;
    assert!(matches!(later, Err(LogError::Failed(_))), "{later:?}");
    assert_eq!(
        gate.syncs.load(Ordering::SeqCst),
        2,
        "a failed sync is not retried"
    );
    assert_eq!(texts(&*log, EVENTS, 0, Visibility::Durable).await, ["kept"]);
    assert!(log.close().await.is_err());
    drop(log);
    let log = EmbeddedLog::open(Options::new(dir.path())).unwrap();
    assert_eq!(
        texts(&*log, EVENTS, 0, Visibility::Durable).await[0],
        "kept"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_log_releases_those_who_wait() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(Options::new(dir.path())).unwrap();
    let position = eventlog::Position {
        topic: EVENTS,
        partition: 0,
        offset: 0,
    };
    let mut following = log
        .subscribe(vec![position], Visibility::Durable)
        .await
        .unwrap();
    let waiting = tokio::spawn(async move { following.next(1).await });
    log.close().await.unwrap();
    assert!(matches!(
        waiting.await.unwrap(),
        Err(LogError::Unavailable(_))
    ));
    let late = log.append(vec![record(EVENTS, 0, "x")]).await;
    assert!(matches!(late, Err(LogError::Unavailable(_))), "{late:?}");
}
