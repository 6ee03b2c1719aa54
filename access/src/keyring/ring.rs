//! The fold: events of `identity.keys` → keys by hash, and limits by tenant.

use std::collections::{BTreeMap, HashMap, HashSet};

use eventlog::{Offset, Partition, Position, Record};
use schemas::api_key::ApiKeyEvent;
use schemas::envelope::Envelope;
use schemas::ids::{ApiKeyId, ProjectId, ServiceAccountId, TenantId};
use schemas::messages::MessageSet;
use schemas::project_keys::ProjectKeysEvent;
use schemas::service_account_keys::ServiceAccountKeysEvent;
use schemas::telemetry_limits::{TelemetryLimitsEvent, TelemetryLimitsSet};
use schemas::tenant_keys::TenantKeysEvent;
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use super::archived::Archived;
use crate::api_key::KeyHash;
use crate::permissions::KeyScope;

/// One key as the ring knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) id: ApiKeyId,
    pub(super) tenant: TenantId,
    pub(super) project: ProjectId,
    pub(super) scopes: Vec<String>,
    pub(super) expires_at: Option<Timestamp>,
    /// By itself: see [`Ring::is_revoked`].
    revoked: bool,
    /// Snapshots of the first shape have none; they are read anew.
    #[serde(default)]
    service_account: Option<ServiceAccountId>,
    /// Likewise.
    #[serde(default)]
    created_at: Timestamp,
}

impl Key {
    /// Scopes that this version does not know grant nothing.
    pub(super) fn scopes(&self) -> Vec<KeyScope> {
        let known = self.scopes.iter().filter_map(|name| KeyScope::parse(name));
        known.collect()
    }
}

/// All keys and how far the topic was read.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
pub(super) struct Ring {
    /// By SHA-256 of the key text, in hex.
    keys: HashMap<String, Key>,
    hashes: HashMap<ApiKeyId, String>,
    /// Of the tenants that have some of their own.
    #[serde(default)]
    limits: HashMap<TenantId, TelemetryLimitsSet>,
    /// Tenants without keys for ever; what else is said of their keys is nothing.
    #[serde(default)]
    ended: HashSet<TenantId>,
    /// Service accounts without keys for ever. Their keys lie on other partitions, and
    /// may come before or after: a key is asked for its account when it is used.
    #[serde(default)]
    ended_accounts: HashSet<(TenantId, ServiceAccountId)>,
    #[serde(default)]
    archived: Archived,
    next: BTreeMap<Partition, Offset>,
    #[serde(skip)]
    noted: HashMap<ApiKeyId, Timestamp>,
}

impl Ring {
    pub(super) fn by_hash(&self, hash: &KeyHash) -> Option<&Key> {
        self.keys.get(&hex::encode(hash))
    }

    pub(super) fn by_id(&self, id: ApiKeyId) -> Option<&Key> {
        self.keys.get(self.hashes.get(&id)?)
    }

    /// Whether a key is no longer good, by itself, with its service account or with its
    /// project.
    pub(super) fn is_revoked(&self, key: &Key) -> bool {
        let ended = |account| self.ended_accounts.contains(&(key.tenant, account));
        let archived = || self.archived.ends(key.tenant, key.project, key.created_at);
        key.revoked || key.service_account.is_some_and(ended) || archived()
    }

    pub(super) fn limits(&self, tenant: TenantId) -> Option<&TelemetryLimitsSet> {
        self.limits.get(&tenant)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Takes one record in; the error says what is wrong with it.
    pub(super) fn apply(&mut self, record: &Record) -> Result<(), String> {
        let envelope = record.envelope().map_err(|e| e.to_string())?;
        if envelope.tenant.is_some_and(|tenant| self.has_ended(tenant)) {
            return Ok(());
        }
        match record.kind() {
            kind if TenantKeysEvent::has(kind) => self.end(&envelope),
            kind if ServiceAccountKeysEvent::has(kind) => self.end_account(&envelope),
            kind if ProjectKeysEvent::has(kind) => self.apply_project(record, &envelope),
            kind if TelemetryLimitsEvent::has(kind) => self.apply_limits(record, &envelope),
            _ => self.apply_key(record, &envelope),
        }
    }

    /// Whether a tenant's keys have all ended, those to come included.
    pub(super) fn has_ended(&self, tenant: TenantId) -> bool {
        self.ended.contains(&tenant)
    }

    fn end(&mut self, envelope: &Envelope) -> Result<(), String> {
        let tenant = envelope.tenant.ok_or("the record names no tenant")?;
        self.ended.insert(tenant);
        self.limits.remove(&tenant);
        self.ended_accounts.retain(|(of, _)| *of != tenant);
        self.archived.forget(tenant);
        self.keys.retain(|_, key| key.tenant != tenant);
        let keys = &self.keys;
        self.hashes.retain(|_, hash| keys.contains_key(hash));
        let hashes = &self.hashes;
        self.noted.retain(|key, _| hashes.contains_key(key));
        Ok(())
    }

    fn end_account(&mut self, envelope: &Envelope) -> Result<(), String> {
        let tenant = envelope.tenant.ok_or("the record names no tenant")?;
        let account: ServiceAccountId = envelope.subject.parse().map_err(|_| {
            let subject = &envelope.subject;
            format!("the subject `{subject}` is not the id of a service account")
        })?;
        self.ended_accounts.insert((tenant, account));
        Ok(())
    }

    fn apply_project(&mut self, record: &Record, envelope: &Envelope) -> Result<(), String> {
        let tenant = envelope.tenant.ok_or("the record names no tenant")?;
        let project: ProjectId = envelope.subject.parse().map_err(|_| {
            let subject = &envelope.subject;
            format!("the subject `{subject}` is not the id of a project")
        })?;
        let event = record.decode().map_err(|e| e.to_string())?;
        self.archived.take(tenant, project, &event);
        Ok(())
    }

    fn apply_limits(&mut self, record: &Record, envelope: &Envelope) -> Result<(), String> {
        let tenant = envelope.tenant.ok_or("the record names no tenant")?;
        let TelemetryLimitsEvent::TelemetryLimitsSet(set) =
            record.decode().map_err(|e| e.to_string())?;
        self.limits.insert(tenant, set);
        Ok(())
    }

    fn apply_key(&mut self, record: &Record, envelope: &Envelope) -> Result<(), String> {
        let id: ApiKeyId = envelope.subject.parse().map_err(|_| {
            let subject = &envelope.subject;
            format!("the subject `{subject}` is not a key id")
        })?;
        match record.decode().map_err(|e| e.to_string())? {
            ApiKeyEvent::ApiKeyCreated(created) => {
                let tenant = envelope.tenant.ok_or("the record names no tenant")?;
                let key = Key {
                    id,
                    tenant,
                    project: created.project,
                    scopes: created.scopes,
                    expires_at: created.expires_at,
                    revoked: false,
                    service_account: created.service_account,
                    created_at: envelope.time,
                };
                self.hashes.insert(id, created.hash.clone());
                self.keys.insert(created.hash, key);
            }
            ApiKeyEvent::ApiKeyRevoked(_) => self.known(id)?.revoked = true,
            ApiKeyEvent::ApiKeyEndSet(set) => self.known(id)?.expires_at = Some(set.expires_at),
            ApiKeyEvent::ApiKeyChanged(changed) => self.known(id)?.scopes = changed.scopes,
        }
        Ok(())
    }

    /// A key that something happens to; it must have been created.
    fn known(&mut self, id: ApiKeyId) -> Result<&mut Key, &'static str> {
        let hash = self.hashes.get(&id);
        let key = hash.and_then(|hash| self.keys.get_mut(hash));
        key.ok_or("something happened to a key that was never created")
    }

    /// Notes that a partition was read up to `next`.
    pub(super) fn advance(&mut self, partition: Partition, next: Offset) {
        self.next.insert(partition, next);
    }

    /// Where reading goes on, for every partition.
    pub(super) fn positions(&self) -> Vec<Position> {
        let topic = Topic::IdentityKeys;
        (0..topic.partitions())
            .map(|partition| Position {
                topic,
                partition,
                offset: self.next.get(&partition).copied().unwrap_or(0),
            })
            .collect()
    }

    /// Whether every partition was read up to `ends`.
    pub(super) fn reached(&self, ends: &[Position]) -> bool {
        ends.iter().all(|end| {
            let next = self.next.get(&end.partition).copied().unwrap_or(0);
            next >= end.offset
        })
    }

    /// Whether `key` was not noted within `every_ms` before `now`; notes it then.
    pub(super) fn note_use(&mut self, key: ApiKeyId, now: Timestamp, every_ms: i64) -> bool {
        let noted = self.noted.get(&key);
        let due = noted.is_none_or(|at| now.millis_since(*at) >= every_ms);
        if due && self.hashes.contains_key(&key) {
            self.noted.insert(key, now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventlog::NewRecord;
    use schemas::api_key::ApiKeyRevoked;
    use schemas::codec::Example;
    use schemas::envelope::Envelope;
    use schemas::project_keys::{ProjectKeysEnded, ProjectKeysReopened};
    use schemas::scope::{Actor, Scope};
    use schemas::service_account_keys::ServiceAccountKeysEnded;
    use schemas::tenant_keys::TenantKeysEnded;
    use uuid::Uuid;

    fn record(id: impl std::fmt::Display, event: &impl MessageSet) -> Record {
        of_tenant(1, id, event)
    }

    fn of_tenant(tenant: u128, id: impl std::fmt::Display, event: &impl MessageSet) -> Record {
        at(Timestamp::default(), tenant, id, event)
    }

    fn at(
        time: Timestamp,
        tenant: u128,
        id: impl std::fmt::Display,
        event: &impl MessageSet,
    ) -> Record {
        let scope = Scope::granted(
            TenantId(Uuid::from_u128(tenant)),
            ProjectId(Uuid::from_u128(2)),
            Actor::system("test"),
        );
        let kind = event.kind();
        let mut envelope = Envelope::of(&scope, Uuid::nil(), kind, "/test", id.to_string());
        envelope.time = time;
        let new = NewRecord::of(Topic::IdentityKeys, &envelope, event).unwrap();
        Record {
            position: Position {
                topic: new.topic,
                partition: new.partition(),
                offset: 0,
            },
            appended_at: Timestamp::default(),
            key: new.key,
            headers: new.headers,
            body: new.body,
        }
    }

    #[test]
    fn a_key_is_known_until_it_is_revoked() {
        let id = ApiKeyId(Uuid::from_u128(9));
        let mut ring = Ring::default();
        let created = schemas::api_key::ApiKeyCreated::example();
        ring.apply(&record(id, &ApiKeyEvent::from(created)))
            .unwrap();
        assert_eq!(revoked_in(&ring), Some(false));
        let revoked = ApiKeyEvent::from(ApiKeyRevoked { reason: None });
        ring.apply(&record(id, &revoked)).unwrap();
        assert_eq!(revoked_in(&ring), Some(true));
    }

    /// Whether the example key is no longer good.
    fn revoked_in(ring: &Ring) -> Option<bool> {
        ring.by_hash(&[0; 32]).map(|key| ring.is_revoked(key))
    }

    #[test]
    fn the_keys_of_an_account_end_with_it_whenever_they_are_made() {
        let id = ApiKeyId(Uuid::from_u128(9));
        let example = schemas::api_key::ApiKeyCreated::example();
        let account = example.service_account.unwrap();
        let created = record(id, &ApiKeyEvent::from(example.clone()));
        let ended = ServiceAccountKeysEvent::from(ServiceAccountKeysEnded::example());
        let of_it = record(account, &ended);
        for records in [[&created, &of_it], [&of_it, &created]] {
            let mut ring = Ring::default();
            for record in records {
                ring.apply(record).unwrap();
            }
            assert_eq!(revoked_in(&ring), Some(true));
        }
        // Neither another account's, nor a key of nobody, nor what another tenant says.
        let other = record(ServiceAccountId(Uuid::from_u128(7)), &ended);
        let foreign = of_tenant(2, account, &ended);
        let mut ring = Ring::default();
        for record in [&created, &other, &foreign] {
            ring.apply(record).unwrap();
        }
        assert_eq!(revoked_in(&ring), Some(false));
        let free = schemas::api_key::ApiKeyCreated {
            service_account: None,
            ..example
        };
        let mut ring = Ring::default();
        for record in [&record(id, &ApiKeyEvent::from(free)), &of_it] {
            ring.apply(record).unwrap();
        }
        assert_eq!(revoked_in(&ring), Some(false));
    }

    /// Whether a key that is made at each of `made` is revoked, in whatever order the
    /// records of the key and of its project come.
    fn revoked_of_project<const N: usize>(
        made: [i64; N],
        tenant: u128,
        events: &[ProjectKeysEvent],
    ) -> [bool; N] {
        made.map(|made| {
            let example = schemas::api_key::ApiKeyCreated::example();
            let project = example.project;
            let made = Timestamp::from_micros(made);
            let created = ApiKeyEvent::from(example);
            let created = at(made, 1, ApiKeyId(Uuid::from_u128(9)), &created);
            let told: Vec<_> = events
                .iter()
                .map(|event| of_tenant(tenant, project, event))
                .collect();
            let orders = (0..=told.len()).map(|before| {
                let (first, then) = told.split_at(before);
                let mut ring = Ring::default();
                for record in first.iter().chain([&created]).chain(then) {
                    ring.apply(record).unwrap();
                }
                revoked_in(&ring).unwrap()
            });
            let orders: HashSet<bool> = orders.collect();
            assert_eq!(orders.len(), 1, "the order tells them apart");
            orders.contains(&true)
        })
    }

    #[test]
    fn the_keys_of_an_archived_project_end_and_those_from_before_stay_ended() {
        let ended = || {
            let reason = None;
            ProjectKeysEvent::from(ProjectKeysEnded {
                tenant_version: 5,
                reason,
            })
        };
        let reopened = |at: i64| {
            ProjectKeysEvent::from(ProjectKeysReopened {
                tenant_version: 6,
                at: Timestamp::from_micros(at),
            })
        };
        let made = [10, 20, 30];
        assert_eq!(revoked_of_project(made, 1, &[]), [false; 3]);
        assert_eq!(revoked_of_project(made, 1, &[ended()]), [true; 3]);
        let restored = [ended(), reopened(20)];
        assert_eq!(revoked_of_project(made, 1, &restored), [true, false, false]);
        let again = [ended(), reopened(20), ended()];
        assert_eq!(revoked_of_project(made, 1, &again), [true; 3]);
        let twice = [ended(), reopened(20), ended(), reopened(30)];
        assert_eq!(revoked_of_project(made, 1, &twice), [true, true, false]);
        // Not what another tenant says of it.
        assert_eq!(revoked_of_project(made, 2, &[ended()]), [false; 3]);
    }

    #[test]
    fn a_revocation_of_nothing_is_an_error() {
        let id = ApiKeyId(Uuid::from_u128(9));
        let revoked = record(id, &ApiKeyEvent::from(ApiKeyRevoked { reason: None }));
        assert!(Ring::default().apply(&revoked).is_err());
    }

    #[test]
    fn the_limits_set_last_are_the_tenants() {
        let tenant = TenantId(Uuid::from_u128(1));
        let mut ring = Ring::default();
        assert_eq!(ring.limits(tenant), None);
        let mut set = TelemetryLimitsSet::example();
        ring.apply(&record(tenant, &TelemetryLimitsEvent::from(set.clone())))
            .unwrap();
        set.active_series = None;
        ring.apply(&record(tenant, &TelemetryLimitsEvent::from(set.clone())))
            .unwrap();
        assert_eq!(ring.limits(tenant), Some(&set));
        assert_eq!(ring.limits(TenantId(Uuid::from_u128(2))), None);
        assert_eq!(ring.len(), 0, "no keys");
    }

    #[test]
    fn the_keys_of_a_tenant_end_at_once_and_for_ever() {
        let id = ApiKeyId(Uuid::from_u128(9));
        let tenant = TenantId(Uuid::from_u128(1));
        let created = || ApiKeyEvent::from(schemas::api_key::ApiKeyCreated::example());
        let mut ring = Ring::default();
        ring.apply(&record(id, &created())).unwrap();
        ring.apply(&record(
            tenant,
            &TelemetryLimitsEvent::from(TelemetryLimitsSet::example()),
        ))
        .unwrap();
        let ended = TenantKeysEvent::from(TenantKeysEnded { reason: None });
        ring.apply(&record(tenant, &ended)).unwrap();
        assert_eq!(
            (ring.len(), ring.by_id(id), ring.limits(tenant)),
            (0, None, None)
        );
        assert!(ring.has_ended(tenant));
        // What was on its way to a key of the tenant is no mistake, and makes none.
        let revoked = ApiKeyEvent::from(ApiKeyRevoked { reason: None });
        for late in [created(), revoked] {
            ring.apply(&record(id, &late)).unwrap();
        }
        assert_eq!(ring.len(), 0);
    }

    #[test]
    fn a_use_is_noted_once_a_minute() {
        let id = ApiKeyId(Uuid::from_u128(9));
        let mut ring = Ring::default();
        let created = schemas::api_key::ApiKeyCreated::example();
        ring.apply(&record(id, &ApiKeyEvent::from(created)))
            .unwrap();
        let start = Timestamp::from_micros(0);
        assert!(ring.note_use(id, start, 60_000));
        assert!(!ring.note_use(id, start.plus_millis(59_999), 60_000));
        assert!(ring.note_use(id, start.plus_millis(60_000), 60_000));
    }
}
