//! The runner against a member that plays a script and remembers what it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use schemas::incident::{IncidentAcknowledged, IncidentEvent};

use super::*;
use crate::given;

const EVENTS: Topic = Topic::IncidentEvents;

/// Answers a record by what its key says, and forwards it otherwise.
struct ByKey;

impl Reactor for ByKey {
    fn name(&self) -> &'static str {
        "by_key"
    }

    fn topics(&self) -> &'static [Topic] {
        &[EVENTS]
    }

    fn react(&self, record: &Record) -> Verdict {
        match record.key.as_ref() {
            b"malformed" => Err(Unreadable::Malformed("no body".to_owned())),
            b"newer" => Err(Unreadable::Newer("version 9".to_owned())),
            b"long" => Ok(vec![command(b"long", COMMAND_BYTES + 1)]),
            key => Ok(vec![command(key, 0)]),
        }
    }
}

fn command(key: &[u8], bytes: usize) -> NewRecord {
    NewRecord {
        topic: Topic::IncidentCommands,
        partition: None,
        key: Bytes::copy_from_slice(key),
        headers: Default::default(),
        body: vec![0; bytes].into(),
    }
}

#[derive(Default)]
struct Played {
    commits: Vec<(Vec<Position>, Vec<NewRecord>)>,
    failures: VecDeque<CommitError>,
}

/// Delivers its script once, then says that the log has failed.
struct Script {
    deliveries: VecDeque<Result<Delivery, LogError>>,
    played: Arc<Mutex<Played>>,
}

#[async_trait]
impl Member for Script {
    async fn next(&mut self, _: usize) -> Result<Delivery, LogError> {
        let end = || Err(LogError::Failed("the script is over".to_owned()));
        self.deliveries.pop_front().unwrap_or_else(end)
    }

    async fn commit(&mut self, transaction: Transaction) -> Result<Vec<Position>, CommitError> {
        let mut played = self.played.lock().unwrap();
        if let Some(failure) = played.failures.pop_front() {
            return Err(failure);
        }
        played
            .commits
            .push((transaction.consumed, transaction.records));
        Ok(Vec::new())
    }
}

/// Runs the script to its end and returns the commits.
async fn play(
    deliveries: impl IntoIterator<Item = Result<Delivery, LogError>>,
    failures: impl IntoIterator<Item = CommitError>,
) -> Vec<(Vec<Position>, Vec<NewRecord>)> {
    let played = Arc::new(Mutex::new(Played {
        failures: failures.into_iter().collect(),
        ..Played::default()
    }));
    let member = Script {
        deliveries: deliveries.into_iter().collect(),
        played: played.clone(),
    };
    let mut runner = Runner {
        reactor: Box::new(ByKey),
        member: Box::new(member),
        stopped: HashSet::new(),
    };
    let ended = runner.run().await.unwrap_err();
    assert!(matches!(ended, LogError::Failed(_)), "{ended}");
    std::mem::take(&mut played.lock().unwrap().commits)
}

fn at(partition: Partition, offset: i64) -> Position {
    Position {
        topic: EVENTS,
        partition,
        offset,
    }
}

/// Records of one partition with these keys, at `from`, `from + 1`, ...
fn fetched(partition: Partition, from: i64, keys: &[&str]) -> Fetched {
    let body = given::example::<IncidentEvent, IncidentAcknowledged>(EVENTS);
    let record = |(n, key): (usize, &&str)| Record {
        position: at(partition, from + n as i64),
        key: Bytes::copy_from_slice(key.as_bytes()),
        ..body.clone()
    };
    Fetched {
        topic: EVENTS,
        partition,
        records: keys.iter().enumerate().map(record).collect(),
        next_offset: from + keys.len() as i64,
    }
}

fn records(fetched: impl IntoIterator<Item = Fetched>) -> Result<Delivery, LogError> {
    Ok(Delivery::Records(fetched.into_iter().collect()))
}

fn keys(records: &[NewRecord]) -> Vec<&[u8]> {
    records.iter().map(|record| record.key.as_ref()).collect()
}

#[tokio::test]
async fn commands_and_offsets_are_one_transaction() {
    let commits = play(
        [records([fetched(0, 5, &["a", "b"]), fetched(3, 9, &["c"])])],
        [],
    )
    .await;
    let [(consumed, records)] = commits.as_slice() else {
        panic!("{commits:?}")
    };
    assert_eq!(consumed, &[at(0, 7), at(3, 10)]);
    assert_eq!(keys(records), [b"a", b"b", b"c"]);
}

#[tokio::test]
async fn a_malformed_record_is_a_dead_letter_with_its_reason_and_place() {
    let commits = play([records([fetched(0, 5, &["a", "malformed", "b"])])], []).await;
    let [(consumed, records)] = commits.as_slice() else {
        panic!("{commits:?}")
    };
    assert_eq!(consumed, &[at(0, 8)]);
    assert_eq!(keys(records), [b"a".as_slice(), b"malformed", b"b"]);
    let letter = &records[1];
    assert_eq!(letter.topic, Topic::IncidentEventsDlq);
    let header = |name: &str| letter.headers.text(name).unwrap().to_owned();
    assert_eq!(header("dlq_reason"), "no body");
    assert_eq!(header("dlq_position"), "incident.events/0@6");
    assert_eq!(header("ce_type"), "IncidentAcknowledged");
}

#[tokio::test]
async fn a_command_too_long_for_the_log_is_a_dead_letter_of_its_cause() {
    let commits = play([records([fetched(0, 5, &["long", "a"])])], []).await;
    let [(consumed, records)] = commits.as_slice() else {
        panic!("{commits:?}")
    };
    assert_eq!(consumed, &[at(0, 7)]);
    let topics: Vec<_> = records.iter().map(|record| record.topic).collect();
    assert_eq!(topics, [Topic::IncidentEventsDlq, Topic::IncidentCommands]);
}

#[tokio::test]
async fn a_record_of_a_newer_version_stops_only_its_partition() {
    let commits = play(
        [
            records([fetched(0, 5, &["a", "newer", "b"]), fetched(1, 2, &["c"])]),
            records([fetched(0, 8, &["d"])]),
            records([fetched(1, 3, &["e"])]),
        ],
        [],
    )
    .await;
    let consumed: Vec<_> = commits
        .iter()
        .flat_map(|(consumed, _)| consumed.clone())
        .collect();
    assert_eq!(consumed, [at(0, 6), at(1, 3), at(1, 4)]);
    let records: Vec<_> = commits
        .iter()
        .flat_map(|(_, records)| keys(records))
        .collect();
    assert_eq!(records, [b"a", b"c", b"e"]);
}

#[tokio::test]
async fn a_new_assignment_tries_a_stopped_partition_again() {
    let commits = play(
        [
            records([fetched(0, 5, &["newer"])]),
            Ok(Delivery::Assigned(vec![(EVENTS, 0)])),
            records([fetched(0, 5, &["a"])]),
        ],
        [],
    )
    .await;
    assert_eq!(
        commits.last().map(|(consumed, _)| consumed.as_slice()),
        Some([at(0, 6)].as_slice())
    );
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let unavailable = || LogError::Unavailable("starting".to_owned());
    let full = LogError::Full {
        used: 10,
        budget: 10,
        heavy: false,
        disk: false,
    };
    let commits = play(
        [Err(unavailable()), records([fetched(0, 5, &["a"])])],
        [CommitError::Log(unavailable()), CommitError::Log(full)],
    )
    .await;
    assert_eq!(commits.len(), 1);
}

#[tokio::test]
async fn a_fenced_batch_is_left_to_the_new_owner() {
    let commits = play(
        [
            records([fetched(0, 5, &["a"])]),
            records([fetched(0, 5, &["a"])]),
        ],
        [CommitError::Fenced],
    )
    .await;
    assert_eq!(commits.len(), 1);
}

#[test]
fn only_readers_of_the_main_journal_see_unsynced_records() {
    assert_eq!(visibility(&[Topic::IncidentEvents]), Visibility::Appended);
    assert_eq!(visibility(&[Topic::InboundWebhooks]), Visibility::Durable);
    assert_eq!(
        visibility(&[EVENTS, Topic::InboundWebhooks]),
        Visibility::Durable
    );
}
