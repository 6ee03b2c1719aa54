//! Consuming and producing in one step.

use std::collections::BTreeSet;

use eventlog::{
    CommitError, Delivery, Fetched, Group, Log, LogError, Member, Position, Start, Transaction,
    Visibility,
};
use schemas::topic::Topic;

use super::records::{read_all, record_in, texts};
use super::{Backend, reopen, soon};

const COMMANDS: Topic = Topic::IncidentCommands;
const EVENTS: Topic = Topic::IncidentEvents;
const OUTCOMES: Topic = Topic::CommandOutcomes;

fn group(name: &str, start: Start) -> Group {
    Group {
        name: format!("contract.{name}"),
        topics: vec![COMMANDS],
        start,
        visibility: Visibility::Appended,
    }
}

async fn join(log: &Log, name: &str, start: Start) -> Box<dyn Member> {
    log.join(group(name, start)).await.unwrap()
}

/// Waits for records, past assignments.
async fn records(member: &mut dyn Member) -> Vec<Fetched> {
    loop {
        match soon("a delivery", member.next(1 << 20)).await.unwrap() {
            Delivery::Records(fetched) => return fetched,
            Delivery::Assigned(_) | Delivery::Revoked(_) => {}
        }
    }
}

/// Takes `count` records; returns their texts and where the group then stands.
async fn take(member: &mut dyn Member, count: usize) -> (Vec<String>, Vec<Position>) {
    let (mut taken, mut consumed) = (Vec::new(), Vec::new());
    while taken.len() < count {
        let fetched = records(member).await;
        taken.extend(texts(&fetched));
        consumed.extend(fetched.iter().map(|fetched| Position {
            topic: fetched.topic,
            partition: fetched.partition,
            offset: fetched.next_offset,
        }));
    }
    (taken, consumed)
}

async fn send(log: &Log, count: usize) {
    for n in 0..count {
        log.append(vec![record_in(COMMANDS, 2, &n.to_string())])
            .await
            .unwrap();
    }
}

pub(crate) async fn a_new_group_begins_as_declared(backend: &dyn Backend) {
    let log = backend.open().await;
    send(&log, 3).await;
    let mut all = join(&log, "all", Start::Beginning).await;
    assert_eq!(take(all.as_mut(), 3).await.0, ["0", "1", "2"]);
    drop(all);
    let mut new = join(&log, "new", Start::Now).await;
    let assigned = soon("the assignment", new.next(1 << 20)).await.unwrap();
    assert!(matches!(assigned, Delivery::Assigned(_)), "{assigned:?}");
    log.append(vec![record_in(COMMANDS, 2, "late")])
        .await
        .unwrap();
    assert_eq!(take(new.as_mut(), 1).await.0, ["late"]);
}

pub(crate) async fn is_assigned_every_partition_once(backend: &dyn Backend) {
    let log = backend.open().await;
    let mut member = join(&log, "assigned", Start::Beginning).await;
    let Delivery::Assigned(partitions) = soon("the assignment", member.next(1)).await.unwrap()
    else {
        panic!("the first delivery is the assignment");
    };
    let wanted: BTreeSet<_> = (0..COMMANDS.partitions()).map(|p| (COMMANDS, p)).collect();
    assert_eq!(partitions.into_iter().collect::<BTreeSet<_>>(), wanted);
}

pub(crate) async fn commit_returns_the_records_positions(backend: &dyn Backend) {
    let log = backend.open().await;
    send(&log, 1).await;
    let mut member = join(&log, "positions", Start::Beginning).await;
    let (_, consumed) = take(member.as_mut(), 1).await;
    let transaction = Transaction {
        consumed,
        records: vec![
            record_in(EVENTS, 1, "e"),
            record_in(Topic::AuditOperations, 1, "a"),
        ],
        finish: None,
    };
    let positions = member.commit(transaction).await.unwrap();
    let places: Vec<_> = positions.iter().map(|p| (p.topic, p.partition)).collect();
    assert_eq!(places, [(EVENTS, 1), (Topic::AuditOperations, 1)]);
    let log = reopen(backend, log).await;
    let stored = read_all(&log, EVENTS, 1).await;
    assert_eq!(stored.records[0].position, positions[0]);
}

pub(crate) async fn finish_names_the_positions(backend: &dyn Backend) {
    let log = backend.open().await;
    send(&log, 1).await;
    let mut member = join(&log, "finish", Start::Beginning).await;
    let (_, consumed) = take(member.as_mut(), 1).await;
    let transaction = Transaction {
        consumed,
        records: vec![record_in(EVENTS, 1, "e1"), record_in(EVENTS, 1, "e2")],
        finish: Some(Box::new(|positions| {
            let text: Vec<_> = positions.iter().map(ToString::to_string).collect();
            vec![record_in(OUTCOMES, 0, &text.join(" "))]
        })),
    };
    let positions = member.commit(transaction).await.unwrap();
    assert_eq!(positions.len(), 2);
    let log = reopen(backend, log).await;
    let wanted = format!("{} {}", positions[0], positions[1]);
    assert_eq!(texts(&[read_all(&log, OUTCOMES, 0).await]), [wanted]);
    assert_eq!(texts(&[read_all(&log, EVENTS, 1).await]), ["e1", "e2"]);
}

pub(crate) async fn an_oversized_finish_commits_nothing(backend: &dyn Backend) {
    let log = backend.open().await;
    send(&log, 1).await;
    let mut member = join(&log, "oversized", Start::Beginning).await;
    let (_, consumed) = take(member.as_mut(), 1).await;
    let large = "x".repeat(backend.oversized_body());
    let refused = member
        .commit(Transaction {
            consumed,
            records: vec![record_in(EVENTS, 1, "never")],
            finish: Some(Box::new(move |_| vec![record_in(OUTCOMES, 0, &large)])),
        })
        .await;
    let too_large = matches!(refused, Err(CommitError::Log(LogError::TooLarge { .. })));
    assert!(too_large, "{refused:?}");
    drop(member);
    log.append(vec![record_in(EVENTS, 1, "next")])
        .await
        .unwrap();
    assert_eq!(texts(&[read_all(&log, EVENTS, 1).await]), ["next"]);
}

pub(crate) async fn resumes_after_its_last_commit(backend: &dyn Backend) {
    let mut log = backend.open().await;
    send(&log, 6).await;
    for n in 0..3 {
        let mut member = join(&log, "resumes", Start::Beginning).await;
        let fetched = records(member.as_mut()).await;
        let first = &fetched[0].records[0];
        assert_eq!(first.body, n.to_string());
        let next = Position {
            offset: fetched[0].records[1].position.offset,
            ..first.position
        };
        let transaction = Transaction {
            consumed: vec![next],
            records: vec![record_in(EVENTS, 2, &format!("of {n}"))],
            finish: None,
        };
        member.commit(transaction).await.unwrap();
        drop(member);
        log = reopen(backend, log).await;
    }
    assert_eq!(
        texts(&[read_all(&log, EVENTS, 2).await]),
        ["of 0", "of 1", "of 2"]
    );
}

pub(crate) async fn a_crash_between_commits_repeats_only_the_rest(backend: &dyn Backend) {
    let log = backend.open().await;
    send(&log, 2).await;
    let mut member = join(&log, "crash", Start::Beginning).await;
    let (taken, consumed) = take(member.as_mut(), 2).await;
    assert_eq!(taken, ["0", "1"]);
    let transaction = Transaction {
        consumed,
        ..Transaction::default()
    };
    member.commit(transaction).await.unwrap();
    log.append(vec![record_in(COMMANDS, 2, "2")]).await.unwrap();
    assert_eq!(take(member.as_mut(), 1).await.0, ["2"]);
    drop(member);
    let log = reopen(backend, log).await;
    let mut member = join(&log, "crash", Start::Beginning).await;
    assert_eq!(
        take(member.as_mut(), 1).await.0,
        ["2"],
        "what was not committed comes again"
    );
}

pub(crate) async fn groups_do_not_disturb_each_other(backend: &dyn Backend) {
    let log = backend.open().await;
    send(&log, 2).await;
    let mut one = join(&log, "one", Start::Beginning).await;
    let (_, consumed) = take(one.as_mut(), 2).await;
    let transaction = Transaction {
        consumed,
        ..Transaction::default()
    };
    one.commit(transaction).await.unwrap();
    let mut two = join(&log, "two", Start::Beginning).await;
    assert_eq!(take(two.as_mut(), 2).await.0, ["0", "1"]);
}
