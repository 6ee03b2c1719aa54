//! Bytes per second of each tenant: a bucket that fills evenly up to one second's
//! worth. A body is charged once it was read, so a bucket may be in debt; while it
//! is, the tenant is refused and told when to come back.

use std::collections::HashMap;

use parking_lot::Mutex;
use schemas::ids::TenantId;
use schemas::time::Timestamp;

use crate::Refusal;

/// Buckets kept at a time; beyond, those that are full again are forgotten.
const BUCKETS: usize = 10_000;

#[derive(Default)]
pub(crate) struct Rates {
    buckets: Mutex<HashMap<TenantId, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// Bytes that may still come; negative = debt.
    balance: i64,
    at: Timestamp,
    per_second: i64,
}

impl Bucket {
    fn full(per_second: i64, at: Timestamp) -> Self {
        Self {
            balance: per_second,
            at,
            per_second,
        }
    }

    fn fill(&mut self, now: Timestamp) {
        let elapsed = now.millis_since(self.at).max(0);
        let earned = self.per_second.saturating_mul(elapsed) / 1_000;
        self.balance = self.balance.saturating_add(earned).min(self.per_second);
        self.at = now;
    }
}

impl Rates {
    /// Whether the tenant may send now; `limit` in bytes per second, none = as it likes.
    pub(crate) fn admit(
        &self,
        tenant: TenantId,
        limit: Option<u64>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(limit) = limit else {
            return Ok(());
        };
        let per_second = i64::try_from(limit).unwrap_or(i64::MAX).max(1);
        let mut buckets = self.buckets.lock();
        if buckets.len() >= BUCKETS && !buckets.contains_key(&tenant) {
            buckets.retain(|_, bucket| {
                bucket.fill(now);
                bucket.balance < bucket.per_second
            });
        }
        let full = Bucket::full(per_second, now);
        let bucket = buckets.entry(tenant).or_insert(full);
        bucket.per_second = per_second;
        bucket.fill(now);
        if bucket.balance > 0 {
            return Ok(());
        }
        let seconds = bucket.balance.unsigned_abs() / per_second.unsigned_abs() + 1;
        Err(Refusal::TooFast {
            limit,
            retry_seconds: u16::try_from(seconds).unwrap_or(u16::MAX),
        })
    }

    /// Of a tenant without a limit nothing is kept.
    pub(crate) fn charge(&self, tenant: TenantId, limit: Option<u64>, bytes: usize) {
        if limit.is_some()
            && let Some(bucket) = self.buckets.lock().get_mut(&tenant)
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

    fn tenant(n: u128) -> TenantId {
        TenantId(Uuid::from_u128(n))
    }

    #[test]
    fn a_debt_is_waited_for_by_its_tenant_alone() {
        let (one, other) = (tenant(1), tenant(2));
        let (rates, limit) = (Rates::default(), Some(1_000));
        rates.admit(one, limit, at(0)).unwrap();
        rates.charge(one, limit, 3_500);
        let Err(Refusal::TooFast { retry_seconds, .. }) = rates.admit(one, limit, at(100)) else {
            panic!("admitted in debt");
        };
        assert_eq!(retry_seconds, 3);
        rates.admit(other, limit, at(100)).unwrap();
        rates.admit(one, limit, at(100 + 3_000)).unwrap();
    }

    #[test]
    fn without_a_limit_nobody_waits_and_nothing_is_kept() {
        let rates = Rates::default();
        rates.admit(tenant(1), None, at(0)).unwrap();
        rates.charge(tenant(1), None, usize::MAX);
        rates.admit(tenant(1), None, at(0)).unwrap();
        assert!(rates.buckets.lock().is_empty());
    }

    #[test]
    fn full_buckets_make_room_and_debts_stay() {
        let (rates, limit) = (Rates::default(), Some(10));
        for n in 0..BUCKETS as u128 {
            rates.admit(tenant(n), limit, at(0)).unwrap();
        }
        rates.charge(tenant(7), limit, 1_000);
        rates.admit(tenant(u128::MAX), limit, at(1_000)).unwrap();
        assert_eq!(rates.buckets.lock().len(), 2);
        assert!(rates.admit(tenant(7), limit, at(1_000)).is_err());
    }
}
