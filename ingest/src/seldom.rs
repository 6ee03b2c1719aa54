//! Lines of the log that each refused request would repeat: the first is said at once, and
//! then one for all that came within half a minute.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

const PAUSE: Duration = Duration::from_secs(30);

/// One kind of line.
pub(crate) struct Seldom(Mutex<Option<(Instant, u64)>>);

impl Seldom {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// How many were kept back since the last one that was said; None to keep this back.
    pub(crate) fn admit(&self, now: Instant) -> Option<u64> {
        let mut said = self.0.lock();
        match said.as_mut() {
            Some((last, kept)) if now.saturating_duration_since(*last) < PAUSE => {
                *kept += 1;
                None
            }
            _ => said
                .replace((now, 0))
                .map_or(Some(0), |(_, kept)| Some(kept)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_said_and_the_rest_counted() {
        let (seldom, begun) = (Seldom::new(), Instant::now());
        assert_eq!(seldom.admit(begun), Some(0));
        assert_eq!(seldom.admit(begun), None);
        assert_eq!(seldom.admit(begun + PAUSE / 2), None);
        assert_eq!(seldom.admit(begun + PAUSE), Some(2));
        assert_eq!(seldom.admit(begun + PAUSE * 2), Some(0));
    }
}
