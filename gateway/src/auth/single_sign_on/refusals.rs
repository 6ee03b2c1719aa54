//! How often a tenant's audit is told that a sign-on was refused. Whoever knows the
//! tenant's sign-in link can have one refused as often as they like: told of each, the
//! audit would be buried in entries that nobody of the tenant made.

use std::collections::HashMap;

use parking_lot::Mutex;
use schemas::ids::TenantId;
use schemas::time::Timestamp;

/// In so long a time a tenant is told so often of refusals by one rule.
const EVERY_MS: i64 = 15 * 60_000;
const MOST: u32 = 20;
/// Tenants and rules that are remembered; of what is not, each refusal is told.
const KEPT: usize = 10_000;

/// Since when, and how many.
type Told = (Timestamp, u32);

/// What was told lately.
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<(TenantId, &'static str), Told>>);

impl Refusals {
    /// Whether this one is to be told.
    pub(super) fn is_told(&self, tenant: TenantId, rule: &'static str, now: Timestamp) -> bool {
        let mut held = self.0.lock();
        let is_recent = |since: Timestamp| now.millis_since(since) < EVERY_MS;
        if let Some((since, count)) = held.get_mut(&(tenant, rule))
            && is_recent(*since)
        {
            *count = count.saturating_add(1);
            return *count <= MOST;
        }
        if held.len() >= KEPT {
            held.retain(|_, (since, _)| is_recent(*since));
        }
        if held.len() < KEPT {
            held.insert((tenant, rule), (now, 1));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn refusals_by_one_rule_are_told_so_often_and_others_all_the_same() {
        let refusals = Refusals::default();
        let start = Timestamp::from_micros(1_790_000_000_000_000);
        let told = |tenant: u128, rule, after_ms| {
            let tenant = TenantId(Uuid::from_u128(tenant));
            refusals.is_told(tenant, rule, start.plus_millis(after_ms))
        };
        let of_many = (0..100).filter(|at| told(1, "state_unknown", *at)).count();
        assert_eq!(of_many, 20);
        assert!(told(1, "state_replayed", 100) && told(2, "state_unknown", 100));
        assert!(!told(1, "state_unknown", EVERY_MS - 1));
        assert!(told(1, "state_unknown", EVERY_MS));
    }
}
