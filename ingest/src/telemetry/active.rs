//! Which series and streams a project has sent today: fingerprints only, a bounded
//! number for each project, forgotten at midnight UTC. What is new beyond the limit
//! is refused; what is known goes on.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use schemas::ids::ProjectId;
use schemas::time::Timestamp;

use super::routes::Signal;

const DAY_MICROS: i64 = 86_400_000_000;
/// Locks of one project, so that its requests seldom wait for each other.
const SHARDS: usize = 16;

/// What all projects have sent today.
pub(crate) struct Active {
    limit: usize,
    days: RwLock<HashMap<(ProjectId, Signal), Arc<Day>>>,
}

/// What one project has sent of one signal on one day.
pub(crate) struct Day {
    day: i64,
    limit: usize,
    count: AtomicUsize,
    shards: [Mutex<Fingerprints>; SHARDS],
}

type Fingerprints = HashSet<u64, BuildHasherDefault<Hashed>>;

impl Active {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            days: RwLock::default(),
        }
    }

    pub(crate) fn of(&self, project: ProjectId, signal: Signal, now: Timestamp) -> Arc<Day> {
        let (key, day) = ((project, signal), now.micros().div_euclid(DAY_MICROS));
        if let Some(today) = self.days.read().get(&key).filter(|known| known.day >= day) {
            return today.clone();
        }
        let mut days = self.days.write();
        // Projects that fell silent leave no memory behind.
        days.retain(|_, known| known.day >= day);
        let fresh = || {
            Arc::new(Day {
                day,
                limit: self.limit,
                count: AtomicUsize::new(0),
                shards: Default::default(),
            })
        };
        days.entry(key).or_insert_with(fresh).clone()
    }
}

impl Day {
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether `fingerprint` is known or there is room for it.
    pub(crate) fn admit(&self, fingerprint: u64) -> bool {
        let shard = &self.shards[(fingerprint >> 32) as usize % SHARDS];
        let mut shard = shard.lock();
        if shard.contains(&fingerprint) {
            return true;
        }
        let room = |count: usize| (count < self.limit).then_some(count + 1);
        let taken = self
            .count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        taken.is_ok() && shard.insert(fingerprint)
    }
}

/// Fingerprints are hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn day(active: &Active, project: u128, micros: i64) -> Arc<Day> {
        let project = ProjectId(Uuid::from_u128(project));
        active.of(project, Signal::Metrics, Timestamp::from_micros(micros))
    }

    #[test]
    fn the_known_go_on_when_the_new_are_refused() {
        let active = Active::new(100);
        let today = day(&active, 1, 5);
        let spread = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let admitted = (0..1_000).filter(|n| today.admit(spread(*n))).count();
        assert_eq!(admitted, 100);
        assert!((0..100).all(|n| day(&active, 1, 6).admit(spread(n))));
        assert!(!day(&active, 1, 7).admit(spread(100)));
        assert!(day(&active, 2, 7).admit(spread(100)), "another project");
    }

    #[test]
    fn a_new_day_begins_empty_and_forgets_the_silent() {
        let active = Active::new(1);
        assert!(day(&active, 1, 0).admit(1) && day(&active, 2, 0).admit(1));
        assert!(!day(&active, 1, 0).admit(2));
        assert!(day(&active, 1, DAY_MICROS).admit(2));
        assert_eq!(active.days.read().len(), 1);
    }
}
