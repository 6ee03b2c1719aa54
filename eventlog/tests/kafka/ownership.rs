//! Several members of one group.

use std::collections::BTreeSet;

use eventlog::{CommitError, Delivery, LogError, Member, Partition, Transaction};

use super::{COMMANDS, EVENTS, consumed, join, next, open, record, records, texts};

/// Waits until the member owns something; empty after a revocation.
async fn assigned(member: &mut dyn Member) -> BTreeSet<Partition> {
    loop {
        if let Delivery::Assigned(partitions) = next(member).await {
            return partitions
                .into_iter()
                .map(|(_, partition)| partition)
                .collect();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_share_the_partitions() {
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let (one, two) = (open(&place, "one").await, open(&place, "two").await);
    let mut first = join(&one).await;
    let all: BTreeSet<_> = (0..COMMANDS.partitions()).collect();
    assert_eq!(assigned(first.as_mut()).await, all);
    let mut second = join(&two).await;
    assert!(matches!(next(first.as_mut()).await, Delivery::Revoked(lost) if lost.len() == 16));
    let of_second = assigned(second.as_mut()).await;
    let of_first = assigned(first.as_mut()).await;
    assert!(of_first.is_disjoint(&of_second));
    assert_eq!(&of_first | &of_second, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_member_gives_way_and_is_fenced() {
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let (one, two) = (open(&place, "one").await, open(&place, "two").await);
    for partition in 0..COMMANDS.partitions() {
        one.append(vec![record(COMMANDS, partition, &partition.to_string())])
            .await
            .unwrap();
    }
    let mut first = join(&one).await;
    let held = records(first.as_mut()).await;
    // The first asks for nothing more, and still its partitions can be moved.
    let mut second = join(&two).await;
    let of_second = assigned(second.as_mut()).await;
    assert!(!of_second.is_empty());
    let transaction = Transaction {
        consumed: consumed(&held),
        records: vec![record(EVENTS, 0, "too late")],
        finish: None,
    };
    let fenced = first.commit(transaction).await;
    assert!(matches!(fenced, Err(CommitError::Fenced)), "{fenced:?}");
    assert!(matches!(next(first.as_mut()).await, Delivery::Revoked(_)));

    let mut seen = Vec::new();
    for member in [&mut first, &mut second] {
        let own = if seen.is_empty() {
            COMMANDS.partitions() as usize - of_second.len()
        } else {
            16
        };
        while seen.len() < own {
            let fetched = records(member.as_mut()).await;
            seen.extend(texts(&fetched));
            let transaction = Transaction {
                consumed: consumed(&fetched),
                ..Transaction::default()
            };
            member.commit(transaction).await.unwrap();
        }
    }
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!(
        (seen.len(), distinct.len()),
        (16, 16),
        "each command once, by either"
    );
    let events = one
        .range(EVENTS, 0, eventlog::Visibility::Durable)
        .await
        .unwrap();
    let read = one
        .read(EVENTS, 0, events.start, 1, eventlog::Visibility::Durable)
        .await
        .unwrap();
    assert!(
        read.records.is_empty(),
        "nothing of the fenced transaction is there"
    );
}

/// What a member does while another runs under its name.
async fn quarrel(mut member: Box<dyn Member>) -> LogError {
    loop {
        if let Err(error) = member.next(1 << 20).await {
            return error;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_with_one_name_one_gives_up() {
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let (one, two) = (open(&place, "same").await, open(&place, "same").await);
    let mut first = join(&one).await;
    assigned(first.as_mut()).await;
    let second = join(&two).await;
    let given_up = async {
        tokio::select! {
            error = quarrel(first) => error,
            error = quarrel(second) => error,
        }
    };
    let limit = std::time::Duration::from_secs(120);
    let error = tokio::time::timeout(limit, given_up).await.unwrap();
    assert!(
        matches!(&error, LogError::Failed(why) if why.contains("runs as same")),
        "{error}"
    );
}
