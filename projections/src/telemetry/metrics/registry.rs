//! Which series a project has in a partition, and the ordinal that each got on each
//! day. Kept in memory by the fold, filled from `metric_series` and from what
//! arrives; about a hundred bytes a series, labels not included.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashTable;
use protocols::metrics::{Labels, SeriesKey};

use super::series_block::SeriesBlock;
use crate::telemetry::bytes::Damaged;

pub(crate) const DAY_MS: i64 = 86_400_000;
/// Days that are kept after a flush that did not need them.
const IDLE_DAYS: usize = 4;
const NONE: u32 = u32::MAX;

/// For keys that are hashes already.
#[derive(Debug, Default)]
pub(crate) struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = folded(value);
    }
}

pub(crate) type HashedMap<V> = HashMap<u128, V, BuildHasherDefault<AlreadyHashed>>;

/// The day that holds `time_ms`, since 1970.
pub(crate) fn day_of(time_ms: i64) -> i32 {
    let day = time_ms.div_euclid(DAY_MS);
    i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX })
}

/// The slot of each key. Senders tell of their series in the same order again and
/// again, so that the key after the last one is guessed first, which asks for memory
/// in its order; with many series each look into the table waits for memory.
#[derive(Debug, Default)]
struct Keys {
    list: Vec<Key>,
    places: HashTable<u32>,
    guess: usize,
}

/// Bytes, because a number of that size would be padded.
#[derive(Debug)]
struct Key {
    key: [u8; 16],
    slot: u32,
}

impl Key {
    fn hash(&self) -> u64 {
        folded(u128::from_ne_bytes(self.key))
    }
}

impl Keys {
    fn find(&mut self, key: SeriesKey) -> Option<u32> {
        let wanted = key.0.to_ne_bytes();
        let is_wanted = |place: usize| self.list.get(place).is_some_and(|k| k.key == wanted);
        let place = match is_wanted(self.guess) {
            true => self.guess,
            false => {
                let found = |place: &u32| is_wanted(*place as usize);
                *self.places.find(folded(key.0), found)? as usize
            }
        };
        self.guess = place + 1;
        Some(self.list[place].slot)
    }

    /// To be called for keys that were not found.
    fn add(&mut self, key: SeriesKey, slot: u32) {
        let place = u32::try_from(self.list.len()).unwrap_or(NONE - 1);
        self.list.push(Key {
            key: key.0.to_ne_bytes(),
            slot,
        });
        let list = &self.list;
        let hash = |place: &u32| list[*place as usize].hash();
        self.places.insert_unique(folded(key.0), place, hash);
        self.guess = self.list.len();
    }
}

/// Ids in the order of their slots. They are looked for only where a key is new, so
/// that a table of slots beside the list will do, which is half as large as a map.
#[derive(Debug, Default)]
struct Ids {
    list: Vec<u128>,
    slots: HashTable<u32>,
}

impl Ids {
    fn slot_of(&mut self, id: u128) -> u32 {
        let Self { list, slots } = self;
        if let Some(slot) = slots.find(folded(id), |slot| list[*slot as usize] == id) {
            return *slot;
        }
        let slot = u32::try_from(list.len()).unwrap_or(NONE - 1);
        list.push(id);
        slots.insert_unique(folded(id), slot, |slot| folded(list[*slot as usize]));
        slot
    }
}

fn folded(hash: u128) -> u64 {
    hash as u64 ^ (hash >> 64) as u64
}

/// Series of one project in one partition. A slot is a series' place in memory.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    keys: Keys,
    ids: Ids,
    days: BTreeMap<i32, Day>,
}

/// Ordinals of one day, by slot.
#[derive(Debug, Default)]
pub(crate) struct Day {
    ordinals: Vec<u32>,
    next: u32,
    /// New since the last flush: the labels of the ordinals before `next`.
    fresh: Vec<Labels>,
    used: bool,
}

impl Registry {
    pub(crate) fn has_day(&self, day: i32) -> bool {
        self.days.contains_key(&day)
    }

    /// Takes over what is stored of a day, its blocks in order.
    pub(crate) fn load_day(&mut self, day: i32, blocks: &[Vec<u8>]) -> Result<(), Damaged> {
        let mut loaded = Day::default();
        for bytes in blocks {
            let block = SeriesBlock::decode(bytes)?;
            for id in block.ids() {
                let slot = self.ids.slot_of(id);
                loaded.set(slot, loaded.next);
                loaded.next += 1;
            }
        }
        self.days.insert(day, loaded);
        Ok(())
    }

    /// The slot of a key that was seen before.
    pub(crate) fn find(&mut self, key: SeriesKey) -> Option<u32> {
        self.keys.find(key)
    }

    /// The slot of the series with these labels, under this key, which is new, from now on.
    pub(crate) fn learn(&mut self, key: SeriesKey, labels: &Labels) -> u32 {
        let slot = self.ids.slot_of(labels.id().0);
        self.keys.add(key, slot);
        slot
    }

    pub(crate) fn ordinal(&self, day: i32, slot: u32) -> Option<u32> {
        self.days.get(&day)?.get(slot)
    }

    /// Gives a series its ordinal of a loaded day; None over `limit`.
    pub(crate) fn register(
        &mut self,
        day: i32,
        slot: u32,
        labels: Labels,
        limit: u32,
    ) -> Option<u32> {
        let day = self.days.entry(day).or_default();
        if day.next >= limit {
            return None;
        }
        let ordinal = day.next;
        day.set(slot, ordinal);
        day.next += 1;
        day.fresh.push(labels);
        Some(ordinal)
    }

    /// What is new of each day since the last call: first ordinal and labels.
    pub(crate) fn take_fresh(&mut self) -> Vec<(i32, u32, Vec<Labels>)> {
        let mut all = Vec::new();
        for (day, known) in &mut self.days {
            if !known.fresh.is_empty() {
                let labels = std::mem::take(&mut known.fresh);
                all.push((*day, known.next - labels.len() as u32, labels));
            }
        }
        all
    }

    pub(crate) fn use_day(&mut self, day: i32) {
        if let Some(day) = self.days.get_mut(&day) {
            day.used = true;
        }
    }

    /// After a flush: lets go of days that late samples brought, and of keys where
    /// senders invent new ones all the time.
    pub(crate) fn shrink(&mut self, most: usize) {
        if self.days.len() > IDLE_DAYS {
            self.days.retain(|_, day| day.used);
        }
        self.days.values_mut().for_each(|day| day.used = false);
        if self.keys.list.len() > most.saturating_mul(2) {
            self.keys = Keys::default();
        }
        // Slots of series long gone: everything is read again.
        if self.ids.list.len() > most.saturating_mul(4) {
            *self = Self::default();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.list.len()
    }
}

impl Day {
    fn get(&self, slot: u32) -> Option<u32> {
        let ordinal = *self.ordinals.get(slot as usize)?;
        (ordinal != NONE).then_some(ordinal)
    }

    fn set(&mut self, slot: u32, ordinal: u32) {
        let slot = slot as usize;
        if slot >= self.ordinals.len() {
            self.ordinals.resize(slot + 1, NONE);
        }
        self.ordinals[slot] = ordinal;
    }
}

#[cfg(test)]
mod tests {
    use super::super::series_block;
    use super::*;

    fn labels(n: usize) -> Labels {
        Labels::new(vec![("n".to_owned(), n.to_string())])
    }

    #[test]
    fn keys_are_found_in_any_order() {
        let mut registry = Registry::default();
        let key = |n: usize| SeriesKey(u128::from(n as u64) << 64 | 7);
        let slots: Vec<u32> = (0..1_000)
            .map(|n| registry.learn(key(n), &labels(n % 900)))
            .collect();
        assert_eq!(slots[950], slots[50], "two keys of one series");
        for step in [1, 7, 999] {
            for n in (0..1_000).map(|n| n * step % 1_000) {
                assert_eq!(registry.find(key(n)), Some(slots[n]));
            }
        }
        assert_eq!(registry.find(key(1_000)), None);
    }

    #[test]
    fn what_is_loaded_has_the_ordinals_that_were_given() {
        let mut first = Registry::default();
        first.load_day(7, &[]).unwrap();
        let mut given = Vec::new();
        for n in [5, 3, 9] {
            let slot = first.learn(SeriesKey(n as u128), &labels(n));
            given.push((n, first.register(7, slot, labels(n), 3).unwrap()));
        }
        let slot = first.learn(SeriesKey(1), &labels(1));
        assert_eq!(
            first.register(7, slot, labels(1), 3),
            None,
            "over the limit"
        );
        let fresh = first.take_fresh();
        assert_eq!((fresh[0].0, fresh[0].1, fresh[0].2.len()), (7, 0, 3));
        let mut second = Registry::default();
        second
            .load_day(7, &[series_block::encode(&fresh[0].2)])
            .unwrap();
        for (n, ordinal) in given {
            let slot = second.learn(SeriesKey(100 + n as u128), &labels(n));
            assert_eq!(second.ordinal(7, slot), Some(ordinal));
        }
    }
}
