//! Bytes per second of each project: a bucket that fills evenly up to one second's
//! worth. A body is charged once it was read, so a bucket may be in debt; while it
//! is, the project is refused and told when to come back.

use std::collections::HashMap;

use parking_lot::Mutex;
use schemas::ids::ProjectId;
use schemas::time::Timestamp;

use crate::Refusal;

pub(crate) struct Rates {
    /// None = no limit.
    per_second: Option<u64>,
    buckets: Mutex<HashMap<ProjectId, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// Bytes that may still come; negative = debt.
    balance: i64,
    at: Timestamp,
}

impl Rates {
    pub(crate) fn new(per_second: Option<u64>) -> Self {
        Self {
            per_second,
            buckets: Mutex::default(),
        }
    }

    /// Whether the project may send now.
    pub(crate) fn admit(&self, project: ProjectId, now: Timestamp) -> Result<(), Refusal> {
        let Some(limit) = self.per_second else {
            return Ok(());
        };
        let rate = i64::try_from(limit).unwrap_or(i64::MAX).max(1);
        let mut buckets = self.buckets.lock();
        let full = Bucket {
            balance: rate,
            at: now,
        };
        let bucket = buckets.entry(project).or_insert(full);
        let elapsed = now.millis_since(bucket.at).max(0);
        let earned = rate.saturating_mul(elapsed) / 1_000;
        bucket.balance = bucket.balance.saturating_add(earned).min(rate);
        bucket.at = now;
        if bucket.balance > 0 {
            return Ok(());
        }
        let seconds = bucket.balance.unsigned_abs() / rate.unsigned_abs() + 1;
        Err(Refusal::TooFast {
            limit,
            retry_seconds: u16::try_from(seconds).unwrap_or(u16::MAX),
        })
    }

    pub(crate) fn charge(&self, project: ProjectId, bytes: usize) {
        if self.per_second.is_some()
            && let Some(bucket) = self.buckets.lock().get_mut(&project)
        {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            bucket.balance = bucket.balance.saturating_sub(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1_000)
    }

    #[test]
    fn a_debt_is_waited_for_by_its_project_alone() {
        let (one, other) = (ProjectId(Uuid::from_u128(1)), ProjectId(Uuid::from_u128(2)));
        let rates = Rates::new(Some(1_000));
        rates.admit(one, at(0)).unwrap();
        rates.charge(one, 3_500);
        let Err(Refusal::TooFast { retry_seconds, .. }) = rates.admit(one, at(100)) else {
            panic!("admitted in debt");
        };
        assert_eq!(retry_seconds, 3);
        rates.admit(other, at(100)).unwrap();
        rates.admit(one, at(100 + 3_000)).unwrap();
    }

    #[test]
    fn without_a_limit_nobody_waits() {
        let project = ProjectId(Uuid::from_u128(1));
        let rates = Rates::new(None);
        rates.charge(project, usize::MAX);
        rates.admit(project, at(0)).unwrap();
    }
}
