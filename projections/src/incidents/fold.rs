//! From an incident's events to its row; pure.

use chrono::{DateTime, Utc};
use schemas::envelope::Envelope;
use schemas::incident::{IncidentEvent, IncidentOpened, IncidentStatus};
use serde::Serialize;
use uuid::Uuid;

use crate::runtime::{ApplyError, scope_of, sequence_of, subject_id};

/// A row of table `incidents`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) tenant_id: Uuid,
    pub(super) project_id: Uuid,
    pub(super) version: i64,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) status: String,
    pub(super) severity: String,
    pub(super) source: String,
    pub(super) group_key: Option<String>,
    pub(super) opened_at: DateTime<Utc>,
    pub(super) opened_by: String,
    pub(super) acknowledged_at: Option<DateTime<Utc>>,
    pub(super) investigating_at: Option<DateTime<Utc>>,
    pub(super) mitigated_at: Option<DateTime<Utc>>,
    pub(super) resolved_at: Option<DateTime<Utc>>,
    pub(super) learned_at: Option<DateTime<Utc>>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) assignee: Option<Uuid>,
    pub(super) merging_into: Option<Uuid>,
    pub(super) merged_into: Option<Uuid>,
}

/// The incident that a record of its stream is about.
pub(super) fn id_of(envelope: &Envelope) -> Result<Uuid, ApplyError> {
    subject_id(envelope, "an incident id")
}

/// The row after `event`; an event that it already holds changes nothing.
pub(super) fn evolve(
    row: Option<Row>,
    envelope: &Envelope,
    event: IncidentEvent,
) -> Result<Row, ApplyError> {
    let version = sequence_of(envelope)?;
    match (row, event) {
        (Some(row), _) if version <= row.version => Ok(row),
        (Some(row), event) => Ok(row.after(version, envelope.time.datetime(), event)),
        (None, IncidentEvent::IncidentOpened(event)) => opened(envelope, version, event),
        (None, event) => Err(ApplyError::Permanent(format!(
            "{event:?} of an incident that was never opened"
        ))),
    }
}

fn opened(envelope: &Envelope, version: i64, event: IncidentOpened) -> Result<Row, ApplyError> {
    let (tenant, project) = scope_of(envelope)?;
    let at = envelope.time.datetime();
    Ok(Row {
        id: id_of(envelope)?,
        tenant_id: tenant.0,
        project_id: project.0,
        version,
        title: event.title,
        description: event.description,
        status: IncidentStatus::Detected.name().to_owned(),
        severity: event.severity.name().to_owned(),
        source: event.source.name().to_owned(),
        group_key: event.group_key,
        opened_at: at,
        opened_by: envelope.actor.to_string(),
        acknowledged_at: None,
        investigating_at: None,
        mitigated_at: None,
        resolved_at: None,
        learned_at: None,
        updated_at: at,
        assignee: None,
        merging_into: None,
        merged_into: None,
    })
}

impl Row {
    fn after(mut self, version: i64, at: DateTime<Utc>, event: IncidentEvent) -> Self {
        use IncidentEvent as E;
        self.version = version;
        self.updated_at = at;
        match event {
            E::IncidentAcknowledged(_) => {
                self.moved(IncidentStatus::Acknowledged);
                self.acknowledged_at.get_or_insert(at);
            }
            E::IncidentInvestigated(_) => self.investigated(at),
            E::IncidentMitigated(_) => {
                self.moved(IncidentStatus::Mitigated);
                self.mitigated_at = Some(at);
            }
            E::IncidentResolved(_) => {
                self.moved(IncidentStatus::Resolved);
                self.resolved_at = Some(at);
            }
            E::IncidentLearned(_) => {
                self.moved(IncidentStatus::Learned);
                self.learned_at = Some(at);
            }
            E::IncidentReopened(_) => self.reopened(at),
            E::IncidentSeverityChanged(e) => self.severity = e.to.name().to_owned(),
            E::IncidentTitleChanged(e) => self.title = e.to,
            E::IncidentAssigned(e) => self.assignee = e.to.map(|user| user.0),
            E::MergeRequested(e) => self.merging_into = Some(e.into.0),
            E::MergeCancelled(_) => self.merging_into = None,
            E::IncidentMerged(e) => {
                self.moved(IncidentStatus::Merged);
                self.merging_into = None;
                self.merged_into = Some(e.into.0);
            }
            E::IncidentOpened(_)
            | E::IncidentCommented(_)
            | E::IncidentAbsorbed(_)
            | E::AbsorptionRefused(_)
            | E::IncidentEpisodeEnded(_)
            | E::EpisodeEndForwarded(_)
            | E::IncidentSeverityForwarded(_) => {}
        }
        self
    }

    fn moved(&mut self, status: IncidentStatus) {
        self.status = status.name().to_owned();
    }

    fn investigated(&mut self, at: DateTime<Utc>) {
        self.moved(IncidentStatus::Investigating);
        self.investigating_at = Some(at);
    }

    /// The later times belong to the pass that is over; who acknowledged first
    /// stays true.
    fn reopened(&mut self, at: DateTime<Utc>) {
        self.investigated(at);
        self.mitigated_at = None;
        self.resolved_at = None;
        self.learned_at = None;
    }
}
