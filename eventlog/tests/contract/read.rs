//! Reading.

use bytes::Bytes;
use eventlog::{LogError, NewRecord, Visibility};
use schemas::topic::Topic;

use super::records::{end_of, read_all, read_between, record_in, texts};
use super::{Backend, reopen};

const EVENTS: Topic = Topic::IncidentEvents;

pub(crate) async fn returns_records_as_they_were(backend: &dyn Backend) {
    let log = backend.open().await;
    let given = NewRecord {
        topic: EVENTS,
        partition: Some(4),
        key: Bytes::from_static(b"\x00key\xFF"),
        headers: [
            ("ce_type", b"Example".as_slice()),
            ("ce_tenant", b""),
            ("ce_type", &[0, 255]),
        ]
        .into(),
        body: Bytes::from_static(b"\xC3\x01\x00body"),
    };
    let position = log.append(vec![given.clone()]).await.unwrap()[0];
    for log in [log.clone(), reopen(backend, log).await] {
        let stored = read_all(&log, EVENTS, 4).await.records.remove(0);
        assert_eq!(stored.position, position);
        assert_eq!(
            (stored.key, stored.headers, stored.body),
            (given.key.clone(), given.headers.clone(), given.body.clone())
        );
        assert!(stored.appended_at.micros() > 0);
    }
}

pub(crate) async fn begins_anywhere(backend: &dyn Backend) {
    let log = backend.open().await;
    let batch = (0..20).map(|n| record_in(EVENTS, 0, &n.to_string()));
    let positions = log.append(batch.collect()).await.unwrap();
    let end = end_of(&log, EVENTS, 0).await.offset;
    for (n, position) in positions.iter().enumerate() {
        let rest = read_between(&log, EVENTS, 0, position.offset, end).await;
        let wanted: Vec<_> = (n..20).map(|n| n.to_string()).collect();
        assert_eq!(texts(&[rest]), wanted);
    }
}

pub(crate) async fn bounds_bytes_but_gives_at_least_one(backend: &dyn Backend) {
    let log = backend.open().await;
    let body = "x".repeat(10_000);
    let batch = (0..20).map(|_| record_in(EVENTS, 0, &body));
    let positions = log.append(batch.collect()).await.unwrap();
    let from = positions[0].offset;
    let read = |bytes| log.read(EVENTS, 0, from, bytes, Visibility::Durable);
    assert_eq!(read(1).await.unwrap().records.len(), 1);
    let some = read(50_000).await.unwrap();
    assert!(
        (2..20).contains(&some.records.len()),
        "{}",
        some.records.len()
    );
    let last = some.records.last().unwrap().position.offset;
    assert!(some.next_offset > last);
}

pub(crate) async fn is_empty_at_the_end(backend: &dyn Backend) {
    let log = backend.open().await;
    log.append(vec![record_in(EVENTS, 0, "x")]).await.unwrap();
    let end = end_of(&log, EVENTS, 0).await.offset;
    let fetched = log
        .read(EVENTS, 0, end, 1 << 20, Visibility::Durable)
        .await
        .unwrap();
    assert_eq!((fetched.records.len(), fetched.next_offset), (0, end));
}

pub(crate) async fn refuses_what_lies_past_the_end(backend: &dyn Backend) {
    let log = backend.open().await;
    log.append(vec![record_in(EVENTS, 0, "x")]).await.unwrap();
    let end = end_of(&log, EVENTS, 0).await.offset;
    let past = log
        .read(EVENTS, 0, end + 1_000, 1 << 20, Visibility::Durable)
        .await;
    assert!(matches!(past, Err(LogError::PastEnd(..))), "{past:?}");
}

pub(crate) async fn acknowledged_is_durable(backend: &dyn Backend) {
    let log = backend.open().await;
    for n in 0..20 {
        let position = log
            .append(vec![record_in(EVENTS, 7, &n.to_string())])
            .await
            .unwrap()[0];
        let durable = log.range(EVENTS, 7, Visibility::Durable).await.unwrap();
        let appended = log.range(EVENTS, 7, Visibility::Appended).await.unwrap();
        assert!(durable.end > position.offset);
        assert!(appended.end >= durable.end);
    }
}

pub(crate) async fn a_log_keeps_its_identity(backend: &dyn Backend) {
    let log = backend.open().await;
    let id = log.id();
    let log = reopen(backend, log).await;
    assert_eq!(log.id(), id);
}

pub(crate) async fn usage_counts_records(backend: &dyn Backend) {
    let log = backend.open().await;
    let batch = (0..30).map(|n| record_in(EVENTS, n % 4, "0123456789"));
    log.append(batch.collect()).await.unwrap();
    let usage = log.usage().await.unwrap();
    assert_eq!(usage.len(), Topic::all().count());
    let events = usage
        .iter()
        .find(|usage| usage.topic == EVENTS.name())
        .unwrap();
    assert_eq!(events.partitions, EVENTS.partitions());
    assert_eq!(events.ranges.len(), EVENTS.partitions() as usize);
    assert!(
        events.records >= 30 && events.bytes.is_none_or(|bytes| bytes >= 300),
        "{events:?}"
    );
}
