//! From an integration's events to its row; pure. What people set and what probes find
//! are two streams under one key, each with its own version and its own columns.

use chrono::{DateTime, Utc};
use schemas::envelope::Envelope;
use schemas::integration_health::IntegrationHealthEvent;
use schemas::monitoring_integration::{
    MonitoringIntegrationEvent, MonitoringIntegrationRegistered,
};
use serde::Serialize;
use uuid::Uuid;

use crate::runtime::{ApplyError, scope_of, sequence_of, subject_id};

/// A row of the table, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) tenant_id: Uuid,
    pub(super) project_id: Uuid,
    pub(super) version: i64,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) url: String,
    pub(super) ca_certificate: Option<String>,
    pub(super) credential_id: Option<Uuid>,
    pub(super) credential_kind: Option<String>,
    pub(super) credential_set_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) created_by: String,
    pub(super) changed_at: DateTime<Utc>,
    pub(super) changed_by: String,
    pub(super) removed: bool,
    pub(super) health_version: i64,
    pub(super) status: Option<String>,
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) error: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) server_version: Option<String>,
    pub(super) latency_ms: Option<i64>,
    pub(super) probed_at: Option<DateTime<Utc>>,
}

/// An event of either stream.
pub(super) enum Event {
    Set(MonitoringIntegrationEvent),
    Found(IntegrationHealthEvent),
}

/// The integration that a record of either stream is about.
pub(super) fn id_of(envelope: &Envelope) -> Result<Uuid, ApplyError> {
    subject_id(envelope, "an integration's id")
}

/// The row after `event`; an event that it already holds changes nothing. What is found
/// of an integration that nobody registered has no row.
pub(super) fn evolve(
    row: Option<Row>,
    id: Uuid,
    envelope: &Envelope,
    event: Event,
) -> Result<Option<Row>, ApplyError> {
    let version = sequence_of(envelope)?;
    match event {
        Event::Found(event) => Ok(row.map(|row| found(row, version, event))),
        Event::Set(event) => match row {
            Some(row) if version <= row.version => Ok(Some(row)),
            row => set(row, id, envelope, event).map(|row| Some(Row { version, ..row })),
        },
    }
}

fn set(
    row: Option<Row>,
    id: Uuid,
    envelope: &Envelope,
    event: MonitoringIntegrationEvent,
) -> Result<Row, ApplyError> {
    use MonitoringIntegrationEvent as Set;
    let changed_at = envelope.time.datetime();
    let changed_by = envelope.actor.to_string();
    match (row, event) {
        (row, Set::MonitoringIntegrationRegistered(event)) => registered(row, id, envelope, event),
        (Some(row), Set::MonitoringIntegrationChanged(event)) => Ok(Row {
            kind: event.kind,
            url: event.url,
            ca_certificate: event.ca_certificate,
            changed_at,
            changed_by,
            ..row
        }),
        (Some(row), Set::MonitoringCredentialSet(event)) => Ok(Row {
            credential_set_at: event.credential.as_ref().map(|_| changed_at),
            credential_id: event.credential.as_ref().map(|named| named.id.0),
            credential_kind: event.credential.map(|named| named.kind),
            changed_at,
            changed_by,
            ..row
        }),
        (Some(row), Set::MonitoringIntegrationRenamed(event)) => Ok(Row {
            name: event.name,
            changed_at,
            changed_by,
            ..row
        }),
        (Some(row), Set::MonitoringIntegrationRemoved(_)) => Ok(Row {
            credential_id: None,
            credential_kind: None,
            credential_set_at: None,
            removed: true,
            changed_at,
            changed_by,
            ..row
        }),
        (None, event) => Err(ApplyError::Permanent(format!(
            "{event:?} of an integration that was never registered"
        ))),
    }
}

/// One that comes back under its name keeps what was last found there.
fn registered(
    row: Option<Row>,
    id: Uuid,
    envelope: &Envelope,
    event: MonitoringIntegrationRegistered,
) -> Result<Row, ApplyError> {
    let (at, by) = (envelope.time.datetime(), envelope.actor.to_string());
    let (tenant, _) = scope_of(envelope)?;
    let before = row.as_ref();
    Ok(Row {
        id,
        tenant_id: tenant.0,
        project_id: event.project.0,
        version: 0,
        name: event.name,
        kind: event.kind,
        url: event.url,
        ca_certificate: event.ca_certificate,
        credential_id: None,
        credential_kind: None,
        credential_set_at: None,
        created_at: at,
        created_by: by.clone(),
        changed_at: at,
        changed_by: by,
        removed: false,
        health_version: before.map_or(0, |row| row.health_version),
        status: before.and_then(|row| row.status.clone()),
        since: before.and_then(|row| row.since),
        error: before.and_then(|row| row.error.clone()),
        detail: before.and_then(|row| row.detail.clone()),
        server_version: before.and_then(|row| row.server_version.clone()),
        latency_ms: before.and_then(|row| row.latency_ms),
        probed_at: before.and_then(|row| row.probed_at),
    })
}

fn found(row: Row, version: i64, event: IntegrationHealthEvent) -> Row {
    if version <= row.health_version {
        return row;
    }
    match event {
        IntegrationHealthEvent::IntegrationHealthChanged(event) => {
            let at = event.probed_at.datetime();
            let same = row.status.as_ref() == Some(&event.status);
            Row {
                health_version: version,
                since: row.since.filter(|_| same).or(Some(at)),
                status: Some(event.status),
                error: event.error,
                detail: event.detail,
                server_version: event.version.or(row.server_version),
                latency_ms: Some(event.latency_ms),
                probed_at: Some(at),
                ..row
            }
        }
        IntegrationHealthEvent::IntegrationLatencySampled(event) => Row {
            health_version: version,
            latency_ms: Some(event.latency_ms),
            probed_at: Some(event.probed_at.datetime()),
            ..row
        },
    }
}
