//! Whether a series, or a stream of logs, may be had besides those of today.

use std::cell::Cell;

use access::telemetry_limits::TelemetryLimits;
use protocols::limits::{MAX_LABEL_VALUE_BYTES, MAX_LABELS};

use super::Reason;
use crate::telemetry::active::Day;
use crate::telemetry::routes::Signal;

/// Judges the new ones of one body.
pub(super) struct Judge<'a> {
    active: &'a Day,
    limits: &'a TelemetryLimits,
    signal: Signal,
    /// See [`Day::knows`].
    guess: Cell<usize>,
}

/// Why one is refused, without its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) reason: Reason,
    problem: String,
}

impl Over {
    /// Naming the offender: `metric `x``, `service `y``.
    pub(super) fn why(&self, offender: &str) -> String {
        format!("{}{offender} was refused", self.problem)
    }
}

impl<'a> Judge<'a> {
    pub(super) fn new(active: &'a Day, limits: &'a TelemetryLimits, signal: Signal) -> Self {
        Self {
            active,
            limits,
            signal,
            guess: Cell::new(0),
        }
    }

    /// `labels` tells how many there are and the longest value; it is asked only for
    /// what is new, and only where the tenant's limits are below everybody's.
    pub(super) fn judge(
        &self,
        fingerprint: u64,
        labels: impl FnOnce() -> (usize, usize),
    ) -> Option<Over> {
        let limit = match self.signal {
            Signal::Metrics => self.limits.active_series,
            Signal::Logs | Signal::Traces => self.limits.active_streams,
        };
        let mut guess = self.guess.get();
        let known = self.active.knows(fingerprint, &mut guess);
        self.guess.set(guess);
        if known {
            return None;
        }
        if self.active.is_full(limit) {
            return Some(self.too_many(limit));
        }
        if self.limits_labels()
            && let Some(over) = self.too_large(labels())
        {
            return Some(over);
        }
        (!self.active.admit(fingerprint, limit)).then(|| self.too_many(limit))
    }

    fn limits_labels(&self) -> bool {
        self.limits.labels_per_series < MAX_LABELS as u64
            || self.limits.label_value_bytes < MAX_LABEL_VALUE_BYTES as u64
    }

    fn too_many(&self, limit: u64) -> Over {
        let things = match self.signal {
            Signal::Metrics => "series",
            Signal::Logs | Signal::Traces => "streams",
        };
        Over {
            reason: Reason::ActiveLimit,
            problem: format!("the tenant has its {limit} active {things}; a new one of "),
        }
    }

    fn too_large(&self, (labels, value_bytes): (usize, usize)) -> Option<Over> {
        let checks = [
            (labels, self.limits.labels_per_series, "labels"),
            (
                value_bytes,
                self.limits.label_value_bytes,
                "bytes in a label's value",
            ),
        ];
        let over = checks
            .into_iter()
            .find(|(has, most, _)| *has as u64 > *most);
        over.map(|(has, most, what)| Over {
            reason: Reason::LabelLimit,
            problem: format!("{has} {what} are over the tenant's limit of {most}; a new one of "),
        })
    }
}
