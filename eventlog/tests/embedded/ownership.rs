//! One process, one identity, one member of each group.

use eventlog::embedded::{EmbeddedLog, OpenError, Options};
use eventlog::{CommitError, EventLog, Group, Start, Transaction, Visibility};
use schemas::topic::Topic;

use super::{record, texts};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_told_who_has_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(Options::new(dir.path())).unwrap();
    let Err(refused) = EmbeddedLog::open(Options::new(dir.path())) else {
        panic!("two handles on one log");
    };
    assert!(
        matches!(&refused, OpenError::Locked { pid: Some(pid), .. } if *pid == std::process::id())
    );
    assert!(refused.to_string().contains(dir.path().to_str().unwrap()));
    log.close().await.unwrap();
    EmbeddedLog::open(Options::new(dir.path())).unwrap();
}

#[test]
fn changed_partition_counts_and_damaged_identities_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(EmbeddedLog::open(Options::new(dir.path())).unwrap());
    let path = dir.path().join("log.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replacen("\"partitions\": 8", "\"partitions\": 9", 1),
    )
    .unwrap();
    let refused = EmbeddedLog::open(Options::new(dir.path())).err();
    assert!(
        matches!(refused, Some(OpenError::Identity { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_of_another_log_is_refused() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for dir in [&one, &two] {
        let log = EmbeddedLog::open(Options::new(dir.path())).unwrap();
        log.append(vec![record(Topic::IncidentEvents, 0, "x")])
            .await
            .unwrap();
        log.close().await.unwrap();
    }
    let segment = "main/0000000001.seg";
    std::fs::copy(one.path().join(segment), two.path().join(segment)).unwrap();
    let refused = EmbeddedLog::open(Options::new(two.path())).err();
    assert!(
        matches!(refused, Some(OpenError::ForeignSegment { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_again_fences_the_member_before() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(Options::new(dir.path())).unwrap();
    let group = Group {
        name: "one".to_owned(),
        topics: vec![Topic::IncidentCommands],
        start: Start::Beginning,
        visibility: Visibility::Appended,
    };
    let events = |text: &str| Transaction {
        records: vec![record(Topic::IncidentEvents, 0, text)],
        ..Transaction::default()
    };
    let mut old = log.join(group.clone()).await.unwrap();
    old.commit(events("old")).await.unwrap();
    let mut new = log.join(group).await.unwrap();
    let fenced = old.commit(events("never")).await;
    assert!(matches!(fenced, Err(CommitError::Fenced)), "{fenced:?}");
    new.commit(events("new")).await.unwrap();
    log.append(vec![record(Topic::IncidentEvents, 0, "end")])
        .await
        .unwrap();
    let stored = texts(&*log, Topic::IncidentEvents, 0, Visibility::Durable).await;
    assert_eq!(stored, ["old", "new", "end"]);
}
