//! Bodies that came to no good end: the log said that it did not take them, the request
//! ran out of time, or the sender hung up. Some of them are on the log all the same, and
//! their senders send the same bytes again. Where items have times of their own the bytes
//! tell a repeat; where they have none, equal bytes may as well be a second message, so
//! only those are taken for the same body whose first was not answered. As many are as
//! there were: what was told to be stored is there as often as it was told.
//!
//! It is remembered by this process alone. Who sends an `Idempotency-Key` needs none of it.

use std::collections::HashMap;

use parking_lot::Mutex;
use schemas::time::Timestamp;

/// As long as the projection knows a body again.
const KEPT_MS: i64 = 15 * 60_000;
/// Bodies of each of the two generations; beyond, the older one is forgotten.
const MOST: usize = 1 << 16;

/// Names by body.
#[derive(Default)]
pub(super) struct Unanswered(Mutex<Kept>);

/// In two generations, so that what is old goes without being looked for.
#[derive(Default)]
struct Kept {
    since: Timestamp,
    young: HashMap<u128, Vec<u128>>,
    young_names: usize,
    old: HashMap<u128, Vec<u128>>,
}

/// A body on its way to the log. Dropped before it is [`Underway::stored`], its name is kept
/// for whoever sends the same.
pub(super) struct Underway<'a> {
    kept: &'a Unanswered,
    body: u128,
    name: u128,
    at: Timestamp,
    stored: bool,
}

impl Unanswered {
    /// Sets out with `body`: under the name of an equal one that was not answered, else
    /// under a `new` one.
    pub(super) fn begin(
        &self,
        body: u128,
        at: Timestamp,
        new: impl FnOnce() -> u128,
    ) -> Underway<'_> {
        let before = self.0.lock().take(body);
        Underway {
            kept: self,
            body,
            name: before.unwrap_or_else(new),
            at,
            stored: false,
        }
    }
}

impl Underway<'_> {
    /// By what the projection tells it from others.
    pub(super) fn name(&self) -> u128 {
        self.name
    }

    /// It is on the log, and its sender will be told so.
    pub(super) fn stored(mut self) {
        self.stored = true;
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if !self.stored {
            self.kept.0.lock().keep(self.body, self.name, self.at);
        }
    }
}

impl Kept {
    fn take(&mut self, body: u128) -> Option<u128> {
        if let Some(name) = take(&mut self.young, body) {
            self.young_names -= 1;
            return Some(name);
        }
        take(&mut self.old, body)
    }

    fn keep(&mut self, body: u128, name: u128, at: Timestamp) {
        let age_ms = at.millis_since(self.since);
        // A clock that was set back begins anew, too.
        if self.young_names >= MOST || !(0..KEPT_MS).contains(&age_ms) {
            self.old = std::mem::take(&mut self.young);
            self.young_names = 0;
            self.since = at;
        }
        self.young.entry(body).or_default().push(name);
        self.young_names += 1;
    }
}

fn take(of: &mut HashMap<u128, Vec<u128>>, body: u128) -> Option<u128> {
    let names = of.get_mut(&body)?;
    let name = names.pop();
    if names.is_empty() {
        of.remove(&body);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_micros(minutes * 60_000_000)
    }

    #[test]
    fn an_equal_body_takes_the_name_of_one_that_was_not_answered_once() {
        let unanswered = Unanswered::default();
        drop(unanswered.begin(7, at(1), || 100));
        let other = unanswered.begin(8, at(1), || 200);
        assert_eq!(other.name(), 200, "another body");
        let again = unanswered.begin(7, at(2), || 101);
        assert_eq!(again.name(), 100);
        again.stored();
        assert_eq!(
            unanswered.begin(7, at(3), || 102).name(),
            102,
            "a second message"
        );
    }

    #[test]
    fn a_name_outlives_as_many_tries_as_it_takes() {
        let unanswered = Unanswered::default();
        for (minutes, new) in (1..).zip(100..110) {
            assert_eq!(unanswered.begin(7, at(minutes), || new).name(), 100);
        }
    }

    #[test]
    fn of_two_that_were_not_answered_each_is_known_again() {
        let unanswered = Unanswered::default();
        let (one, two) = (
            unanswered.begin(7, at(1), || 100),
            unanswered.begin(7, at(1), || 101),
        );
        drop((one, two));
        let mut names = Vec::new();
        for _ in 0..3 {
            let again = unanswered.begin(7, at(2), || 102);
            names.push(again.name());
            again.stored();
        }
        names.sort_unstable();
        assert_eq!(names, [100, 101, 102]);
    }

    #[test]
    fn what_is_old_or_too_much_is_forgotten() {
        let unanswered = Unanswered::default();
        drop(unanswered.begin(7, at(100), || 100));
        drop(unanswered.begin(8, at(115), || 200));
        assert_eq!(unanswered.0.lock().old.len(), 1);
        drop(unanswered.begin(9, at(130), || 300));
        assert_eq!(unanswered.begin(7, at(130), || 101).name(), 101);

        for body in 0..3 * MOST as u128 {
            drop(unanswered.begin(1_000 + body, at(131), || body));
        }
        let kept = unanswered.0.lock();
        assert!(kept.young.len() + kept.old.len() <= 2 * MOST);
    }
}
