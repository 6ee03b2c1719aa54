//! What each tenant has sent, noted for its owner to see: at most once a minute.

use std::collections::HashMap;

use parking_lot::Mutex;
use schemas::ids::TenantId;
use schemas::time::Timestamp;

const NOTE_EVERY_MS: i64 = 60_000;
/// Tenants kept at a time; beyond, those that are silent are forgotten.
const TENANTS: usize = 10_000;
const SILENT_MS: i64 = 10 * NOTE_EVERY_MS;

#[derive(Default)]
pub(crate) struct Usage {
    tenants: Mutex<HashMap<TenantId, Since>>,
}

/// Since the last note.
struct Since {
    at: Timestamp,
    bytes: u64,
}

/// To be noted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) bytes: u64,
    /// How long it took; 0 for the first note of a tenant, which says no rate.
    pub(crate) over_ms: i64,
}

impl Usage {
    pub(crate) fn add(&self, tenant: TenantId, bytes: usize, now: Timestamp) -> Option<Due> {
        let mut tenants = self.tenants.lock();
        if tenants.len() >= TENANTS && !tenants.contains_key(&tenant) {
            tenants.retain(|_, since| now.millis_since(since.at) < SILENT_MS);
        }
        let Some(since) = tenants.get_mut(&tenant) else {
            tenants.insert(tenant, Since { at: now, bytes: 0 });
            return Some(Due {
                bytes: bytes as u64,
                over_ms: 0,
            });
        };
        since.bytes += bytes as u64;
        let over_ms = now.millis_since(since.at);
        if over_ms < NOTE_EVERY_MS {
            return None;
        }
        let due = Due {
            bytes: std::mem::take(&mut since.bytes),
            over_ms,
        };
        since.at = now;
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn is_noted_at_once_and_then_once_a_minute() {
        let usage = Usage::default();
        let add = |tenant, bytes, millis: i64| {
            let now = Timestamp::from_micros(millis * 1_000);
            usage.add(TenantId(Uuid::from_u128(tenant)), bytes, now)
        };
        let due = |bytes, over_ms| Some(Due { bytes, over_ms });
        assert_eq!(add(1, 10, 0), due(10, 0));
        assert_eq!(add(1, 20, 59_999), None);
        assert_eq!(add(2, 5, 59_999), due(5, 0));
        assert_eq!(add(1, 30, 60_000), due(50, 60_000));
        assert_eq!(add(1, 1, 119_999), None);
    }
}
