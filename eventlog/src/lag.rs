//! How far each consumer is behind the log, measured from beside: one that stands
//! still is seen to fall behind. Consumers are folds, known by their pins, and groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use metrics::gauge;
use parking_lot::Mutex;
use schemas::ids::LogId;
use schemas::time::Timestamp;
use schemas::topic::Topic;

use crate::{
    CommitError, Delivery, EventLog, Fetched, Group, Log, LogError, Member, NewRecord, Offset,
    OffsetRange, Partition, Position, Subscription, TopicUsage, Transaction, Visibility,
};

type Key = (Topic, Partition);

/// The consumers of one process.
#[derive(Default)]
pub struct Lags {
    consumers: Mutex<BTreeMap<String, BTreeMap<Key, Place>>>,
}

/// Where a consumer is in one partition.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// None for what a group was given and has not read from yet.
    next: Option<Offset>,
    /// The partition's end at the last look.
    end: Option<Offset>,
    /// The first record that is not consumed, as far as it was looked up.
    oldest: Option<(Offset, Timestamp)>,
}

/// How far one consumer is behind.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lag {
    /// By offsets, among which Kafka counts the ends of transactions.
    pub records: u64,
    /// Since the oldest record was appended that has waited from one look to the next.
    pub seconds: f64,
}

impl Lags {
    /// The same log, whose consumers are watched.
    pub fn watch(self: &Arc<Self>, log: Log) -> Log {
        Arc::new(Watched {
            log,
            lags: Arc::clone(self),
        })
    }

    /// Looks at all consumers, tells the metrics and returns what it has told.
    pub async fn look(&self, log: &Log, now: Timestamp) -> Result<BTreeMap<String, Lag>, LogError> {
        let waiting = self.see(&log.ends(&self.read()).await?);
        for (consumer, position) in waiting {
            let oldest = oldest(log, position).await?;
            self.found(&consumer, position, oldest);
        }
        let lags = self.sum(now);
        for (consumer, lag) in &lags {
            let labels = [("consumer", consumer.clone())];
            gauge!("eventlog_lag_records", &labels).set(lag.records as f64);
            gauge!("eventlog_lag_seconds", &labels).set(lag.seconds);
        }
        Ok(lags)
    }

    /// What anybody reads.
    fn read(&self) -> Vec<Key> {
        let consumers = self.consumers.lock();
        let mut keys: Vec<_> = consumers
            .values()
            .flat_map(BTreeMap::keys)
            .copied()
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Notes where partitions end; returns the places that have not passed the end of
    /// the last look and whose oldest record is not known. Others are merely busy.
    fn see(&self, ends: &BTreeMap<Key, Offset>) -> Vec<(String, Position)> {
        let mut waiting = Vec::new();
        for (consumer, places) in &mut *self.consumers.lock() {
            for (key, place) in places {
                let Some(end) = ends.get(key) else { continue };
                let next = *place.next.get_or_insert(*end);
                let late = next < *end && place.end.is_some_and(|last| next < last);
                place.end = Some(*end);
                place.oldest = place.oldest.filter(|(at, _)| late && *at == next);
                if late && place.oldest.is_none() {
                    let (topic, partition) = *key;
                    let position = Position {
                        topic,
                        partition,
                        offset: next,
                    };
                    waiting.push((consumer.clone(), position));
                }
            }
        }
        waiting
    }

    /// A place where nothing waits is one that has only ends of transactions before it.
    fn found(&self, consumer: &str, position: Position, oldest: Oldest) {
        let mut consumers = self.consumers.lock();
        let places = consumers.get_mut(consumer);
        let key = (position.topic, position.partition);
        let Some(place) = places
            .and_then(|places| places.get_mut(&key))
            .filter(|place| place.next == Some(position.offset))
        else {
            return;
        };
        match oldest {
            Oldest::At(appended) => place.oldest = Some((position.offset, appended)),
            Oldest::None { next } => place.next = Some(next),
            Oldest::Unknown => {}
        }
    }

    fn sum(&self, now: Timestamp) -> BTreeMap<String, Lag> {
        let consumers = self.consumers.lock();
        let lag = |places: &BTreeMap<Key, Place>| Lag {
            records: places.values().map(Place::records).sum(),
            seconds: places
                .values()
                .filter_map(|place| place.oldest)
                .map(|(_, appended)| now.millis_since(appended).max(0) as f64 / 1000.0)
                .fold(0.0, f64::max),
        };
        consumers
            .iter()
            .map(|(consumer, places)| (consumer.clone(), lag(places)))
            .collect()
    }

    fn moved(&self, consumer: &str, next: &[Position]) {
        let mut consumers = self.consumers.lock();
        // Not `entry`, which would have the name copied with every batch.
        if !consumers.contains_key(consumer) {
            consumers.insert(consumer.to_owned(), BTreeMap::new());
        }
        let Some(places) = consumers.get_mut(consumer) else {
            return;
        };
        for position in next {
            let place = places
                .entry((position.topic, position.partition))
                .or_default();
            place.next = Some(position.offset);
        }
    }

    /// A group reads from where its first records lie.
    fn delivered(&self, consumer: &str, delivery: &Delivery) {
        let mut consumers = self.consumers.lock();
        let Some(places) = consumers.get_mut(consumer) else {
            return;
        };
        match delivery {
            Delivery::Assigned(keys) => {
                for key in keys {
                    places.insert(*key, Place::default());
                }
            }
            Delivery::Revoked(keys) => places.retain(|key, _| !keys.contains(key)),
            Delivery::Records(fetched) => {
                for part in fetched {
                    let place = places.entry((part.topic, part.partition)).or_default();
                    let Some(first) = part.records.first() else {
                        continue;
                    };
                    let first = first.position.offset;
                    // It was taken to be at the end as long as it had read nothing.
                    place.next = Some(place.next.map_or(first, |next| next.min(first)));
                }
            }
        }
    }
}

/// What lies before a consumer.
enum Oldest {
    At(Timestamp),
    /// No record up to there.
    None {
        next: Offset,
    },
    /// Retention has removed it.
    Unknown,
}

async fn oldest(log: &Log, at: Position) -> Result<Oldest, LogError> {
    let read = log.read(at.topic, at.partition, at.offset, 1, Visibility::Durable);
    match read.await {
        Ok(fetched) => Ok(match fetched.records.first() {
            Some(first) => Oldest::At(first.appended_at),
            None => Oldest::None {
                next: fetched.next_offset,
            },
        }),
        Err(LogError::BeforeStart { .. } | LogError::PastEnd(..)) => Ok(Oldest::Unknown),
        Err(error) => Err(error),
    }
}

impl Place {
    fn records(&self) -> u64 {
        match (self.next, self.end) {
            (Some(next), Some(end)) if next < end => end.abs_diff(next),
            _ => 0,
        }
    }
}

struct Watched {
    log: Log,
    lags: Arc<Lags>,
}

#[async_trait]
impl EventLog for Watched {
    fn id(&self) -> LogId {
        self.log.id()
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        self.log.append(records).await
    }

    async fn order(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        self.log.order(records).await
    }

    async fn range(
        &self,
        topic: Topic,
        partition: Partition,
        visibility: Visibility,
    ) -> Result<OffsetRange, LogError> {
        self.log.range(topic, partition, visibility).await
    }

    async fn ends(&self, of: &[Key]) -> Result<BTreeMap<Key, Offset>, LogError> {
        self.log.ends(of).await
    }

    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        max_bytes: usize,
        visibility: Visibility,
    ) -> Result<Fetched, LogError> {
        let read = self.log.read(topic, partition, from, max_bytes, visibility);
        read.await
    }

    async fn subscribe(
        &self,
        from: Vec<Position>,
        visibility: Visibility,
    ) -> Result<Box<dyn Subscription>, LogError> {
        self.log.subscribe(from, visibility).await
    }

    async fn join(&self, group: Group) -> Result<Box<dyn Member>, LogError> {
        let name = group.name.clone();
        let member = self.log.join(group).await?;
        self.lags.moved(&name, &[]);
        Ok(Box::new(WatchedMember {
            name,
            member,
            lags: Arc::clone(&self.lags),
        }))
    }

    async fn pin(&self, consumer: &str, next: &[Position]) -> Result<(), LogError> {
        self.lags.moved(consumer, next);
        self.log.pin(consumer, next).await
    }

    async fn usage(&self) -> Result<Vec<TopicUsage>, LogError> {
        self.log.usage().await
    }

    async fn failed(&self) -> LogError {
        self.log.failed().await
    }

    async fn close(&self) -> Result<(), LogError> {
        self.log.close().await
    }
}

struct WatchedMember {
    name: String,
    member: Box<dyn Member>,
    lags: Arc<Lags>,
}

#[async_trait]
impl Member for WatchedMember {
    async fn next(&mut self, max_bytes: usize) -> Result<Delivery, LogError> {
        let delivery = self.member.next(max_bytes).await?;
        self.lags.delivered(&self.name, &delivery);
        Ok(delivery)
    }

    async fn commit(&mut self, transaction: Transaction) -> Result<Vec<Position>, CommitError> {
        let consumed = transaction.consumed.clone();
        let committed = self.member.commit(transaction).await?;
        self.lags.moved(&self.name, &consumed);
        Ok(committed)
    }

    fn portion(&self) -> usize {
        self.member.portion()
    }
}
