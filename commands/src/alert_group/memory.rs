//! What a group remembers of alerts that have resolved, so that a late or
//! repeated notification of the same firing is known.

use std::collections::BTreeMap;

use schemas::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How many fingerprints are remembered. The one that ended first is forgotten
/// first; if its firing is reported again after that, it counts as new.
const REMEMBERED: usize = 1_000;

/// By fingerprint, the newest firing that is over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resolved(BTreeMap<String, Span>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    starts_at: Timestamp,
    ends_at: Timestamp,
}

impl Resolved {
    /// Whether a firing since `starts_at` is over already.
    pub(super) fn covers(&self, fingerprint: &str, starts_at: Timestamp) -> bool {
        let newest = self.0.get(fingerprint);
        newest.is_some_and(|span| starts_at <= span.starts_at)
    }

    pub(super) fn remember(
        &mut self,
        fingerprint: String,
        starts_at: Timestamp,
        ends_at: Timestamp,
    ) {
        if self.covers(&fingerprint, starts_at) {
            return;
        }
        self.0.insert(fingerprint, Span { starts_at, ends_at });
        if self.0.len() > REMEMBERED {
            self.forget_the_oldest();
        }
    }

    fn forget_the_oldest(&mut self) {
        let spans = self.0.iter();
        let oldest = spans.min_by_key(|(fingerprint, span)| (span.ends_at, *fingerprint));
        if let Some(fingerprint) = oldest.map(|(fingerprint, _)| fingerprint.clone()) {
            self.0.remove(&fingerprint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_ended_first() {
        let mut resolved = Resolved::default();
        let at = |n: usize| Timestamp::from_micros(i64::try_from(n).unwrap());
        for n in 0..=REMEMBERED {
            resolved.remember(format!("{n:04}"), at(n), at(REMEMBERED * 2 - n));
        }
        let last = format!("{REMEMBERED:04}");
        assert!(!resolved.covers(&last, at(0)));
        assert!(resolved.covers("0000", at(0)));
        assert_eq!(resolved.0.len(), REMEMBERED);
    }
}
