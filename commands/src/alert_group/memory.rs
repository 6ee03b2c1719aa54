//! What a group remembers of alerts that have resolved, so that a late or
//! repeated notification of the same firing is known.

use std::collections::BTreeMap;

use schemas::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How many fingerprints are remembered: as many as can fire, or a repeat of a large
/// group's last notification would be news. Those that ended first are forgotten first;
/// if such a firing is reported again after that, it counts as new.
const REMEMBERED: usize = 10_000;
/// How many are forgotten at a time: to look for one costs as much as for many.
const FORGOTTEN: usize = 1_000;

/// By fingerprint, the newest firing that is over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resolved(BTreeMap<String, Span>);

/// A firing that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    /// When the end was told, by our clock.
    pub(super) told_at: Timestamp,
}

impl Span {
    /// Where nothing says when the end was told, it was when it came.
    pub(super) fn new(
        starts_at: Timestamp,
        ends_at: Timestamp,
        told_at: Option<Timestamp>,
    ) -> Self {
        Self {
            starts_at,
            ends_at,
            told_at: told_at.unwrap_or(ends_at),
        }
    }

    /// Since when an alert fires that is told of with the start of this span, and
    /// long after its end: not before that, and never with the same start again.
    pub(super) fn fires_again_at(self) -> Timestamp {
        let later = Timestamp::from_micros(self.starts_at.micros().saturating_add(1));
        self.ends_at.max(later)
    }
}

impl Resolved {
    /// The span that a firing since `starts_at` is of, if that is over already.
    pub(super) fn over(&self, fingerprint: &str, starts_at: Timestamp) -> Option<Span> {
        let newest = self.0.get(fingerprint).copied();
        newest.filter(|span| starts_at <= span.starts_at)
    }

    pub(super) fn remember(&mut self, fingerprint: String, span: Span) {
        if self.over(&fingerprint, span.starts_at).is_some() {
            return;
        }
        self.0.insert(fingerprint, span);
        if self.0.len() > REMEMBERED {
            self.forget_the_oldest();
        }
    }

    /// About what they take in memory.
    pub(super) fn bytes(&self) -> usize {
        let texts: usize = self.0.keys().map(String::len).sum();
        texts + self.0.len() * size_of::<(String, Span)>()
    }

    fn forget_the_oldest(&mut self) {
        let spans = self.0.iter();
        let mut ends: Vec<_> = spans
            .map(|(fingerprint, span)| (span.ends_at, fingerprint.clone()))
            .collect();
        ends.sort_unstable();
        for (_, fingerprint) in ends.into_iter().take(FORGOTTEN) {
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
            let span = Span::new(at(n), at(REMEMBERED * 2 - n), None);
            resolved.remember(format!("{n:04}"), span);
        }
        let last = format!("{REMEMBERED:04}");
        assert_eq!(resolved.over(&last, at(0)), None);
        assert!(resolved.over("0000", at(0)).is_some());
        let kept = format!("{:04}", REMEMBERED - FORGOTTEN);
        assert!(resolved.over(&kept, at(0)).is_some());
        let kept = REMEMBERED + 1 - FORGOTTEN;
        assert_eq!(resolved.0.len(), kept);
        assert!(resolved.bytes() > kept * size_of::<Span>());
    }
}
