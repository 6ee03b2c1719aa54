//! Topics, the log's id, and offsets that are no records.

use eventlog::kafka::{KafkaLog, OpenError};
use eventlog::{LogError, Visibility};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use super::{EVENTS, open, options, record};

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_together_agree_on_the_id() {
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let start = |n: usize| {
        let options = options(&place, &format!("starter{n}"));
        tokio::spawn(async move { KafkaLog::open(options).await })
    };
    let starters: Vec<_> = (0..4).map(start).collect();
    let mut ids = Vec::new();
    for starter in starters {
        ids.push(eventlog::EventLog::id(&*starter.await.unwrap().unwrap()));
    }
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
    assert_eq!(open(&place, "later").await.id(), ids[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_with_another_partition_count_is_refused() {
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let options = options(&place, "refused");
    let admin: AdminClient<DefaultClientContext> = options.client().create().unwrap();
    let name = options.topic_name(EVENTS);
    let topic = NewTopic::new(&name, EVENTS.partitions() + 1, TopicReplication::Fixed(1));
    admin
        .create_topics([&topic], &AdminOptions::new())
        .await
        .unwrap();
    let refused = KafkaLog::open(options).await.map(drop).unwrap_err();
    assert!(
        matches!(refused, OpenError::Partitions { .. }),
        "{refused:?}"
    );
    let line = refused.to_string();
    assert!(
        line.contains(&name) && line.contains("17") && line.contains("16"),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_passes_transaction_markers() {
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let log = open(&place, "marked").await;
    let batch = || vec![record(EVENTS, 1, "a"), record(EVENTS, 1, "b")];
    let first = log.append(batch()).await.unwrap()[0];
    log.append(batch()).await.unwrap();
    let mut subscription = log
        .subscribe(vec![first], Visibility::Durable)
        .await
        .unwrap();
    let end = log.range(EVENTS, 1, Visibility::Durable).await.unwrap().end;
    assert!(end > first.offset + 4, "the transactions left markers");
    let (mut count, mut next) = (0, first.offset);
    let follow = async {
        while next < end {
            for fetched in subscription.next(1 << 20).await.unwrap() {
                count += fetched.records.len();
                next = fetched.next_offset;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), follow)
        .await
        .unwrap();
    assert_eq!((count, next), (4, end));
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_end_with_the_log() {
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let log = open(&place, "closing").await;
    let end = log.append(vec![record(EVENTS, 1, "a")]).await.unwrap()[0];
    let mut subscription = log.subscribe(vec![end], Visibility::Durable).await.unwrap();
    assert_eq!(subscription.next(1).await.unwrap().len(), 1);
    log.close().await.unwrap();
    assert!(matches!(
        subscription.next(1).await,
        Err(LogError::Failed(_))
    ));
    assert!(matches!(
        log.append(vec![record(EVENTS, 1, "b")]).await,
        Err(LogError::Failed(_))
    ));
    assert!(matches!(log.failed().await, LogError::Failed(_)));
}
