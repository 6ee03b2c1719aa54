//! From a tenant's events to its row and those of its projects; pure.

use chrono::{DateTime, Utc};
use schemas::envelope::Envelope;
use schemas::ids::ProjectId;
use schemas::tenant::{ProjectCreated, ProjectRenamed, TenantEvent};
use serde::Serialize;
use uuid::Uuid;

use crate::runtime::{ApplyError, sequence_of};

/// A row of table `tenants`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct TenantRow {
    pub(super) tenant_id: Uuid,
    version: i64,
    name: String,
    created_at: DateTime<Utc>,
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
    name: String,
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
    Ok(match event {
        TenantEvent::TenantRegistered(event) => {
            let name = event.name;
            Some(Touched::Tenant(TenantChange { tenant, name }))
        }
        TenantEvent::TenantRenamed(event) => {
            let name = event.name;
            Some(Touched::Tenant(TenantChange { tenant, name }))
        }
        TenantEvent::ProjectCreated(event) => Some(ProjectChange::Created(event).into()),
        TenantEvent::ProjectRenamed(event) => Some(ProjectChange::Renamed(event).into()),
        TenantEvent::ProjectArchived(event) => Some(ProjectChange::Archived(event.project).into()),
        TenantEvent::ProjectRestored(event) => Some(ProjectChange::Restored(event.project).into()),
        TenantEvent::MemberAdded(_)
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
        | TenantEvent::TelemetryDeleted(_) => None,
    })
}

/// The tenant's row after a change; one that it already holds changes nothing.
pub(super) fn tenant(
    row: Option<TenantRow>,
    envelope: &Envelope,
    change: TenantChange,
) -> Result<TenantRow, ApplyError> {
    let version = sequence_of(envelope)?;
    Ok(match row {
        Some(row) if version <= row.version => row,
        row => TenantRow {
            tenant_id: change.tenant,
            version,
            name: change.name,
            created_at: row.map_or(envelope.time.datetime(), |row| row.created_at),
        },
    })
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
        }),
        (Some(row), ProjectChange::Renamed(event)) => Ok(ProjectRow {
            version,
            name: event.name,
            ..row
        }),
        (Some(row), ProjectChange::Archived(_)) => Ok(ProjectRow {
            version,
            archived_at: Some(envelope.time.datetime()),
            ..row
        }),
        (Some(row), ProjectChange::Restored(_)) => Ok(ProjectRow {
            version,
            archived_at: None,
            ..row
        }),
        (None, change) => Err(ApplyError::Permanent(format!(
            "{change:?} of a project that was never created"
        ))),
    }
}

fn tenant_of(envelope: &Envelope) -> Result<Uuid, ApplyError> {
    Uuid::parse_str(&envelope.subject)
        .map_err(|_| ApplyError::Permanent(format!("`{}` is not a tenant id", envelope.subject)))
}
