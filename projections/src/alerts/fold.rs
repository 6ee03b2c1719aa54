//! From a group's events to the rows of its alerts; pure.

use chrono::{DateTime, Utc};
use schemas::alert_group::{AlertFired, AlertResolved, AlertsTruncated, EpisodeBegan};
use schemas::change::ChangeKind;
use schemas::envelope::Envelope;
use schemas::labels;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::runtime::{ApplyError, scope_of, sequence_of, subject_id};

/// A row of table `alerts`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    tenant_id: Uuid,
    project_id: Uuid,
    group_id: Uuid,
    group_key: String,
    incident_id: Uuid,
    version: i64,
    fingerprint: String,
    name: String,
    status: String,
    severity: String,
    labels: Value,
    annotations: Value,
    starts_at: DateTime<Utc>,
    ends_at: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    generator_url: Option<String>,
    receiver: String,
}

/// A row of table `alert_groups`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct GroupRow {
    pub(super) id: Uuid,
    tenant_id: Uuid,
    project_id: Uuid,
    version: i64,
    pub(super) incident_id: Option<Uuid>,
    left_out: i64,
}

/// The two events that are about a group as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum GroupEvent {
    Began(EpisodeBegan),
    Truncated(AlertsTruncated),
}

/// The group's row after `event`; an event that it already holds changes nothing.
pub(super) fn evolve_group(
    row: Option<GroupRow>,
    envelope: &Envelope,
    event: &GroupEvent,
) -> Result<GroupRow, ApplyError> {
    let version = sequence_of(envelope)?;
    let (tenant, project) = scope_of(envelope)?;
    let mut row = row.unwrap_or(GroupRow {
        id: group_of(envelope)?,
        tenant_id: tenant.0,
        project_id: project.0,
        version: 0,
        incident_id: None,
        left_out: 0,
    });
    if version > row.version {
        row.version = version;
        match event {
            GroupEvent::Began(began) => row.incident_id = Some(began.incident.0),
            GroupEvent::Truncated(told) => row.left_out = told.count,
        }
    }
    Ok(row)
}

/// The two events of a group that are about one alert.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AlertEvent {
    Fired(AlertFired),
    Resolved(AlertResolved),
}

pub(super) fn group_of(envelope: &Envelope) -> Result<Uuid, ApplyError> {
    subject_id(envelope, "a group id")
}

impl AlertEvent {
    pub(super) fn alert(&self) -> Uuid {
        match self {
            Self::Fired(event) => event.alert.0,
            Self::Resolved(event) => event.alert.0,
        }
    }

    pub(super) fn incident(&self) -> Uuid {
        match self {
            Self::Fired(event) => event.incident.0,
            Self::Resolved(event) => event.incident.0,
        }
    }

    pub(super) fn change(&self) -> ChangeKind {
        match self {
            Self::Fired(_) => ChangeKind::AlertFired,
            Self::Resolved(_) => ChangeKind::AlertResolved,
        }
    }
}

/// The row after `event`; an event that it already holds changes nothing.
pub(super) fn evolve(
    row: Option<Row>,
    envelope: &Envelope,
    event: AlertEvent,
) -> Result<Row, ApplyError> {
    let version = sequence_of(envelope)?;
    match (row, event) {
        (Some(row), _) if version <= row.version => Ok(row),
        (Some(row), AlertEvent::Resolved(event)) => Ok(row.resolved(version, envelope, &event)),
        (_, AlertEvent::Fired(event)) => fired(envelope, version, event),
        (None, AlertEvent::Resolved(event)) => Err(ApplyError::Permanent(format!(
            "alert {} resolved but never fired",
            event.alert
        ))),
    }
}

fn fired(envelope: &Envelope, version: i64, event: AlertFired) -> Result<Row, ApplyError> {
    let (tenant, project) = scope_of(envelope)?;
    let group = group_of(envelope)?;
    let at = envelope.time.datetime();
    Ok(Row {
        id: event.alert.0,
        tenant_id: tenant.0,
        project_id: project.0,
        group_id: group,
        group_key: event.group_key,
        incident_id: event.incident.0,
        version,
        fingerprint: event.fingerprint,
        name: event.name,
        status: "firing".to_owned(),
        severity: event.severity.name().to_owned(),
        labels: json!(labels::to_map(&event.labels)),
        annotations: json!(labels::to_map(&event.annotations)),
        starts_at: event.starts_at.datetime(),
        ends_at: None,
        received_at: at,
        updated_at: at,
        generator_url: event.generator_url,
        receiver: event.receiver,
    })
}

impl Row {
    fn resolved(self, version: i64, envelope: &Envelope, event: &AlertResolved) -> Self {
        Self {
            version,
            status: "resolved".to_owned(),
            ends_at: Some(event.ends_at.datetime()),
            updated_at: envelope.time.datetime(),
            ..self
        }
    }
}
