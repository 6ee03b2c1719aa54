//! Whether read models follow the log, so that a page on which nothing can change is not
//! taken for a quiet one.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use std::time::Duration;

use eventlog::{Log, LogError, Offset, Visibility};
use projections::Db;
use projections::checkpoints::{self, Checkpoint};
use schemas::context::Clock;
use schemas::time::Timestamp;
use schemas::topic::{Journal, Topic};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::Live;

const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A connection that has not answered by then may be a dead one.
const GIVE_UP: Duration = Duration::from_secs(20);
/// What waits no longer is under way.
const UNDER_WAY_MS: i64 = 5_000;

type Key = (Topic, i32);

/// Today's read models and what they read. The table also has what was taken out since.
static READERS: LazyLock<Vec<(&'static str, &'static [Topic])>> = LazyLock::new(|| {
    let known = projections::registry();
    known
        .iter()
        .map(|known| (known.name(), known.topics()))
        .collect()
});

impl Live {
    /// Tells sockets when read models fall behind the log and when they follow again,
    /// until `stop`.
    pub async fn watch_pace(&self, db: &Db, log: &Log, clock: &Clock, stop: CancellationToken) {
        let mut pace = Pace::new(clock.now());
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = timeout(GIVE_UP, checkpoints::all(db));
            tokio::pin!(asked);
            let answered = loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    answered = &mut asked => break answered,
                    // Postgres that stands still answers nothing at all.
                    _ = tick.tick() => {
                        let behind = pace.unanswered(clock.now());
                        self.hub.lock().set_behind(behind);
                    }
                }
            };
            let behind = match answered {
                Ok(Ok(checkpoints)) => pace.look(log, &checkpoints, clock.now()).await,
                Ok(Err(_)) | Err(_) => pace.unanswered(clock.now()),
            };
            self.hub.lock().set_behind(behind);
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
        }
    }
}

/// What was seen of read models so far.
struct Pace {
    /// When they last answered.
    answered_at: Timestamp,
    places: HashMap<Key, Place>,
    behind: Option<Timestamp>,
}

/// One partition at the last look.
#[derive(Debug, Clone, Copy)]
struct Place {
    end: Offset,
    found: Option<Found>,
}

/// What the log was found to have before the slowest read model.
#[derive(Debug, Clone, Copy)]
struct Found {
    next: Offset,
    end: Offset,
    /// When the record there was appended. Between the two may be no record: Kafka counts
    /// the ends of transactions.
    oldest: Option<Timestamp>,
}

impl Pace {
    fn new(now: Timestamp) -> Self {
        Self {
            answered_at: now,
            places: HashMap::new(),
            behind: None,
        }
    }

    /// Read models do not answer: nobody sees what comes after their last answer.
    fn unanswered(&mut self, now: Timestamp) -> Option<Timestamp> {
        if now.millis_since(self.answered_at) > UNDER_WAY_MS {
            self.behind = self.behind.or(Some(self.answered_at));
        }
        self.behind
    }

    /// Since when something waits for being read. Without the log, as before.
    async fn look(
        &mut self,
        log: &Log,
        checkpoints: &[Checkpoint],
        now: Timestamp,
    ) -> Option<Timestamp> {
        let paused = now.millis_since(self.answered_at) > UNDER_WAY_MS;
        self.answered_at = now;
        if let Ok(oldest) = self.oldest(log, &slowest(checkpoints), paused).await {
            self.behind = oldest.filter(|at| now.millis_since(*at) > UNDER_WAY_MS);
        }
        self.behind
    }

    /// The oldest record that waits. Partitions whose read models have passed the end of
    /// the last look are merely busy, unless that look is long ago.
    async fn oldest(
        &mut self,
        log: &Log,
        slowest: &BTreeMap<Key, Offset>,
        paused: bool,
    ) -> Result<Option<Timestamp>, LogError> {
        let keys: Vec<Key> = slowest.keys().copied().collect();
        let ends = log.ends(&keys).await?;
        let mut places = HashMap::new();
        for (key, next) in slowest {
            let (next, before) = (*next, self.places.get(key).copied());
            let end = ends.get(key).copied().unwrap_or(next);
            let late = next < end && (paused || before.is_some_and(|last| next < last.end));
            let found = match before.and_then(|last| last.found) {
                _ if !late => None,
                Some(found) if found.still_holds(next, end) => Some(found),
                _ => {
                    let oldest = appended_at(log, *key, next).await?;
                    Some(Found { next, end, oldest })
                }
            };
            places.insert(*key, Place { end, found });
        }
        self.places = places;
        let found = self.places.values().filter_map(|place| place.found);
        Ok(found.filter_map(|found| found.oldest).min())
    }
}

impl Found {
    fn still_holds(&self, next: Offset, end: Offset) -> bool {
        self.next == next && (self.oldest.is_some() || self.end == end)
    }
}

/// Where the slowest of today's read models is in each partition of the main journal.
/// What agents send has a pace of its own, of which no socket tells.
fn slowest(checkpoints: &[Checkpoint]) -> BTreeMap<Key, Offset> {
    let reads = |name: &str, topic: Topic| {
        let mut readers = READERS.iter().filter(|(reader, _)| *reader == name);
        readers.any(|(_, topics)| topics.contains(&topic))
    };
    let mut slowest = BTreeMap::new();
    for checkpoint in checkpoints {
        let topic = Topic::by_name(&checkpoint.topic);
        let Some(topic) = topic.filter(|topic| topic.journal() == Journal::Main) else {
            continue;
        };
        if reads(&checkpoint.projection, topic) {
            let next = checkpoint.next_offset;
            let slow = slowest.entry((topic, checkpoint.partition)).or_insert(next);
            *slow = next.min(*slow);
        }
    }
    slowest
}

async fn appended_at(
    log: &Log,
    (topic, partition): Key,
    next: Offset,
) -> Result<Option<Timestamp>, LogError> {
    let read = log.read(topic, partition, next, 1, Visibility::Durable);
    match read.await {
        Ok(fetched) => Ok(fetched.records.first().map(|record| record.appended_at)),
        // Retention has removed it.
        Err(LogError::BeforeStart { .. } | LogError::PastEnd(..)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

    fn checkpoint(projection: &str, topic: Topic, next_offset: Offset) -> Checkpoint {
        Checkpoint {
            projection: projection.to_owned(),
            topic: topic.name().to_owned(),
            partition: 0,
            generation: 1,
            next_offset,
        }
    }

    #[test]
    fn the_slowest_of_those_that_still_read_the_topic_counts() {
        let checkpoints = [
            checkpoint("incidents", Topic::IncidentEvents, 9),
            checkpoint("timeline", Topic::IncidentEvents, 7),
            checkpoint("taken out long ago", Topic::IncidentEvents, 1),
        ];
        let found: Vec<_> = slowest(&checkpoints).into_iter().collect();
        assert_eq!(found, [((Topic::IncidentEvents, 0), 7)]);
    }

    #[test]
    fn read_models_that_do_not_answer_are_behind_since_their_last_answer() {
        let mut pace = Pace::new(NOON);
        assert_eq!(pace.unanswered(NOON.plus_millis(UNDER_WAY_MS)), None);
        let later = NOON.plus_millis(UNDER_WAY_MS + 1);
        assert_eq!(pace.unanswered(later), Some(NOON));
        assert_eq!(pace.unanswered(later.plus_millis(60_000)), Some(NOON));
    }

    #[test]
    fn what_was_found_holds_until_the_reader_moves_or_more_may_be_there() {
        let nothing = Found {
            next: 3,
            end: 5,
            oldest: None,
        };
        assert!(nothing.still_holds(3, 5));
        assert!(!nothing.still_holds(3, 6));
        assert!(!nothing.still_holds(4, 5));
        let something = Found {
            oldest: Some(NOON),
            ..nothing
        };
        assert!(something.still_holds(3, 6));
    }
}
