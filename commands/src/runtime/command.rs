//! A command as it was read from its topic.

use std::sync::OnceLock;

use eventlog::{Position, Record};
use schemas::envelope::Envelope;
use schemas::ids::TenantId;

use super::held::Origin;
use super::kind::{AggregateKey, Decoded};
use super::registry;
use crate::history::Settled;

pub(super) struct Command {
    pub(super) key: AggregateKey,
    pub(super) envelope: Envelope,
    pub(super) tenant: TenantId,
    pub(super) decoded: Decoded,
    pub(super) position: Position,
    /// What the history knows of it, once it was asked.
    pub(super) earlier: OnceLock<Option<Settled>>,
}

/// Why a record is no command.
pub(super) enum Unreadable {
    /// A newer version of the program would know it: nothing here may pass it.
    Newer(String),
    /// Nobody will ever read it. The envelope, where there is one, says who waits.
    Malformed {
        reason: String,
        envelope: Option<Box<Envelope>>,
    },
}

impl Command {
    pub(super) fn read(record: &Record) -> Result<Self, Unreadable> {
        let envelope = record.envelope().map_err(|bad| Unreadable::Malformed {
            reason: bad.to_string(),
            envelope: None,
        })?;
        let malformed = |reason: String| Unreadable::Malformed {
            reason,
            envelope: Some(Box::new(envelope.clone())),
        };
        let kind = registry::of_command(record.position.topic, &envelope.kind)
            .ok_or_else(|| Unreadable::Newer(format!("unknown command `{}`", envelope.kind)))?;
        let decoded = kind.decode(&envelope.kind, &record.body);
        let decoded = decoded.map_err(|e| match e.needs_newer_version() {
            true => Unreadable::Newer(e.to_string()),
            false => malformed(e.to_string()),
        })?;
        if record.key != envelope.subject.as_bytes() {
            return Err(malformed("the key is not the subject".to_owned()));
        }
        let id = envelope.subject.parse();
        let id = id.map_err(|_| malformed("the subject is not a UUID".to_owned()))?;
        let tenant = envelope.tenant;
        let tenant = tenant.ok_or_else(|| malformed("header `ce_tenant` is missing".to_owned()))?;
        Ok(Self {
            key: AggregateKey { kind, id },
            tenant,
            decoded,
            position: record.position,
            earlier: OnceLock::new(),
            envelope,
        })
    }

    /// Who asks.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            tenant: self.tenant,
            project: self.envelope.project,
        }
    }
}
