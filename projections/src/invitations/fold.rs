//! From a tenant's events to the rows of its invitations; pure.

use chrono::{DateTime, Utc};
use schemas::envelope::Envelope;
use schemas::personal::Personal;
use schemas::tenant::TenantEvent;
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::runtime::{ApplyError, sequence_of, tenant_of};

/// A row of table `invitations`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    tenant_id: Uuid,
    version: i64,
    pub(super) email: Json<Personal<String>>,
    pub(super) role: String,
    pub(super) invited_by: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    over_at: Option<DateTime<Utc>>,
    mail_id: Option<Uuid>,
    mail_project_id: Option<Uuid>,
    pub(super) mail_state: Option<String>,
    /// When it came to be so.
    pub(super) mail_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub(super) mail_detail: Option<String>,
}

/// The invitation that an event is about.
pub(super) fn id_of(event: &TenantEvent) -> Option<Uuid> {
    match event {
        TenantEvent::MemberInvited(event) => Some(event.invitation.0),
        TenantEvent::InvitationRevoked(event) => Some(event.invitation.0),
        TenantEvent::InvitationAccepted(event) => Some(event.invitation.0),
        TenantEvent::InvitationMailRequested(event) => Some(event.invitation.0),
        TenantEvent::InvitationMailed(event) => Some(event.invitation.0),
        TenantEvent::InvitationMailFailed(event) => Some(event.invitation.0),
        _ => None,
    }
}

/// The row after `event`; an event that it already holds changes nothing.
pub(super) fn evolve(
    row: Option<Row>,
    id: Uuid,
    envelope: &Envelope,
    event: TenantEvent,
) -> Result<Row, ApplyError> {
    let version = sequence_of(envelope)?;
    let at = envelope.time.datetime();
    match (row, event) {
        (Some(row), _) if version <= row.version => Ok(row),
        (_, TenantEvent::MemberInvited(invited)) => Ok(Row {
            id,
            tenant_id: tenant_of(envelope)?,
            version,
            email: Json(invited.email),
            role: invited.role.name().to_owned(),
            invited_by: envelope.actor.to_string(),
            created_at: at,
            expires_at: invited.expires_at.datetime(),
            over_at: None,
            mail_id: None,
            mail_project_id: None,
            mail_state: None,
            mail_at: None,
            mail_detail: None,
        }),
        (Some(row), TenantEvent::InvitationMailRequested(event)) => Ok(Row {
            mail_id: Some(event.mail.0),
            mail_project_id: envelope.project.map(|project| project.0),
            ..mailed(row, version, at, "waiting", None)
        }),
        (Some(row), TenantEvent::InvitationMailed(_)) => Ok(mailed(row, version, at, "sent", None)),
        (Some(row), TenantEvent::InvitationMailFailed(event)) => {
            let why = Some(event.failure.detail);
            Ok(mailed(row, version, at, "failed", why))
        }
        (Some(row), _) => Ok(Row {
            version,
            over_at: Some(at),
            ..row
        }),
        (None, event) => Err(ApplyError::Permanent(format!(
            "{event:?} of an invitation that was never made"
        ))),
    }
}

fn mailed(row: Row, version: i64, at: DateTime<Utc>, state: &str, detail: Option<String>) -> Row {
    Row {
        version,
        mail_state: Some(state.to_owned()),
        mail_at: Some(at),
        mail_detail: detail,
        ..row
    }
}
