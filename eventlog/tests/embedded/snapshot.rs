//! A copy made while the log is open is a whole log of the same identity.

use eventlog::embedded::{self, EmbeddedLog, Options};
use eventlog::{EventLog, Visibility};
use schemas::topic::Topic;

use super::{record, texts};

#[tokio::test]
async fn a_snapshot_of_an_open_log_is_a_whole_log() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = EmbeddedLog::open(Options::new(folder.path())).unwrap();
    for n in 0..100 {
        log.append(vec![record(Topic::IncidentEvents, 3, &n.to_string())])
            .await
            .unwrap();
    }
    log.snapshot(copy.path()).unwrap();
    log.append(vec![record(Topic::IncidentEvents, 3, "later")])
        .await
        .unwrap();

    let verified = embedded::verify(copy.path()).unwrap();
    assert_eq!((verified.records, verified.findings), (100, vec![]));
    let restored = EmbeddedLog::open(Options::new(copy.path())).unwrap();
    assert_eq!(restored.id(), log.id());
    restored
        .append(vec![record(Topic::IncidentEvents, 3, "after")])
        .await
        .unwrap();
    let found = texts(
        restored.as_ref(),
        Topic::IncidentEvents,
        3,
        Visibility::Durable,
    )
    .await;
    let expected: Vec<_> = (0..100)
        .map(|n| n.to_string())
        .chain(["after".to_owned()])
        .collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_segment_that_retention_removes_meanwhile_is_left_out() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = EmbeddedLog::open(Options::new(folder.path())).unwrap();
    let one = record(Topic::IncidentEvents, 3, "x");
    log.append(vec![one]).await.unwrap();
    // Listed, and not there.
    let removed = folder.path().join("main/0000000000.seg");
    std::os::unix::fs::symlink("nowhere", removed).unwrap();
    log.snapshot(copy.path()).unwrap();
    let verified = embedded::verify(copy.path()).unwrap();
    assert_eq!((verified.records, verified.findings), (1, vec![]));
}
