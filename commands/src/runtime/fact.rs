//! One event of an aggregate, as much of it as loading needs.

use std::borrow::Cow;

use bytes::Bytes;
use eventlog::{Position, Record};
use schemas::envelope::{BadHeader, Envelope};
use schemas::ids::{CommandId, ProjectId, TenantId};

use super::kind::AggregateKey;
use super::registry;
use crate::history::HistoryRecord;

#[derive(Debug, Clone)]
pub(super) struct Fact {
    pub(super) position: Position,
    pub(super) kind: Cow<'static, str>,
    pub(super) body: Bytes,
    /// The aggregate's version after it, from 1.
    pub(super) sequence: i64,
    /// The command that caused it.
    pub(super) command: CommandId,
    pub(super) request_hash: Option<String>,
    pub(super) tenant: Option<TenantId>,
    pub(super) project: Option<ProjectId>,
}

impl Fact {
    pub(super) fn of_history(record: HistoryRecord) -> Result<Self, BadHeader> {
        let envelope = Envelope::from_headers(&record.headers)?;
        Self::of(envelope, record.body.into(), record.position)
    }

    /// The fact and whose it is; None for records of no aggregate of ours.
    pub(super) fn of_log(record: Record) -> Result<Option<(AggregateKey, Self)>, BadHeader> {
        let envelope = record.envelope()?;
        let Some(kind) = registry::of_event(&envelope.source) else {
            return Ok(None);
        };
        let id = envelope.subject.parse().map_err(|_| BadHeader {
            header: "ce_subject",
            problem: format!("has the value `{}`", envelope.subject),
        })?;
        let fact = Self::of(envelope, record.body, record.position)?;
        Ok(Some((AggregateKey { kind, id }, fact)))
    }

    /// About what it takes in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.kind.len() + self.body.len() + 64
    }

    fn of(envelope: Envelope, body: Bytes, position: Position) -> Result<Self, BadHeader> {
        let missing = |header| BadHeader {
            header,
            problem: "is missing".to_owned(),
        };
        Ok(Self {
            position,
            kind: envelope.kind.into(),
            body,
            sequence: envelope.sequence.ok_or_else(|| missing("ce_sequence"))?,
            command: CommandId(envelope.causation.ok_or_else(|| missing("ce_causation"))?),
            request_hash: envelope.request_hash,
            tenant: envelope.tenant,
            project: envelope.project,
        })
    }
}
