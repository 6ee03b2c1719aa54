//! What each tenant uses, counted in memory and noted in the log about once a minute:
//! neither the answer to a caller nor its time depend on it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use eventlog::{Log, NewRecord};
use metrics::counter;
use parking_lot::Mutex;
use schemas::codec::CodecError;
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{ApiKeyId, ProjectId, TenantId};
use schemas::messages::MessageSet;
use schemas::scope::{Actor, Scope};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use schemas::usage::{UsageCount, UsageCounted, UsageNote};
use tokio_util::sync::CancellationToken;

const NOTE_EVERY: Duration = Duration::from_secs(60);
const DAY_MICROS: i64 = 86_400_000_000;
/// Tenants that are counted at a time.
const TENANTS: usize = 10_000;
/// Rows of one tenant and note; what is beyond is counted without its key.
const ROWS: usize = 500;

/// What is counted apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Use {
    /// `api`, or what was sent.
    pub used: &'static str,
    pub key: Option<ApiKeyId>,
    /// What refused it.
    pub rule: Option<Cow<'static, str>>,
}

/// How much of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    pub requests: u64,
    pub items: u64,
    pub bytes: u64,
}

/// What was counted since the last note.
#[derive(Debug, Default)]
pub struct Meter(Mutex<HashMap<TenantId, Counted>>);

#[derive(Debug)]
struct Counted {
    /// Of the latest request: the note is the tenant's, but records name a project.
    project: ProjectId,
    rows: HashMap<(i32, Use), Amount>,
}

impl Meter {
    /// Adds to the day of `now` (UTC). What is too much to keep is counted as lost.
    pub fn count(&self, scope: &Scope, used: Use, amount: Amount, now: Timestamp) {
        let mut tenants = self.0.lock();
        let full = tenants.len() >= TENANTS;
        let counted = match tenants.entry(scope.tenant()) {
            Entry::Occupied(held) => held.into_mut(),
            Entry::Vacant(_) if full => {
                counter!("usage_lost_total").increment(amount.requests);
                return;
            }
            Entry::Vacant(free) => free.insert(Counted {
                project: scope.project(),
                rows: HashMap::new(),
            }),
        };
        counted.project = scope.project();
        counted.add(day_of(now), used, amount);
    }

    /// Appends what was counted. What the log does not take is counted on.
    pub async fn note(&self, log: &Log, context: &Context) {
        let taken = std::mem::take(&mut *self.0.lock());
        let records: Result<Vec<Vec<NewRecord>>, CodecError> = taken
            .iter()
            .map(|(tenant, counted)| counted.records(*tenant, context))
            .collect();
        let records = match records {
            Ok(records) => records.concat(),
            Err(error) => return tracing::error!(%error, "usage is not noted"),
        };
        if records.is_empty() {
            return;
        }
        if let Err(error) = log.append(records).await {
            tracing::warn!(%error, "usage is noted later");
            self.take_back(taken);
        }
    }

    /// Notes once a minute and a last time at `stop`.
    pub async fn keep_noting(&self, log: &Log, clock: &Clock, stop: CancellationToken) {
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(NOTE_EVERY) => false,
            };
            self.note(log, &Context::ambient(clock)).await;
            if stopped {
                return;
            }
        }
    }

    fn take_back(&self, taken: HashMap<TenantId, Counted>) {
        let mut tenants = self.0.lock();
        for (tenant, counted) in taken {
            match tenants.entry(tenant) {
                Entry::Vacant(free) => {
                    free.insert(counted);
                }
                Entry::Occupied(mut held) => {
                    for ((day, used), amount) in counted.rows {
                        held.get_mut().add(day, used, amount);
                    }
                }
            }
        }
    }
}

impl Counted {
    fn add(&mut self, day: i32, mut used: Use, amount: Amount) {
        if self.rows.len() >= ROWS && !self.rows.contains_key(&(day, used.clone())) {
            used.key = None;
        }
        let held = self.rows.entry((day, used)).or_default();
        held.requests += amount.requests;
        held.items += amount.items;
        held.bytes += amount.bytes;
    }

    /// One record a day.
    fn records(&self, tenant: TenantId, context: &Context) -> Result<Vec<NewRecord>, CodecError> {
        let mut days: HashMap<i32, Vec<UsageCount>> = HashMap::new();
        for ((day, used), amount) in &self.rows {
            days.entry(*day).or_default().push(row(used, *amount));
        }
        let scope = Scope::granted(tenant, self.project, Actor::system("meter"));
        let records = days.into_iter().map(|(day, counts)| {
            let note = UsageNote::from(UsageCounted { day, counts });
            let (id, kind) = (context.id(), note.kind());
            let mut envelope = Envelope::of(&scope, id, kind, "/access", tenant.to_string());
            envelope.time = context.now();
            NewRecord::of(Topic::AuditOperations, &envelope, &note)
        });
        records.collect()
    }
}

fn row(used: &Use, amount: Amount) -> UsageCount {
    let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
    UsageCount {
        used: used.used.to_owned(),
        key: used.key,
        rule: used.rule.as_deref().map(str::to_owned),
        requests: number(amount.requests),
        items: number(amount.items),
        bytes: number(amount.bytes),
    }
}

fn day_of(now: Timestamp) -> i32 {
    i32::try_from(now.micros().div_euclid(DAY_MICROS)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NOON: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

    fn scope(tenant: u128) -> Scope {
        let (tenant, project) = (TenantId(Uuid::from_u128(tenant)), Uuid::from_u128(2));
        Scope::granted(tenant, ProjectId(project), Actor::system("test"))
    }

    fn by_key(key: u128) -> Use {
        Use {
            used: "logs",
            key: Some(ApiKeyId(Uuid::from_u128(key))),
            rule: None,
        }
    }

    const ONE: Amount = Amount {
        requests: 1,
        items: 10,
        bytes: 100,
    };

    fn held(meter: &Meter, tenant: u128) -> Vec<((i32, Use), Amount)> {
        let tenants = meter.0.lock();
        let rows = &tenants[&TenantId(Uuid::from_u128(tenant))].rows;
        let mut rows: Vec<_> = rows.iter().map(|(used, n)| (used.clone(), *n)).collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    }

    #[test]
    fn alike_is_added_up_and_other_days_keys_and_tenants_are_apart() {
        let meter = Meter::default();
        let tomorrow = NOON.plus_millis(86_400_000);
        for (tenant, key, now) in [
            (1, 7, NOON),
            (1, 7, NOON),
            (1, 8, NOON),
            (2, 7, NOON),
            (1, 7, tomorrow),
        ] {
            meter.count(&scope(tenant), by_key(key), ONE, now);
        }
        let rows = held(&meter, 1);
        let requests: Vec<_> = rows.iter().map(|(_, amount)| amount.requests).collect();
        assert_eq!(requests, [2, 1, 1]);
        assert_eq!((rows[0].1.items, rows[0].1.bytes), (20, 200));
        assert_eq!(held(&meter, 2).len(), 1);
    }

    #[test]
    fn more_keys_than_fit_are_counted_together() {
        let meter = Meter::default();
        for key in 0..2 * ROWS as u128 {
            meter.count(&scope(1), by_key(key), ONE, NOON);
        }
        let rows = held(&meter, 1);
        assert_eq!(rows.len(), ROWS + 1);
        assert_eq!(rows[0].0.1.key, None);
        assert_eq!(rows[0].1.requests, ROWS as u64);
    }

    #[test]
    fn what_was_not_taken_is_counted_on() {
        let meter = Meter::default();
        meter.count(&scope(1), by_key(7), ONE, NOON);
        let taken = std::mem::take(&mut *meter.0.lock());
        meter.count(&scope(1), by_key(7), ONE, NOON);
        meter.take_back(taken);
        assert_eq!(held(&meter, 1)[0].1.requests, 2);
    }
}
