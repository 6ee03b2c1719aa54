//! How long a member has been without partitions since something came between. In a
//! rebalance that is a matter of seconds, and nobody has to do anything about it.

use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(30);

/// What came between; nothing while it is a member.
#[derive(Default)]
pub(super) struct Joining(Option<Trouble>);

struct Trouble {
    since: Instant,
    last: String,
    told: bool,
}

impl Joining {
    pub(super) fn failed(&mut self, why: String, now: Instant) {
        match &mut self.0 {
            Some(trouble) => trouble.last = why,
            none => {
                *none = Some(Trouble {
                    since: now,
                    last: why,
                    told: false,
                });
            }
        }
    }

    /// It has joined, or does not try any more.
    pub(super) fn over(&mut self) {
        self.0 = None;
    }

    /// What keeps it from joining, once, where that has become long.
    pub(super) fn news(&mut self, now: Instant) -> Option<&str> {
        let trouble = self.0.as_mut()?;
        if trouble.told || now.duration_since(trouble.since) < LONG {
            return None;
        }
        trouble.told = true;
        Some(&trouble.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_told_once() {
        let begun = Instant::now();
        let mut joining = Joining::default();
        assert_eq!(joining.news(begun + LONG), None);
        joining.failed("first".to_owned(), begun);
        joining.failed("second".to_owned(), begun + LONG / 2);
        assert_eq!(joining.news(begun + LONG / 2), None);
        assert_eq!(joining.news(begun + LONG), Some("second"));
        joining.failed("third".to_owned(), begun + LONG);
        assert_eq!(joining.news(begun + LONG * 2), None);
        joining.over();
        joining.failed("fourth".to_owned(), begun + LONG * 2);
        assert_eq!(joining.news(begun + LONG * 2), None, "it had joined");
        assert_eq!(joining.news(begun + LONG * 3), Some("fourth"));
    }
}
