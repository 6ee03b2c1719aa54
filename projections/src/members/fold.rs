//! From a tenant's events to the rows of its members; pure.

use chrono::{DateTime, Utc};
use schemas::envelope::Envelope;
use schemas::ids::UserId;
use schemas::personal::{ERASED, Personal};
use schemas::tenant::TenantEvent;
use schemas::time::Timestamp;
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::runtime::{ApplyError, sequence_of, tenant_of};
use crate::vault::OpenedKeys;

/// Tenant and user.
pub(super) type Key = (Uuid, Uuid);

/// A row of table `members`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct Row {
    tenant_id: Uuid,
    user_id: Uuid,
    version: i64,
    email: Json<Personal<String>>,
    name: String,
    role: String,
    joined_at: DateTime<Utc>,
    removed_at: Option<DateTime<Utc>>,
    initial_password_until: Option<DateTime<Utc>>,
}

impl Row {
    pub(super) fn key(&self) -> Key {
        (self.tenant_id, self.user_id)
    }
}

/// Whom an event is about, where it is about a member.
pub(super) fn user_of(event: &TenantEvent) -> Option<UserId> {
    match event {
        TenantEvent::MemberAdded(event) => Some(event.user),
        TenantEvent::InitialPasswordReplaced(event) => Some(event.user),
        TenantEvent::MemberRoleChanged(event) => Some(event.user),
        TenantEvent::MemberRemoved(event) => Some(event.user),
        TenantEvent::SubjectErased(event) => Some(event.user),
        TenantEvent::TenantRegistered(_)
        | TenantEvent::TenantRenamed(_)
        | TenantEvent::ProjectCreated(_)
        | TenantEvent::ProjectRenamed(_)
        | TenantEvent::ProjectArchived(_)
        | TenantEvent::ProjectRestored(_)
        | TenantEvent::ProjectRoleSet(_)
        | TenantEvent::MemberInvited(_)
        | TenantEvent::InvitationRevoked(_)
        | TenantEvent::InvitationAccepted(_)
        | TenantEvent::TelemetryRetentionSet(_)
        | TenantEvent::InvitationMailRequested(_)
        | TenantEvent::InvitationMailed(_)
        | TenantEvent::InvitationMailFailed(_)
        | TenantEvent::TelemetryDeleted(_)
        | TenantEvent::TenantErasureAsked(_)
        | TenantEvent::TenantErasureCalledOff(_)
        | TenantEvent::TenantErased(_) => None,
    }
}

pub(super) fn key_of(envelope: &Envelope, user: UserId) -> Result<Key, ApplyError> {
    Ok((tenant_of(envelope)?, user.0))
}

/// The row after `event`; an event that it already holds changes nothing.
pub(super) fn evolve(
    row: Option<Row>,
    (tenant_id, user_id): Key,
    envelope: &Envelope,
    event: TenantEvent,
    names: &OpenedKeys,
) -> Result<Row, ApplyError> {
    let version = sequence_of(envelope)?;
    let at = envelope.time.datetime();
    match (row, event) {
        (Some(row), _) if version <= row.version => Ok(row),
        (_, TenantEvent::MemberAdded(added)) => Ok(Row {
            tenant_id,
            user_id,
            version,
            name: names.text(&added.name)?,
            email: Json(added.email),
            role: added.role.name().to_owned(),
            joined_at: at,
            removed_at: None,
            initial_password_until: added.initial_password_until.map(Timestamp::datetime),
        }),
        (Some(row), TenantEvent::MemberRoleChanged(changed)) => Ok(Row {
            version,
            role: changed.to.name().to_owned(),
            ..row
        }),
        (Some(row), TenantEvent::InitialPasswordReplaced(_)) => Ok(Row {
            version,
            initial_password_until: None,
            ..row
        }),
        (Some(row), TenantEvent::MemberRemoved(_)) => Ok(Row {
            version,
            removed_at: Some(at),
            ..row
        }),
        // What a replay shows too, because the key is gone.
        (Some(row), TenantEvent::SubjectErased(_)) => Ok(Row {
            version,
            name: ERASED.to_owned(),
            ..row
        }),
        (_, event) => Err(ApplyError::Permanent(format!(
            "{event:?} of somebody who was never a member"
        ))),
    }
}
