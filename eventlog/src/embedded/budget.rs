//! The disk that the log may use: its budget, or what its file system has left beside
//! what others need there, whichever is less. From nine tenths on, the tenants that have
//! appended more than the mean are refused; at the whole, every append. Commits of
//! consumers pass: work that was accepted is finished from the reserve that the
//! deployment leaves beside the budget.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Options;
use super::disk::{Disk, Space};
use crate::{LogError, NewRecord};

/// Tenants weighed at a time; when there are more, the lighter half is
/// forgotten.
const TENANTS: usize = 4_096;
/// Why records are refused, as it is counted.
const FULL: &str = "disk_budget";
const HEAVY: &str = "disk_budget_heavy_tenant";
/// How long what was free is believed.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Bounds of what is left to others where nobody says how much: the journals' next
/// segments take some of it.
const LEAST_RESERVE: u64 = 256 << 20;
const MOST_RESERVE: u64 = 2 << 30;

#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    room: Room,
    tenants: Mutex<HashMap<Vec<u8>, u64>>,
}

impl Budget {
    pub(super) fn new(limit: u64, room: Room) -> Self {
        // There from the start, so that the first increase is seen.
        for reason in [FULL, HEAVY] {
            metrics::counter!("eventlog_refused_records_total", "reason" => reason).increment(0);
        }
        Self {
            limit,
            room,
            tenants: Mutex::default(),
        }
    }

    /// Weighs the tenants of `records` and refuses the batch where the budget says so.
    pub(super) fn admit(&self, used: u64, records: &[NewRecord]) -> Result<(), LogError> {
        let limit = self.limit.min(self.room.until(used));
        let full = used >= limit;
        let heavy = !full && used >= limit / 10 * 9 && self.any_heavy(records);
        if !full && !heavy {
            self.weigh(records);
            return Ok(());
        }
        let reason = match heavy {
            true => HEAVY,
            false => FULL,
        };
        metrics::counter!("eventlog_refused_records_total", "reason" => reason)
            .increment(records.len() as u64);
        Err(LogError::Full {
            used,
            budget: limit,
            heavy,
            disk: limit < self.limit,
        })
    }

    fn any_heavy(&self, records: &[NewRecord]) -> bool {
        let tenants = self.tenants.lock();
        let total: u64 = tenants.values().sum();
        let mean = total / (tenants.len() as u64).max(1);
        let weight = |record| tenants.get(tenant_of(record)?).copied();
        records
            .iter()
            .filter_map(weight)
            .any(|weight| weight > mean)
    }

    fn weigh(&self, records: &[NewRecord]) {
        let mut tenants = self.tenants.lock();
        for record in records {
            if let Some(tenant) = tenant_of(record) {
                let bytes = record.body.len() as u64;
                match tenants.get_mut(tenant) {
                    Some(weight) => *weight += bytes,
                    None => drop(tenants.insert(tenant.to_vec(), bytes)),
                }
            }
        }
        if tenants.len() > TENANTS {
            forget_lighter_half(&mut tenants);
        }
    }
}

/// What the file system has left for the log.
pub(super) struct Room {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    /// Bytes that are left to others.
    reserve: u64,
    seen: Mutex<Option<Seen>>,
}

/// What was free when the log had so many bytes.
#[derive(Clone, Copy)]
struct Seen {
    at: Instant,
    used: u64,
    free: u64,
}

impl Room {
    pub(super) fn beside(options: &Options) -> Self {
        let (dir, disk) = (options.dir.clone(), options.disk.clone());
        let reserve = options.disk_free_bytes.unwrap_or_else(|| {
            let size = disk.space(&dir).map_or(0, |space| space.size);
            (size / 20).clamp(LEAST_RESERVE, MOST_RESERVE)
        });
        Self {
            dir,
            disk,
            reserve,
            seen: Mutex::default(),
        }
    }

    /// The size that a log of `used` bytes can grow to. Looked up now and then: in
    /// between, what the log has grown by is known.
    fn until(&self, used: u64) -> u64 {
        if self.reserve == 0 {
            return u64::MAX;
        }
        let mut seen = self.seen.lock();
        let now = match *seen {
            Some(seen) if seen.at.elapsed() < LOOK_EVERY => seen,
            _ => match self.disk.space(&self.dir) {
                Ok(Space { free, .. }) => *seen.insert(Seen {
                    at: Instant::now(),
                    used,
                    free,
                }),
                Err(_) => return u64::MAX,
            },
        };
        let left = now.free.saturating_sub(self.reserve);
        now.used.saturating_add(left)
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}

/// Half stay, so that a heavy tenant is still weighed against light ones; all
/// weights are halved, so that what was appended long ago counts less.
fn forget_lighter_half(tenants: &mut HashMap<Vec<u8>, u64>) {
    let mut by_weight: Vec<_> = tenants.drain().collect();
    by_weight.sort_unstable_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    by_weight.truncate(TENANTS / 2);
    let halved = by_weight
        .into_iter()
        .map(|(tenant, weight)| (tenant, weight / 2));
    tenants.extend(halved);
}

/// Records of the platform itself have no tenant and are never heavy.
fn tenant_of(record: &NewRecord) -> Option<&[u8]> {
    record.headers.get("ce_tenant")
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::topic::Topic;

    /// Of a thousand bytes, on a disk that always has room.
    fn budget() -> Budget {
        let options = Options {
            disk_free_bytes: Some(0),
            ..Options::new("")
        };
        Budget::new(1_000, Room::beside(&options))
    }

    fn of(tenant: &str, bytes: usize) -> Vec<NewRecord> {
        vec![NewRecord {
            topic: Topic::InboundWebhooks,
            partition: Some(0),
            key: Default::default(),
            headers: [("ce_tenant", tenant)].into(),
            body: vec![0; bytes].into(),
        }]
    }

    /// Why a byte of a tenant is refused; None where it is taken.
    fn refused(budget: &Budget, used: u64, tenant: &str) -> Option<&'static str> {
        match budget.admit(used, &of(tenant, 1)) {
            Ok(()) => None,
            Err(LogError::Full { heavy: true, .. }) => Some("heavy"),
            Err(LogError::Full { heavy: false, .. }) => Some("full"),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn refuses_the_heavy_first_and_everybody_last() {
        let budget = budget();
        for _ in 0..10 {
            budget.admit(0, &of("heavy", 100)).unwrap();
        }
        budget.admit(0, &of("light", 10)).unwrap();
        assert_eq!(refused(&budget, 899, "heavy"), None);
        assert_eq!(refused(&budget, 900, "heavy"), Some("heavy"));
        assert_eq!(refused(&budget, 900, "light"), None);
        assert_eq!(refused(&budget, 900, "new"), None);
        assert_eq!(refused(&budget, 1_000, "light"), Some("full"));
    }

    #[test]
    fn a_single_tenant_may_use_the_whole() {
        let budget = budget();
        budget.admit(0, &of("only", 500)).unwrap();
        assert_eq!(refused(&budget, 999, "only"), None);
        assert_eq!(refused(&budget, 1_000, "only"), Some("full"));
    }

    #[test]
    fn forgets_tenants_but_not_the_heavy() {
        let budget = budget();
        budget.admit(0, &of("heavy", 1_000_000)).unwrap();
        for n in 0..3 * TENANTS {
            budget.admit(0, &of(&n.to_string(), 1)).unwrap();
        }
        assert!(budget.tenants.lock().len() <= TENANTS + 1);
        assert_eq!(refused(&budget, 950, "heavy"), Some("heavy"));
    }
}
