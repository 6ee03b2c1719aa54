//! From a record to a message that a projection knows.

use std::collections::HashSet;
use std::sync::OnceLock;

use eventlog::Record;
use schemas::codec::CodecError;
use schemas::envelope::Envelope;
use schemas::ids::{ProjectId, TenantId};
use schemas::messages::MessageSet;
use schemas::registry;
use uuid::Uuid;

use super::ApplyError;

/// The message, or None where it belongs to another set. A type that the whole
/// program has never heard of may matter here: the partition stops.
fn decode<M: MessageSet>(record: &Record) -> Result<Option<M>, ApplyError> {
    let kind = record.kind();
    if M::has(kind) {
        return Ok(Some(record.decode()?));
    }
    match kinds().contains(kind) {
        true => Ok(None),
        false if kind.is_empty() => Err(ApplyError::Permanent(
            "header `ce_type` is missing".to_owned(),
        )),
        false => Err(CodecError::UnknownKind(kind.to_owned()).into()),
    }
}

/// The message with its envelope.
pub(crate) fn decode_scoped<M: MessageSet>(
    record: &Record,
) -> Result<Option<(Envelope, M)>, ApplyError> {
    match decode(record)? {
        Some(message) => Ok(Some((record.envelope()?, message))),
        None => Ok(None),
    }
}

/// Tenant and project, which every record of a domain topic carries.
pub(crate) fn scope_of(envelope: &Envelope) -> Result<(TenantId, ProjectId), ApplyError> {
    match (envelope.tenant, envelope.project) {
        (Some(tenant), Some(project)) => Ok((tenant, project)),
        (None, _) => Err(missing("ce_tenant")),
        (_, None) => Err(missing("ce_project")),
    }
}

/// The aggregate's version after the event.
pub(crate) fn sequence_of(envelope: &Envelope) -> Result<i64, ApplyError> {
    envelope.sequence.ok_or_else(|| missing("ce_sequence"))
}

/// The tenant that a record of its stream is about.
pub(crate) fn tenant_of(envelope: &Envelope) -> Result<Uuid, ApplyError> {
    subject_id(envelope, "a tenant id")
}

/// The id of what a record of its stream is about; `what` says of which kind, for the error.
pub(crate) fn subject_id(envelope: &Envelope, what: &str) -> Result<Uuid, ApplyError> {
    let subject = &envelope.subject;
    Uuid::parse_str(subject).map_err(|_| {
        ApplyError::Permanent(format!("header `ce_subject`: `{subject}` is not {what}"))
    })
}

fn missing(header: &str) -> ApplyError {
    ApplyError::Permanent(format!("header `{header}` is missing"))
}

fn kinds() -> &'static HashSet<&'static str> {
    static KINDS: OnceLock<HashSet<&'static str>> = OnceLock::new();
    KINDS.get_or_init(|| registry::types().into_iter().map(|t| t.kind).collect())
}
