//! Which series and streams a tenant has sent today: fingerprints only, a bounded
//! number for each tenant, forgotten at midnight UTC. What is new beyond the limit
//! is refused; what is known goes on.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::HashTable;
use parking_lot::RwLock;
use schemas::ids::TenantId;
use schemas::time::Timestamp;

use super::routes::Signal;

const DAY_MICROS: i64 = 86_400_000_000;

/// What all tenants have sent today.
#[derive(Default)]
pub(crate) struct Active {
    days: RwLock<HashMap<(TenantId, Signal), Arc<Day>>>,
}

/// What one tenant has sent of one signal on one day.
#[derive(Default)]
pub(crate) struct Day {
    day: i64,
    told: AtomicBool,
    known: RwLock<Known>,
}

/// Fingerprints in the order in which they came, and where each is in it.
#[derive(Default)]
struct Known {
    list: Vec<u64>,
    places: HashTable<u32>,
}

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
            .map_or(0, |known| known.known.read().list.len() as u64)
    }
}

impl Day {
    /// Senders tell of their series in the same order again and again: `guess` is the
    /// place of the one after the last one, tried first. It asks for memory in its
    /// order; with many series each look into the table waits for memory.
    pub(crate) fn knows(&self, fingerprint: u64, guess: &mut usize) -> bool {
        let known = self.known.read();
        let place = match known.list.get(*guess) == Some(&fingerprint) {
            true => Some(*guess),
            false => known.find(fingerprint),
        };
        *guess = place.map_or(*guess, |place| place + 1);
        place.is_some()
    }

    pub(crate) fn is_full(&self, limit: u64) -> bool {
        self.known.read().list.len() as u64 >= limit
    }

    /// Whether `fingerprint` is known or there is room for it.
    pub(crate) fn admit(&self, fingerprint: u64, limit: u64) -> bool {
        self.known.write().admit(fingerprint, limit)
    }

    /// True once: who reached the limit is told so once a day.
    pub(crate) fn first_to_tell(&self) -> bool {
        !self.told.swap(true, Ordering::Relaxed)
    }
}

impl Known {
    fn find(&self, fingerprint: u64) -> Option<usize> {
        let same = |place: &u32| self.list[*place as usize] == fingerprint;
        let place = self.places.find(fingerprint, same)?;
        Some(*place as usize)
    }

    fn admit(&mut self, fingerprint: u64, limit: u64) -> bool {
        if self.find(fingerprint).is_some() {
            return true;
        }
        let Ok(place) = u32::try_from(self.list.len()) else {
            return false;
        };
        if u64::from(place) >= limit {
            return false;
        }
        self.list.push(fingerprint);
        let list = &self.list;
        self.places
            .insert_unique(fingerprint, place, |place| list[*place as usize]);
        true
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

    fn spread(n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn what_comes_in_another_order_is_known_too() {
        let active = Active::default();
        let today = day(&active, 1, 5);
        assert!((0..100).all(|n| today.admit(spread(n), 100)));
        let mut guess = 0;
        for n in [0, 1, 2, 50, 51, 3, 99, 0, 0] {
            assert!(today.knows(spread(n), &mut guess), "{n}");
            assert_eq!(guess as u64, n + 1);
        }
        assert!(!today.knows(spread(100), &mut guess));
    }

    #[test]
    fn the_known_go_on_when_the_new_are_refused() {
        let active = Active::default();
        let today = day(&active, 1, 5);
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
