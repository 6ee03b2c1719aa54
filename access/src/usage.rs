//! Notes that a key was used, for the list of keys: at most once a minute a key.

use eventlog::NewRecord;
use schemas::audit::{ApiKeyUsed, AuditRecord};
use schemas::codec::{CodecError, Message};
use schemas::context::Context;
use schemas::envelope::Envelope;
use schemas::topic::Topic;

use crate::keyring::Keyring;
use crate::principal::Principal;

/// The record to append to `audit.operations`; none where the caller has no key or
/// the key was noted within the last minute. The answer to the caller never waits
/// for it.
pub fn record(
    keyring: &Keyring,
    principal: &Principal,
    context: &Context,
) -> Result<Option<NewRecord>, CodecError> {
    let Some(key) = principal.api_key() else {
        return Ok(None);
    };
    if !keyring.note_use(key, context.now()) {
        return Ok(None);
    }
    let scope = principal.scope();
    let mut envelope = Envelope::of(
        scope,
        context.id(),
        ApiKeyUsed::KIND,
        "/access",
        scope.tenant().to_string(),
    );
    envelope.time = context.now();
    let used = AuditRecord::from(ApiKeyUsed { key });
    NewRecord::of(Topic::AuditOperations, &envelope, &used).map(Some)
}
