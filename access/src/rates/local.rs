//! Counts of this process.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;
use schemas::time::Timestamp;

use super::gcra::{self, Cell};
use super::{Quota, Rule, Subject};

/// Maps apart, so that callers rarely wait for each other.
const SHARDS: usize = 16;
/// A map with more subjects forgets those that have waited long enough.
const PRUNE_FROM: usize = 4_096;

type Arrivals = HashMap<(Rule, Subject), f64>;

pub(super) struct Local {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

struct Shard {
    arrivals: Arrivals,
    prune_at: usize,
}

impl Default for Local {
    fn default() -> Self {
        let shard = |_| {
            Mutex::new(Shard {
                arrivals: Arrivals::new(),
                prune_at: PRUNE_FROM,
            })
        };
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(shard),
        }
    }
}

impl Local {
    pub(super) fn take(&self, rule: Rule, subject: Subject, quota: Quota, now: Timestamp) -> Cell {
        let key = (rule, subject);
        let now = now.micros() as f64;
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        let mut shard = self.shards[shard].lock();
        if shard.arrivals.len() >= shard.prune_at {
            shard.prune(now);
        }
        let arrival = shard.arrivals.entry(key).or_insert(now);
        let (next, passed) = gcra::take(*arrival, now, quota, 1);
        *arrival = next;
        match passed {
            0 => gcra::waits(next, now, quota),
            _ => gcra::passed(next, now, quota),
        }
    }
}

impl Shard {
    /// Whose time has come is as one who never came.
    fn prune(&mut self, now: f64) {
        self.arrivals.retain(|_, arrival| *arrival > now);
        self.prune_at = PRUNE_FROM.max(self.arrivals.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota {
        per_second: 50,
        burst: 20,
    };

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(1_790_000_000_000_000 + micros)
    }

    fn passes(local: &Local, subject: u128, micros: i64) -> bool {
        let cell = local.take(Rule::Caller, Subject(subject), QUOTA, at(micros));
        matches!(cell, Cell::Passes { .. })
    }

    /// Two and a half times as many come as may, unevenly, for a minute.
    #[test]
    fn what_is_let_in_over_a_minute_is_the_quota() {
        let local = Local::default();
        let allowed = 20 + 50 * 60;
        let came = (0..60 * 125).map(|n| n * 8_000 + n % 7 * 900);
        let admitted = came.filter(|micros| passes(&local, 1, *micros)).count();
        let off = (admitted as f64 - f64::from(allowed)).abs() / f64::from(allowed);
        eprintln!("PROOF rate_of_one_node: {admitted} of {allowed} allowed in 60 s were let in");
        assert!(off <= 0.02, "{admitted} of {allowed}");
    }

    /// One request a second was refused for as long as the clock was set back.
    #[test]
    fn a_clock_that_is_set_back_an_hour_refuses_for_a_moment() {
        let local = Local::default();
        assert!((0..20).all(|_| passes(&local, 1, 0)));
        let back = -3_600_000_000;
        assert!(!passes(&local, 1, back));
        let slow = (1..60).map(|second| back + second * 1_000_000);
        assert_eq!(slow.filter(|at| passes(&local, 1, *at)).count(), 59);
    }

    #[test]
    fn subjects_and_rules_are_counted_apart() {
        let local = Local::default();
        assert_eq!((0..30).filter(|_| passes(&local, 1, 0)).count(), 20);
        assert_eq!((0..30).filter(|_| passes(&local, 2, 0)).count(), 20);
        let cell = local.take(Rule::Tenant, Subject(1), QUOTA, at(0));
        assert!(matches!(cell, Cell::Passes { remaining: 19, .. }));
    }

    #[test]
    fn who_has_waited_is_forgotten() {
        let local = Local::default();
        for subject in 0..200_000 {
            passes(&local, subject, i64::try_from(subject).unwrap() * 1_000);
        }
        let held: usize = local.shards.iter().map(|s| s.lock().arrivals.len()).sum();
        assert!(held <= SHARDS * (PRUNE_FROM + 1), "{held}");
    }
}
