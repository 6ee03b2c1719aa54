//! From a key's events and uses to its rows; pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemas::api_key::ApiKeyEvent;
use schemas::envelope::Envelope;
use schemas::ids::ApiKeyId;
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::runtime::{ApplyError, scope_of, sequence_of, subject_id};

/// A row of table `api_keys`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    tenant_id: Uuid,
    pub(super) project_id: Uuid,
    pub(super) version: i64,
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) scopes: Json<Vec<String>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) created_by: String,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) revoked_at: Option<DateTime<Utc>>,
    pub(super) service_account: Option<Uuid>,
    pub(super) rotated_at: Option<DateTime<Utc>>,
    pub(super) made_to_expire_at: Option<DateTime<Utc>>,
}

/// The latest use of each key in a batch.
#[derive(Debug, Default)]
pub(super) struct Uses(BTreeMap<Uuid, Use>);

/// A row of table `api_key_uses`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Use {
    key_id: Uuid,
    tenant_id: Uuid,
    last_used_at: DateTime<Utc>,
}

impl Uses {
    pub(super) fn add(&mut self, envelope: &Envelope, key: ApiKeyId) -> Result<(), ApplyError> {
        let (tenant, _) = scope_of(envelope)?;
        let at = envelope.time.datetime();
        let held = self.0.entry(key.0).or_insert(Use {
            key_id: key.0,
            tenant_id: tenant.0,
            last_used_at: at,
        });
        held.last_used_at = held.last_used_at.max(at);
        Ok(())
    }

    pub(super) fn rows(self) -> Vec<Use> {
        self.0.into_values().collect()
    }
}

/// The key that a record of its stream is about.
pub(super) fn id_of(envelope: &Envelope) -> Result<Uuid, ApplyError> {
    subject_id(envelope, "a key id")
}

/// The row after `event`; an event that it already holds changes nothing.
pub(super) fn evolve(
    row: Option<Row>,
    id: Uuid,
    envelope: &Envelope,
    event: ApiKeyEvent,
) -> Result<Row, ApplyError> {
    let version = sequence_of(envelope)?;
    let at = envelope.time.datetime();
    match (row, event) {
        (Some(row), _) if version <= row.version => Ok(row),
        (_, ApiKeyEvent::ApiKeyCreated(event)) => Ok(Row {
            id,
            tenant_id: scope_of(envelope)?.0.0,
            project_id: event.project.0,
            version,
            name: event.name,
            prefix: event.prefix,
            scopes: Json(event.scopes),
            created_at: at,
            created_by: envelope.actor.to_string(),
            expires_at: event.expires_at.map(|time| time.datetime()),
            revoked_at: None,
            service_account: event.service_account.map(|account| account.0),
            rotated_at: None,
            made_to_expire_at: event.expires_at.map(|time| time.datetime()),
        }),
        (Some(row), ApiKeyEvent::ApiKeyRevoked(_)) => Ok(Row {
            version,
            revoked_at: Some(at),
            ..row
        }),
        (Some(row), ApiKeyEvent::ApiKeyEndSet(event)) => Ok(Row {
            version,
            expires_at: Some(event.expires_at.datetime()),
            rotated_at: Some(at),
            ..row
        }),
        (Some(row), ApiKeyEvent::ApiKeyChanged(event)) => Ok(Row {
            version,
            name: event.name,
            scopes: Json(event.scopes),
            ..row
        }),
        (None, event) => Err(ApplyError::Permanent(format!(
            "{event:?} of key {id}, which was never created"
        ))),
    }
}
