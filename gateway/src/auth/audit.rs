//! Audit records of what happens to accounts and sessions. The secrets lie in the
//! vault, so no command tells of it; these records do.

use eventlog::NewRecord;
use schemas::audit::{AuditRecord, OperationRecorded};
use schemas::codec::Message;
use schemas::context::Context;
use schemas::envelope::Envelope;
use schemas::scope::Scope;
use schemas::topic::Topic;

use crate::Gateway;
use crate::error::Error;
use crate::operations::Allowed;
use crate::request::RequestId;

/// What was done to a session or account, or tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Happened<'a> {
    pub(super) operation: &'static str,
    /// `session`, `account`.
    pub(super) target_type: &'static str,
    pub(super) target_id: &'a str,
    /// The rule that refused it; None = done.
    pub(super) refused: Option<&'a str>,
}

impl Gateway {
    /// Tells that somebody has done `operation` to their own account.
    pub(super) async fn tell_own(
        &self,
        allowed: &Allowed,
        request: &RequestId,
        operation: &'static str,
    ) -> Result<(), Error> {
        let happened = Happened {
            operation,
            target_type: "account",
            target_id: &allowed.person()?.to_string(),
            refused: None,
        };
        self.tell(allowed.scope(), request, happened).await
    }

    /// Returns when the record is durable: nothing is done that is not told.
    pub(super) async fn tell(
        &self,
        scope: &Scope,
        request: &RequestId,
        what: Happened<'_>,
    ) -> Result<(), Error> {
        let context = Context::ambient(&self.clock);
        let record = AuditRecord::from(OperationRecorded {
            operation: what.operation.to_owned(),
            target_type: what.target_type.to_owned(),
            target_id: what.target_id.to_owned(),
            refused_rule: what.refused.map(str::to_owned),
            version: 0,
            changes: None,
        });
        let tenant = scope.tenant().to_string();
        let kind = OperationRecorded::KIND;
        let mut envelope = Envelope::of(scope, context.id(), kind, "/gateway", tenant);
        envelope.time = context.now();
        envelope.correlation = request.id;
        envelope.traceparent = request.traceparent.clone();
        // What happens before there is a project is every project's to see.
        if scope.project().0.is_nil() {
            envelope.project = None;
        }
        let record = NewRecord::of(Topic::AuditOperations, &envelope, &record)?;
        self.log.append(vec![record]).await?;
        Ok(())
    }
}
