//! Which series a project has in a partition, and the ordinal that each got on each
//! day. Kept in memory by the fold, filled from `metric_series` and from what
//! arrives; about a hundred bytes a series, labels not included.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

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
        self.0 = value as u64 ^ (value >> 64) as u64;
    }
}

pub(crate) type HashedMap<V> = HashMap<u128, V, BuildHasherDefault<AlreadyHashed>>;

/// The day that holds `time_ms`, since 1970.
pub(crate) fn day_of(time_ms: i64) -> i32 {
    let day = time_ms.div_euclid(DAY_MS);
    i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX })
}

/// Series of one project in one partition. A slot is a series' place in memory.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    keys: HashedMap<u32>,
    ids: HashedMap<u32>,
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
            for at in 0..block.series.len() {
                let slot = self.slot_of(block.labels(at).id().0);
                loaded.set(slot, loaded.next);
                loaded.next += 1;
            }
        }
        self.days.insert(day, loaded);
        Ok(())
    }

    /// The slot of a key that was seen before.
    pub(crate) fn find(&self, key: SeriesKey) -> Option<u32> {
        self.keys.get(&key.0).copied()
    }

    /// The slot of the series with these labels, under this key from now on.
    pub(crate) fn learn(&mut self, key: SeriesKey, labels: &Labels) -> u32 {
        let slot = self.slot_of(labels.id().0);
        self.keys.insert(key.0, slot);
        slot
    }

    fn slot_of(&mut self, id: u128) -> u32 {
        let next = u32::try_from(self.ids.len()).unwrap_or(NONE - 1);
        *self.ids.entry(id).or_insert(next)
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
        if self.keys.len() > most.saturating_mul(2) {
            self.keys.clear();
        }
        // Slots of series long gone: everything is read again.
        if self.ids.len() > most.saturating_mul(4) {
            *self = Self::default();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
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
