//! From an account's events to its row; pure.

use chrono::{DateTime, Utc};
use schemas::envelope::Envelope;
use schemas::service_account::ServiceAccountEvent;
use serde::Serialize;
use uuid::Uuid;

use crate::runtime::{ApplyError, scope_of, sequence_of, subject_id};

/// A row of table `service_accounts`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    tenant_id: Uuid,
    project_id: Uuid,
    version: i64,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) created_by: String,
    pub(super) disabled_at: Option<DateTime<Utc>>,
}

/// The account that a record of its stream is about.
pub(super) fn id_of(envelope: &Envelope) -> Result<Uuid, ApplyError> {
    subject_id(envelope, "a service account id")
}

/// The row after `event`; an event that it already holds changes nothing.
pub(super) fn evolve(
    row: Option<Row>,
    id: Uuid,
    envelope: &Envelope,
    event: ServiceAccountEvent,
) -> Result<Row, ApplyError> {
    let version = sequence_of(envelope)?;
    let at = envelope.time.datetime();
    let (tenant, project) = scope_of(envelope)?;
    match (row, event) {
        (Some(row), _) if version <= row.version => Ok(row),
        (_, ServiceAccountEvent::ServiceAccountCreated(event)) => Ok(Row {
            id,
            tenant_id: tenant.0,
            project_id: project.0,
            version,
            name: event.name,
            description: event.description,
            created_at: at,
            created_by: envelope.actor.to_string(),
            disabled_at: None,
        }),
        (Some(row), ServiceAccountEvent::ServiceAccountDisabled(_)) => Ok(Row {
            version,
            disabled_at: Some(at),
            ..row
        }),
        (None, event) => Err(ApplyError::Permanent(format!(
            "{event:?} of a service account that was never created"
        ))),
    }
}
