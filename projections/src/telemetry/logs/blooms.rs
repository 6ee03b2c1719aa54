//! The token filters of level 1 that compaction has written or searches have met,
//! kept by the process that answers searches: a segment never changes, and who looks
//! for one word looks for another. Without them each search asks Postgres about every segment, which costs
//! ten times as much.

use std::sync::Arc;

use hashlink::LruCache;
use parking_lot::Mutex;
use schemas::ids::ProjectId;
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use super::bloom;

/// About twenty million lines.
const MOST_BYTES: usize = 128 << 20;
/// What one search may leave to be read after it.
const MOST_FILLED_BYTES: usize = MOST_BYTES / 8 * 7;

/// Which filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// What its segment hashes to: the same for whoever has written or read it.
    Content(Uuid),
    /// Of a segment from before that was noted.
    Place(Place),
}

/// Whose segment, and which. A merge may give a new one the offsets and the part of
/// one that is gone, but not all of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) project: ProjectId,
    pub(super) generation: i64,
    pub(super) day: i32,
    pub(super) class: i16,
    pub(super) window_start: i64,
    pub(super) tier: i16,
    pub(super) rules: i64,
    pub(super) partition: i32,
    pub(super) from_offset: i64,
    pub(super) to_offset: i64,
    pub(super) part: i32,
    pub(super) items: i32,
    pub(super) bloom_bytes: i32,
}

/// Of all projects; the least recently used go first.
#[derive(Debug)]
pub(crate) struct Blooms {
    held: Mutex<Held>,
    /// One at a time reads what is missing.
    filling: Semaphore,
}

#[derive(Debug)]
struct Held {
    bytes: usize,
    filters: LruCache<Key, Arc<[u8]>>,
}

impl Default for Blooms {
    fn default() -> Self {
        Self {
            held: Mutex::new(Held {
                bytes: 0,
                filters: LruCache::new_unbounded(),
            }),
            filling: Semaphore::new(1),
        }
    }
}

impl Blooms {
    /// Whether each segment may hold all tokens, its filter written with so many probes;
    /// None where it is not here.
    pub(super) fn may_hold(&self, asked: &[(Key, i16)], tokens: &[u64]) -> Vec<Option<bool>> {
        let mut held = self.held.lock();
        let probe = |(key, probes): &(Key, i16)| {
            let filter = held.filters.get(key)?;
            let may_hold = |hash: &u64| bloom::may_hold(filter, *probes, *hash);
            Some(tokens.iter().all(may_hold))
        };
        asked.iter().map(probe).collect()
    }

    pub(super) fn keep(&self, filters: Vec<(Key, Vec<u8>)>) {
        let mut held = self.held.lock();
        for (key, filter) in filters {
            held.bytes += filter.len();
            if let Some(before) = held.filters.insert(key, filter.into()) {
                held.bytes -= before.len();
            }
        }
        while held.bytes > MOST_BYTES
            && let Some((_, gone)) = held.filters.remove_lru()
        {
            held.bytes -= gone.len();
        }
        metrics::gauge!("telemetry_bloom_cache_bytes").set(held.bytes as f64);
    }

    /// The right to read what is missing; None while another does.
    pub(super) fn filling(&self) -> Option<SemaphorePermit<'_>> {
        self.filling.try_acquire().ok()
    }

    /// How many filters of these lengths, from the first on, are worth reading.
    pub(super) fn worth_reading(missing: impl Iterator<Item = i32>) -> usize {
        let mut left = MOST_FILLED_BYTES;
        let fits = |bytes: &i32| {
            let bytes = usize::try_from(*bytes).unwrap_or_default();
            left.checked_sub(bytes).map(|rest| left = rest).is_some()
        };
        missing.take_while(fits).count()
    }
}

#[cfg(test)]
mod tests {
    use super::super::bloom::Tokens;
    use super::*;

    fn place(part: i32) -> Place {
        Place {
            project: ProjectId(Uuid::nil()),
            generation: 0,
            day: 1,
            class: 30,
            window_start: 0,
            tier: 3,
            rules: 0,
            partition: 0,
            from_offset: 0,
            to_offset: 9,
            part,
            items: 5,
            bloom_bytes: 32,
        }
    }

    fn key(part: i32) -> Key {
        Key::Place(place(part))
    }

    #[test]
    fn what_is_here_answers_and_what_is_not_says_so() {
        let mut tokens = Tokens::new();
        (1..=16u64).for_each(|hash| tokens.add(hash.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let blooms = Blooms::default();
        blooms.keep(vec![(key(1), tokens.filter())]);
        let held = 0x9E37_79B9_7F4A_7C15;
        let other = (1u64..).map(|n| n.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        let filter = tokens.filter();
        let absent = other
            .into_iter()
            .find(|hash| !bloom::may_hold(&filter, bloom::PROBES, *hash));
        let absent = absent.expect("a filter of 32 bytes denies most");
        let asked = [key(1), key(2)].map(|key| (key, bloom::PROBES));
        assert_eq!(blooms.may_hold(&asked, &[held]), [Some(true), None]);
        let both = blooms.may_hold(&asked, &[held, absent]);
        assert_eq!(both, [Some(false), None]);
        let elsewhere = Key::Place(Place {
            project: ProjectId(Uuid::max()),
            ..place(1)
        });
        let elsewhere = (elsewhere, bloom::PROBES);
        assert_eq!(blooms.may_hold(&[elsewhere], &[held]), [None]);
        let content = Key::Content(Uuid::nil());
        blooms.keep(vec![(content, filter)]);
        let content = (content, bloom::PROBES);
        assert_eq!(blooms.may_hold(&[content], &[held]), [Some(true)]);
    }

    #[test]
    fn memory_is_bounded() {
        let blooms = Blooms::default();
        for part in 0..200 {
            blooms.keep(vec![(key(part), vec![0xFF; 1 << 20])]);
        }
        assert!(blooms.held.lock().bytes <= MOST_BYTES);
        assert_eq!(
            blooms.may_hold(&[key(0), key(199)].map(|key| (key, 8)), &[1]),
            [None, Some(true)]
        );
    }
}
