//! A log that does not answer for a while, as brokers do in a rebalance.

#[path = "../../../eventlog/tests/faulty/mod.rs"]
mod faulty;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use eventlog::{Fetched, Log, LogError, Offset};
use schemas::topic::Topic;

use crate::outcomes::{acknowledge, opened};
use crate::world::{Asked, World};
use faulty::{Fault, Faulty};

/// Does not know the ends of an events topic when it is first asked for them, or does not
/// find what lies before them.
struct Away {
    ends: AtomicUsize,
    reads: AtomicUsize,
}

impl Away {
    fn from(log: Log, ends: usize, reads: usize) -> Arc<Faulty<Self>> {
        let fault = Self {
            ends: AtomicUsize::new(ends),
            reads: AtomicUsize::new(reads),
        };
        Arc::new(Faulty { log, fault })
    }
}

/// Whether it is still to happen with this topic, and once less from now on.
fn happens(times: &AtomicUsize, topic: Topic) -> bool {
    let (set, fetch) = (Ordering::SeqCst, Ordering::SeqCst);
    let left = |times: usize| times.checked_sub(1);
    topic == Topic::IncidentEvents && times.fetch_update(set, fetch, left).is_ok()
}

impl Fault for Away {
    fn range(&self, of: Topic) -> Result<(), LogError> {
        match happens(&self.ends, of) {
            true => Err(LogError::Unavailable("no answer".to_owned())),
            false => Ok(()),
        }
    }

    fn read(&self, from: Offset, mut fetched: Fetched) -> Fetched {
        if happens(&self.reads, fetched.topic) {
            fetched.records.clear();
            fetched.next_offset = from;
        }
        fetched
    }
}

#[tokio::test]
async fn partitions_are_taken_over_once_the_log_answers() {
    let mut world = World::without_runner().await;
    let away = Away::from(world.log(), 3, 0);
    world.start_on(away.clone());
    opened(&mut world).await;
    assert_eq!(away.fault.ends.load(Ordering::SeqCst), 0, "it was away");
    world.stop().await;
}

#[tokio::test]
async fn partitions_are_taken_over_with_all_that_lies_before_their_ends() {
    let mut world = World::new().await;
    let incident = opened(&mut world).await;
    world.history.set_behind(true);
    world.crash().await;
    let away = Away::from(world.log(), 0, 1);
    world.start_on(away.clone());
    let asked = Asked::of(incident);
    world
        .send(Topic::IncidentCommands, &asked, &acknowledge())
        .await;
    let outcome = world.outcome(asked.id).await;
    assert_eq!((outcome.refusal, outcome.version), (None, 2));
    assert_eq!(
        away.fault.reads.load(Ordering::SeqCst),
        0,
        "it found nothing"
    );
}
