//! Which series and streams a tenant has sent today: fingerprints only, a bounded
//! number for each tenant, forgotten at midnight UTC. What is new beyond the limit
//! is refused; what is known goes on.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use schemas::ids::TenantId;
use schemas::time::Timestamp;

use super::routes::Signal;

const DAY_MICROS: i64 = 86_400_000_000;
/// Locks of one tenant, so that its requests seldom wait for each other.
const SHARDS: usize = 16;

/// What all tenants have sent today.
#[derive(Default)]
pub(crate) struct Active {
    days: RwLock<HashMap<(TenantId, Signal), Arc<Day>>>,
}

/// What one tenant has sent of one signal on one day.
#[derive(Default)]
pub(crate) struct Day {
    day: i64,
    count: AtomicU64,
    told: AtomicBool,
    shards: [Mutex<Fingerprints>; SHARDS],
}

type Fingerprints = HashSet<u64, BuildHasherDefault<Hashed>>;

/// Days since 1970.
pub(crate) fn day_of(now: Timestamp) -> i64 {
    now.micros().div_euclid(DAY_MICROS)
}

impl Active {
    pub(crate) fn of(&self, tenant: TenantId, signal: Signal, now: Timestamp) -> Arc<Day> {
        let (key, day) = ((tenant, signal), day_of(now));
        if let Some(today) = self.days.read().get(&key).filter(|known| known.day >= day) {
            return today.clone();
        }
        let mut days = self.days.write();
        // Tenants that fell silent leave no memory behind.
        days.retain(|_, known| known.day >= day);
        let fresh = || {
            Arc::new(Day {
                day,
                ..Day::default()
            })
        };
        days.entry(key).or_insert_with(fresh).clone()
    }

    /// How many a tenant has had on the day of `now`.
    pub(crate) fn count(&self, tenant: TenantId, signal: Signal, now: Timestamp) -> u64 {
        let days = self.days.read();
        let today = days.get(&(tenant, signal));
        today
            .filter(|known| known.day == day_of(now))
            .map_or(0, |known| known.count.load(Ordering::Relaxed))
    }
}

impl Day {
    pub(crate) fn knows(&self, fingerprint: u64) -> bool {
        self.shard(fingerprint).lock().contains(&fingerprint)
    }

    pub(crate) fn is_full(&self, limit: u64) -> bool {
        self.count.load(Ordering::Relaxed) >= limit
    }

    /// Whether `fingerprint` is known or there is room for it.
    pub(crate) fn admit(&self, fingerprint: u64, limit: u64) -> bool {
        let mut shard = self.shard(fingerprint).lock();
        if shard.contains(&fingerprint) {
            return true;
        }
        let room = |count: u64| (count < limit).then_some(count + 1);
        let taken = self
            .count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        taken.is_ok() && shard.insert(fingerprint)
    }

    /// True once: who reached the limit is told so once a day.
    pub(crate) fn first_to_tell(&self) -> bool {
        !self.told.swap(true, Ordering::Relaxed)
    }

    fn shard(&self, fingerprint: u64) -> &Mutex<Fingerprints> {
        &self.shards[(fingerprint >> 32) as usize % SHARDS]
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

    fn tenant(n: u128) -> TenantId {
        TenantId(Uuid::from_u128(n))
    }

    fn day(active: &Active, n: u128, micros: i64) -> Arc<Day> {
        active.of(tenant(n), Signal::Metrics, Timestamp::from_micros(micros))
    }

    #[test]
    fn the_known_go_on_when_the_new_are_refused() {
        let active = Active::default();
        let today = day(&active, 1, 5);
        let spread = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let admitted = (0..1_000).filter(|n| today.admit(spread(*n), 100)).count();
        assert_eq!(admitted, 100);
        assert!((0..100).all(|n| day(&active, 1, 6).admit(spread(n), 100)));
        assert!(!day(&active, 1, 7).admit(spread(100), 100));
        assert!(day(&active, 1, 7).admit(spread(100), 101), "a raised limit");
        assert!(day(&active, 2, 7).admit(spread(100), 100), "another tenant");
        let now = Timestamp::from_micros(8);
        let count = |n| active.count(tenant(n), Signal::Metrics, now);
        assert_eq!((count(1), count(2), count(3)), (101, 1, 0));
    }

    #[test]
    fn a_new_day_begins_empty_and_forgets_the_silent() {
        let active = Active::default();
        assert!(day(&active, 1, 0).admit(1, 1) && day(&active, 2, 0).admit(1, 1));
        assert!(!day(&active, 1, 0).admit(2, 1));
        assert!(day(&active, 1, 0).first_to_tell());
        assert!(!day(&active, 1, 0).first_to_tell());
        assert!(day(&active, 1, DAY_MICROS).admit(2, 1));
        assert!(day(&active, 1, DAY_MICROS).first_to_tell(), "another day");
        assert_eq!(active.days.read().len(), 1);
    }
}
