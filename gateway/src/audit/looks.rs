//! Who has been told of as looking at what. The console asks for a list again and again
//! while its page is open. What an auditor wants to know is who saw personal data, and
//! from when until when: one entry a quarter of an hour tells that, and a row for each
//! time a page refreshed itself would only bury the entries that somebody made.

use std::collections::HashMap;

use access::principal::{Grant, Principal};
use parking_lot::Mutex;
use schemas::time::Timestamp;
use uuid::Uuid;

use super::Reached;

/// As long as an access token: who goes on looking has been let in anew.
const TELL_EVERY_MS: i64 = 15 * 60_000;
/// Lookers that are remembered; who is forgotten is told of once more.
const MOST: usize = 10_000;

/// When each session or key was last told of, by what it looked at.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<HashMap<(Uuid, String), Timestamp>>);

impl Looks {
    /// Whether this look is to be told.
    pub(crate) fn is_new(&self, principal: &Principal, reached: &Reached, now: Timestamp) -> bool {
        let looker = match principal.grant() {
            Grant::Member { session, .. } => *session,
            Grant::Key { id, .. } => id.0,
        };
        self.note((looker, reached.uri.path().to_owned()), now)
    }

    fn note(&self, look: (Uuid, String), now: Timestamp) -> bool {
        let mut told = self.0.lock();
        let recent = |at: &Timestamp| now.millis_since(*at) < TELL_EVERY_MS;
        if told.get(&look).is_some_and(recent) {
            return false;
        }
        if told.len() >= MOST {
            told.retain(|_, at| recent(at));
        }
        if told.len() < MOST {
            told.insert(look, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

    #[test]
    fn looking_on_is_told_once_a_quarter_of_an_hour() {
        let looks = Looks::default();
        let look = |session, path: &str, after_ms| {
            let look = (Uuid::from_u128(session), path.to_owned());
            looks.note(look, NOON.plus_millis(after_ms))
        };
        assert!(look(1, "/members", 0));
        assert!(!look(1, "/members", TELL_EVERY_MS - 1));
        assert!(look(1, "/members", TELL_EVERY_MS));
        assert!(look(2, "/members", 1) && look(1, "/others", 1));
    }

    #[test]
    fn more_than_can_be_remembered_are_told_each_time() {
        let looks = Looks::default();
        let look = |session: usize| {
            let session = Uuid::from_u128(session as u128);
            looks.note((session, "/members".to_owned()), NOON)
        };
        assert!((0..MOST).all(look));
        assert!(look(MOST) && look(MOST) && !look(0));
    }
}
