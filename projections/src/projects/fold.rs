//! From a tenant's events to its row and those of its projects; pure.

use chrono::{DateTime, Utc};
use schemas::envelope::Envelope;
use schemas::ids::ProjectId;
use schemas::tenant::{ProjectCreated, ProjectRenamed, TenantEvent};
use serde::Serialize;
use uuid::Uuid;

use crate::runtime::{ApplyError, sequence_of, tenant_of};

/// A row of table `tenants`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct TenantRow {
    pub(super) tenant_id: Uuid,
    /// The tenant's, whatever happened to it: also where nothing else of the row changed.
    pub(super) version: i64,
    pub(super) name: String,
    created_at: DateTime<Utc>,
    erasure_due_at: Option<DateTime<Utc>>,
    erasure_asked_at: Option<DateTime<Utc>>,
    pub(super) erasure_asked_by: Option<String>,
}

impl TenantRow {
    /// When it ends, when that was asked for, and by whom.
    pub(super) fn erasure(&self) -> Option<(DateTime<Utc>, DateTime<Utc>, &str)> {
        let by = self.erasure_asked_by.as_deref()?;
        Some((self.erasure_due_at?, self.erasure_asked_at?, by))
    }

    /// Notes that the tenant has the version of an event.
    pub(super) fn see(&mut self, envelope: &Envelope) -> Result<(), ApplyError> {
        self.version = self.version.max(sequence_of(envelope)?);
        Ok(())
    }
}

/// A row of table `projects`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct ProjectRow {
    pub(super) id: Uuid,
    tenant_id: Uuid,
    version: i64,
    name: String,
    slug: String,
    created_at: DateTime<Utc>,
    archived_at: Option<DateTime<Utc>>,
    last_archived_at: Option<DateTime<Utc>>,
    restored_at: Option<DateTime<Utc>>,
}

/// The row that an event changes.
#[derive(Debug)]
pub(super) enum Touched {
    Tenant(TenantChange),
    Project(ProjectChange),
}

#[derive(Debug)]
pub(super) struct TenantChange {
    tenant: Uuid,
    to: TenantFact,
}

#[derive(Debug)]
enum TenantFact {
    Named(String),
    ErasureAsked(DateTime<Utc>),
    ErasureCalledOff,
}

#[derive(Debug)]
pub(super) enum ProjectChange {
    Created(ProjectCreated),
    Renamed(ProjectRenamed),
    Archived(ProjectId),
    Restored(ProjectId),
}

impl From<ProjectChange> for Touched {
    fn from(change: ProjectChange) -> Self {
        Self::Project(change)
    }
}

impl Touched {
    pub(super) fn id(&self) -> Uuid {
        match self {
            Self::Tenant(change) => change.tenant,
            Self::Project(ProjectChange::Created(event)) => event.project.0,
            Self::Project(ProjectChange::Renamed(event)) => event.project.0,
            Self::Project(ProjectChange::Archived(id) | ProjectChange::Restored(id)) => id.0,
        }
    }
}

/// What an event changes here; None where it is about members.
pub(super) fn touched(
    envelope: &Envelope,
    event: TenantEvent,
) -> Result<Option<Touched>, ApplyError> {
    let tenant = tenant_of(envelope)?;
    let changed = |to| Some(Touched::Tenant(TenantChange { tenant, to }));
    Ok(match event {
        TenantEvent::TenantRegistered(event) => changed(TenantFact::Named(event.name)),
        TenantEvent::TenantRenamed(event) => changed(TenantFact::Named(event.name)),
        TenantEvent::TenantErasureAsked(event) => {
            changed(TenantFact::ErasureAsked(event.due_at.datetime()))
        }
        TenantEvent::TenantErasureCalledOff(_) => changed(TenantFact::ErasureCalledOff),
        TenantEvent::ProjectCreated(event) => Some(ProjectChange::Created(event).into()),
        TenantEvent::ProjectRenamed(event) => Some(ProjectChange::Renamed(event).into()),
        TenantEvent::ProjectArchived(event) => Some(ProjectChange::Archived(event.project).into()),
        TenantEvent::ProjectRestored(event) => Some(ProjectChange::Restored(event.project).into()),
        TenantEvent::MemberAdded(_)
        | TenantEvent::InitialPasswordReplaced(_)
        | TenantEvent::MemberRoleChanged(_)
        | TenantEvent::MemberRemoved(_)
        | TenantEvent::MemberInvited(_)
        | TenantEvent::InvitationRevoked(_)
        | TenantEvent::InvitationAccepted(_)
        | TenantEvent::ProjectRoleSet(_)
        | TenantEvent::SubjectErased(_)
        | TenantEvent::TelemetryRetentionSet(_)
        | TenantEvent::InvitationMailRequested(_)
        | TenantEvent::InvitationMailed(_)
        | TenantEvent::InvitationMailFailed(_)
        | TenantEvent::TelemetryDeleted(_)
        // Its rows go, and no fold makes them again.
        | TenantEvent::TenantErased(_) => None,
    })
}

/// The tenant's row after a change; one that it already holds changes nothing.
pub(super) fn tenant(
    row: Option<TenantRow>,
    envelope: &Envelope,
    change: TenantChange,
) -> Result<TenantRow, ApplyError> {
    let (version, at) = (sequence_of(envelope)?, envelope.time.datetime());
    match (row, change.to) {
        (Some(row), _) if version <= row.version => Ok(row),
        (Some(row), TenantFact::Named(name)) => Ok(TenantRow {
            version,
            name,
            ..row
        }),
        (None, TenantFact::Named(name)) => Ok(TenantRow {
            tenant_id: change.tenant,
            version,
            name,
            created_at: at,
            erasure_due_at: None,
            erasure_asked_at: None,
            erasure_asked_by: None,
        }),
        (Some(row), TenantFact::ErasureAsked(due_at)) => Ok(TenantRow {
            version,
            erasure_due_at: Some(due_at),
            erasure_asked_at: Some(at),
            erasure_asked_by: Some(envelope.actor.to_string()),
            ..row
        }),
        (Some(row), TenantFact::ErasureCalledOff) => Ok(TenantRow {
            version,
            erasure_due_at: None,
            erasure_asked_at: None,
            erasure_asked_by: None,
            ..row
        }),
        (None, fact) => Err(ApplyError::Permanent(format!(
            "{fact:?} of a tenant that was never registered"
        ))),
    }
}

/// The project's row after a change; one that it already holds changes nothing.
pub(super) fn project(
    row: Option<ProjectRow>,
    envelope: &Envelope,
    change: ProjectChange,
) -> Result<ProjectRow, ApplyError> {
    let version = sequence_of(envelope)?;
    match (row, change) {
        (Some(row), _) if version <= row.version => Ok(row),
        (_, ProjectChange::Created(event)) => Ok(ProjectRow {
            id: event.project.0,
            tenant_id: tenant_of(envelope)?,
            version,
            name: event.name,
            slug: event.slug,
            created_at: envelope.time.datetime(),
            archived_at: None,
            last_archived_at: None,
            restored_at: None,
        }),
        (Some(row), ProjectChange::Renamed(event)) => Ok(ProjectRow {
            version,
            name: event.name,
            ..row
        }),
        (Some(row), ProjectChange::Archived(_)) => Ok(ProjectRow {
            version,
            archived_at: Some(envelope.time.datetime()),
            last_archived_at: Some(envelope.time.datetime()),
            ..row
        }),
        (Some(row), ProjectChange::Restored(_)) => Ok(ProjectRow {
            version,
            archived_at: None,
            restored_at: Some(envelope.time.datetime()),
            ..row
        }),
        (None, change) => Err(ApplyError::Permanent(format!(
            "{change:?} of a project that was never created"
        ))),
    }
}
