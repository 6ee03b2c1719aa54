//! The aggregates that an owner holds: so many, and so large together.

use hashlink::LruCache;

use super::held::Held;
use super::kind::AggregateKey;

pub(super) struct Cache {
    kept: LruCache<AggregateKey, Kept>,
    most: usize,
    /// Of all together, about.
    bytes: usize,
    most_bytes: usize,
}

/// An aggregate, and what it was counted for.
struct Kept {
    held: Held,
    bytes: usize,
}

impl Cache {
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            kept: LruCache::new_unbounded(),
            most,
            bytes: 0,
            most_bytes,
        }
    }

    pub(super) fn get(&mut self, key: &AggregateKey) -> Option<&Held> {
        self.kept.get(key).map(|kept| &kept.held)
    }

    pub(super) fn insert(&mut self, key: AggregateKey, held: Held) {
        let bytes = held.size();
        self.bytes += bytes;
        if let Some(before) = self.kept.insert(key, Kept { held, bytes }) {
            self.bytes -= before.bytes;
        }
        self.make_room();
    }

    /// Lets one be changed, where it is here. Nothing is dropped for what it grows by before
    /// [`Cache::make_room`].
    pub(super) fn change(&mut self, key: &AggregateKey, change: impl FnOnce(&mut Held)) {
        let Some(kept) = self.kept.get_mut(key) else {
            return;
        };
        change(&mut kept.held);
        self.bytes -= kept.bytes;
        kept.bytes = kept.held.size();
        self.bytes += kept.bytes;
    }

    /// Drops those that nobody has asked about for the longest time. One stays however large
    /// it is: it is what is worked on.
    pub(super) fn make_room(&mut self) {
        while self.kept.len() > self.most.max(1)
            || self.kept.len() > 1 && self.bytes > self.most_bytes
        {
            let Some((_, dropped)) = self.kept.remove_lru() else {
                return;
            };
            self.bytes -= dropped.bytes;
        }
    }

    pub(super) fn retain(&mut self, keeps: impl Fn(&AggregateKey) -> bool) {
        self.kept.retain(|key, _| keeps(key));
        self.bytes = self.kept.iter().map(|(_, kept)| kept.bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::memory::Remembered;
    use crate::runtime::registry;
    use schemas::ids::CommandId;
    use schemas::outcome::EventPosition;
    use uuid::Uuid;

    fn key(n: u128) -> AggregateKey {
        let kind = registry::of_event("/commands/incident").unwrap();
        let id = Uuid::from_u128(n);
        AggregateKey { kind, id }
    }

    /// Room for three of those to which nothing has happened.
    fn cache() -> Cache {
        let size = Held::blank(key(0)).size();
        let mut cache = Cache::new(10, 3 * size);
        for n in 1..=3 {
            cache.insert(key(n), Held::blank(key(n)));
        }
        cache
    }

    fn kept(cache: &mut Cache) -> Vec<u128> {
        let all = (1..=4).filter(|n| cache.get(&key(*n)).is_some());
        all.collect()
    }

    /// A command that left as many events as a large notification does.
    fn command() -> Remembered {
        let position = EventPosition {
            topic: "incident.events".to_owned(),
            partition: 0,
            offset: 1,
        };
        Remembered {
            id: CommandId(Uuid::from_u128(1)),
            request_hash: None,
            refusal: None,
            version: 1,
            positions: vec![position; 1_000],
        }
    }

    #[test]
    fn what_nobody_asked_about_for_longest_makes_room() {
        let mut cache = cache();
        assert!(cache.get(&key(1)).is_some());
        cache.insert(key(4), Held::blank(key(4)));
        assert_eq!(kept(&mut cache), [1, 3, 4]);
        // One in the place of another takes no more.
        cache.insert(key(4), Held::blank(key(4)));
        assert_eq!(kept(&mut cache), [1, 3, 4]);
    }

    #[test]
    fn one_that_has_grown_leaves_no_room_and_stays() {
        let mut cache = cache();
        cache.change(&key(2), |held| held.memory.add(command()));
        assert_eq!(kept(&mut cache), [1, 2, 3], "not before it is asked for");
        assert!(cache.get(&key(2)).is_some());
        cache.make_room();
        assert_eq!(kept(&mut cache), [2]);
        // What is given away counts no longer.
        cache.retain(|_| false);
        for n in 1..=3 {
            cache.insert(key(n), Held::blank(key(n)));
        }
        assert_eq!(kept(&mut cache), [1, 2, 3]);
    }

    #[test]
    fn there_are_no_more_than_so_many() {
        let mut cache = Cache::new(2, usize::MAX);
        for n in 1..=3 {
            cache.insert(key(n), Held::blank(key(n)));
        }
        assert_eq!(kept(&mut cache), [2, 3]);
    }
}
