//! The fold: records of `audit.operations` → entries, each linked to the one before.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::audit::{AuditRecord, ChainSealed, OperationRecorded, chain};
use schemas::envelope::Envelope;
use schemas::ids::TenantId;
use schemas::topic::{Retention, Topic};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::runtime::{ApplyError, decode_scoped};

/// The command that changes how long a tenant's entries are kept. Its own audit record
/// says so in the very order in which everything else is told, so it is read from there.
const SET_RETENTION: &str = "SetAuditRetention";

/// A row of table `audit`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) tenant_id: Uuid,
    pub(super) project_id: Option<Uuid>,
    pub(super) seq: i64,
    pub(super) appended_at: DateTime<Utc>,
    pub(super) at: DateTime<Utc>,
    pub(super) kind: String,
    pub(super) actor: String,
    pub(super) action: String,
    pub(super) target_type: String,
    pub(super) target_id: String,
    pub(super) rule: Option<String>,
    pub(super) version: i64,
    pub(super) request_id: Uuid,
    pub(super) changes: Option<String>,
}

#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub(super) struct Link {
    pub(super) tenant_id: Uuid,
    pub(super) seq: i64,
    pub(super) content: String,
    pub(super) hash: String,
}

/// A row of table `audit_chains`.
#[derive(Debug, Clone, Serialize, Deserialize, sqlx::FromRow)]
pub(super) struct Chain {
    pub(super) tenant_id: Uuid,
    pub(super) origin: Uuid,
    pub(super) base_seq: i64,
    pub(super) base_hash: String,
    pub(super) seq: i64,
    pub(super) hash: String,
    next_offset: i64,
    newest: DateTime<Utc>,
    pub(super) retention_days: i32,
    kept_from: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub(super) struct SealRow {
    pub(super) tenant_id: Uuid,
    pub(super) seq: i64,
    pub(super) origin: Uuid,
    pub(super) hash: String,
    pub(super) key: String,
    pub(super) signature: String,
}

/// What a batch adds.
#[derive(Default)]
pub(super) struct Fold {
    chains: BTreeMap<Uuid, Chain>,
    /// Entries that are there already: a refusal that was decided twice has one id.
    seen: HashSet<Uuid>,
    pub(super) rows: Vec<Row>,
    pub(super) links: Vec<Link>,
    pub(super) seals: Vec<SealRow>,
}

/// A record that the fold knows.
pub(super) struct Told {
    tenant: Uuid,
    offset: i64,
    appended_at: DateTime<Utc>,
    envelope: Envelope,
    what: AuditRecord,
}

impl Told {
    pub(super) fn of(record: &Record) -> Result<Option<Self>, ApplyError> {
        let Some((envelope, what)) = decode_scoped(record)? else {
            return Ok(None);
        };
        let TenantId(tenant) = envelope
            .tenant
            .ok_or_else(|| ApplyError::Permanent("header `ce_tenant` is missing".to_owned()))?;
        Ok(Some(Self {
            tenant,
            offset: record.position.offset,
            appended_at: record.appended_at.datetime(),
            envelope,
            what,
        }))
    }
}

impl Fold {
    /// With what the tables say of the batch's tenants and entries.
    pub(super) async fn begin(rows: &mut PgConnection, batch: &[Told]) -> Result<Self, ApplyError> {
        let tenants: Vec<Uuid> = batch.iter().map(|told| told.tenant).collect();
        let ids: Vec<Uuid> = batch.iter().map(|told| told.envelope.id).collect();
        let chains: Vec<Chain> =
            sqlx::query_as("SELECT * FROM audit_chains WHERE tenant_id = ANY ($1)")
                .bind(tenants)
                .fetch_all(&mut *rows)
                .await?;
        let seen: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM audit WHERE id = ANY ($1)")
            .bind(ids)
            .fetch_all(rows)
            .await?;
        Ok(Self {
            chains: chains.into_iter().map(|c| (c.tenant_id, c)).collect(),
            seen: seen.into_iter().collect(),
            ..Self::default()
        })
    }

    pub(super) fn chains(&self) -> Vec<Chain> {
        self.chains.values().cloned().collect()
    }

    pub(super) fn tenants(&self) -> Vec<Uuid> {
        self.chains.keys().copied().collect()
    }

    pub(super) fn take(&mut self, told: Told) -> Result<(), ApplyError> {
        match &told.what {
            AuditRecord::ApiKeyUsed(_) => Ok(()),
            AuditRecord::ChainSealed(seal) => {
                self.seals.push(SealRow::of(told.tenant, seal));
                Ok(())
            }
            AuditRecord::OperationRecorded(_) | AuditRecord::AccessRecorded(_) => self.entry(told),
        }
    }

    fn entry(&mut self, told: Told) -> Result<(), ApplyError> {
        let id = told.envelope.id;
        let chain = self
            .chains
            .entry(told.tenant)
            .or_insert_with(|| Chain::begin(&told));
        if told.offset < chain.next_offset {
            return Ok(());
        }
        chain.next_offset = told.offset + 1;
        chain.at(told.appended_at);
        if !self.seen.insert(id) {
            return Ok(());
        }
        let (row, link, days) = chain.link(told)?;
        if let Some(days) = days {
            chain.retention_days = days;
            chain.at(row.appended_at);
        }
        self.rows.push(row);
        self.links.push(link);
        Ok(())
    }
}

impl Chain {
    fn begin(told: &Told) -> Self {
        let (tenant_id, origin) = (told.tenant, told.envelope.id);
        let hash = chain::start(tenant_id, origin);
        Self {
            tenant_id,
            origin,
            base_seq: 0,
            base_hash: hash.clone(),
            seq: 0,
            hash,
            next_offset: 0,
            newest: told.appended_at,
            retention_days: most_days(),
            kept_from: DateTime::UNIX_EPOCH,
        }
    }

    /// Moves time on. What was once too old stays gone, also where the tenant wants to
    /// keep its entries for longer afterwards.
    fn at(&mut self, now: DateTime<Utc>) {
        self.newest = self.newest.max(now);
        let days = chrono::Duration::days(self.retention_days.into());
        self.kept_from = self.kept_from.max(self.newest - days);
    }

    /// The next entry; and, where it says so, how long entries are kept from now on.
    fn link(&mut self, told: Told) -> Result<(Row, Link, Option<i32>), ApplyError> {
        let row = Row::of(told, self.seq + 1);
        let days = retention(&row);
        let content = chain::content(&row.entry()?.text());
        self.seq = row.seq;
        self.hash = chain::next(&self.hash, &content);
        let link = Link {
            tenant_id: self.tenant_id,
            seq: self.seq,
            content,
            hash: self.hash.clone(),
        };
        Ok((row, link, days))
    }
}

impl Row {
    fn of(told: Told, seq: i64) -> Self {
        let envelope = told.envelope;
        let (kind, operation) = operation(told.what);
        Self {
            id: envelope.id,
            tenant_id: told.tenant,
            project_id: envelope.project.map(|project| project.0),
            seq,
            appended_at: told.appended_at,
            at: envelope.time.datetime(),
            kind: kind.to_owned(),
            actor: plain(envelope.actor.to_string()),
            action: plain(operation.operation),
            target_type: plain(operation.target_type),
            target_id: plain(operation.target_id),
            rule: operation.refused_rule.map(plain),
            version: operation.version,
            request_id: envelope.correlation,
            changes: operation.changes.map(plain),
        }
    }

    /// As it is hashed and exported.
    pub(super) fn entry(&self) -> Result<chain::Entry, ApplyError> {
        let changes = self.changes.clone().map(RawValue::from_string);
        let changes = changes.transpose();
        let changes = changes.map_err(|e| ApplyError::Permanent(format!("`changes`: {e}")))?;
        Ok(chain::Entry {
            seq: self.seq,
            id: self.id,
            tenant: self.tenant_id,
            project: self.project_id,
            at: self.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
            kind: self.kind.clone(),
            actor: self.actor.clone(),
            action: self.action.clone(),
            target_type: self.target_type.clone(),
            target_id: self.target_id.clone(),
            rule: self.rule.clone(),
            version: self.version,
            request: self.request_id,
            changes,
        })
    }
}

/// `change` for commands; `read` or `denied` for what was only looked at.
fn operation(what: AuditRecord) -> (&'static str, OperationRecorded) {
    match what {
        AuditRecord::OperationRecorded(operation) => ("change", operation),
        AuditRecord::AccessRecorded(access) => {
            let kind = if access.refused_rule.is_some() {
                "denied"
            } else {
                "read"
            };
            let operation = OperationRecorded {
                operation: access.action,
                target_type: access.target_type,
                target_id: access.target_id,
                refused_rule: access.refused_rule,
                version: 0,
                changes: None,
            };
            (kind, operation)
        }
        AuditRecord::ChainSealed(_) | AuditRecord::ApiKeyUsed(_) => {
            unreachable!("seals and uses of keys are no entries")
        }
    }
}

impl SealRow {
    fn of(tenant_id: Uuid, seal: &ChainSealed) -> Self {
        Self {
            tenant_id,
            seq: seal.seq,
            origin: seal.origin,
            hash: seal.hash.clone(),
            key: seal.key.clone(),
            signature: seal.signature.clone(),
        }
    }
}

/// The topic's own retention is the longest.
pub(super) fn most_days() -> i32 {
    match Topic::AuditOperations.retention() {
        Retention::Days(days) => days.into(),
        Retention::Forever => i32::MAX,
    }
}

fn retention(row: &Row) -> Option<i32> {
    if row.action != SET_RETENTION || row.rule.is_some() {
        return None;
    }
    let changes: serde_json::Value = serde_json::from_str(row.changes.as_deref()?).ok()?;
    let days = changes.get("after")?.get("days")?.as_i64()?;
    Some(i32::try_from(days).ok()?.clamp(1, most_days()))
}

/// Text as Postgres keeps it, which has no NUL.
fn plain(text: String) -> String {
    match text.contains('\0') {
        true => text.replace('\0', "\u{FFFD}"),
        false => text,
    }
}
