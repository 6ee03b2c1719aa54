//! What became of one command, and the records that say so.

use std::fmt;
use std::sync::Arc;

use eventlog::{NewRecord, Position, Record};
use schemas::audit::{AuditRecord, OperationRecorded};
use schemas::codec::Message;
use schemas::envelope::{Attributes, Envelope};
use schemas::ids::CommandId;
use schemas::outcome::{CommandSettled, EventPosition, Outcome, Refusal};
use schemas::scope::Actor;
use schemas::topic::Topic;
use uuid::Uuid;

use super::command::Command;
use super::fact::Fact;
use super::kind::Encoded;

/// An answer to one input record.
pub(super) enum Answer {
    Settled(Settlement),
    Dead(DeadLetter),
}

/// A decided command.
pub(super) struct Settlement {
    pub(super) command: Arc<Command>,
    pub(super) refusal: Option<Refusal>,
    /// The aggregate's version after it.
    pub(super) version: i64,
    pub(super) events: Vec<Event>,
    /// Where the events of an earlier attempt lie; this one has none then.
    pub(super) earlier: Vec<EventPosition>,
    /// None where nobody asked, or asked again.
    pub(super) audit: Option<Audited>,
}

/// What the audit record says besides who asked for what.
pub(super) struct Audited {
    /// The id of the record.
    pub(super) id: Uuid,
    pub(super) changes: Option<String>,
}

/// An event that is not in the log yet.
pub(super) struct Event {
    pub(super) id: Uuid,
    pub(super) sequence: i64,
    pub(super) encoded: Encoded,
}

/// An outcome that lacks nothing but the positions of its events: what is left to
/// do for it is done while the log holds its journal.
pub(super) struct OutcomeDraft {
    key: bytes::Bytes,
    headers: schemas::envelope::Headers,
    settled: CommandSettled,
}

/// An input record that nobody can read.
pub(super) struct DeadLetter {
    pub(super) record: Record,
    pub(super) envelope: Option<Box<Envelope>>,
    pub(super) reason: String,
}

impl Answer {
    /// Where the input record lies.
    pub(super) fn input(&self) -> Position {
        match self {
            Self::Settled(settlement) => settlement.command.position,
            Self::Dead(letter) => letter.record.position,
        }
    }

    /// How many events it appends. They prove after a crash that the command was
    /// decided; without any, only the input offset does.
    pub(super) fn events(&self) -> usize {
        match self {
            Self::Settled(settlement) => settlement.events.len(),
            Self::Dead(_) => 0,
        }
    }

    pub(super) fn event_records(&self) -> Vec<NewRecord> {
        match self {
            Self::Settled(settlement) => settlement.event_records(),
            Self::Dead(_) => Vec::new(),
        }
    }

    /// Audit record, or dead letter with its outcome.
    pub(super) fn side_records(&self) -> Vec<NewRecord> {
        match self {
            Self::Settled(settlement) => settlement.audit_record().into_iter().collect(),
            Self::Dead(letter) => letter.records(),
        }
    }

    /// The outcome, but for the positions of the events.
    pub(super) fn draft(&self) -> Option<OutcomeDraft> {
        match self {
            Self::Settled(settlement) => Some(settlement.outcome()),
            Self::Dead(_) => None,
        }
    }
}

impl Settlement {
    /// The events as a later load would find them.
    pub(super) fn facts(&self, positions: &[Position]) -> Vec<Fact> {
        let envelope = &self.command.envelope;
        let events = self.events.iter().zip(positions);
        let facts = events.map(|(event, position)| Fact {
            position: *position,
            kind: event.encoded.kind.into(),
            body: event.encoded.body.clone(),
            sequence: event.sequence,
            command: envelope.command_id(),
            request_hash: envelope.request_hash.clone(),
            tenant: envelope.tenant,
            project: envelope.project,
        });
        facts.collect()
    }

    fn event_records(&self) -> Vec<NewRecord> {
        let topic = self.command.key.kind.events();
        let asked = &self.command.envelope;
        let source = self.source();
        let records = self.events.iter().map(|event| {
            let attributes = Attributes {
                id: event.id,
                sequence: Some(event.sequence),
                request_hash: asked.request_hash.as_deref(),
                ..following(asked, event.encoded.kind, &source, &asked.subject)
            };
            record(topic, attributes, event.encoded.body.clone())
        });
        records.collect()
    }

    fn audit_record(&self) -> Option<NewRecord> {
        let audited = self.audit.as_ref()?;
        let asked = &self.command.envelope;
        let kind = self.command.key.kind;
        let (target_type, target_id) = kind
            .part(&self.command.decoded)
            .unwrap_or_else(|| (kind.name(), asked.subject.clone()));
        let operation = AuditRecord::from(OperationRecorded {
            operation: asked.kind.clone(),
            target_type: target_type.to_owned(),
            target_id,
            refused_rule: self.refusal.as_ref().map(|refusal| refusal.rule.clone()),
            version: self.version,
            changes: audited.changes.clone(),
        });
        let subject = self.command.tenant.to_string();
        let source = self.source();
        let attributes = Attributes {
            id: audited.id,
            ..following(asked, OperationRecorded::KIND, &source, &subject)
        };
        let body = encode(&operation);
        Some(record(Topic::AuditOperations, attributes, body))
    }

    fn outcome(&self) -> OutcomeDraft {
        let asked = &self.command.envelope;
        let settled = CommandSettled {
            aggregate: self.command.key.kind.name().to_owned(),
            aggregate_id: asked.subject.clone(),
            refusal: self.refusal.clone(),
            version: self.version,
            positions: self.earlier.clone(),
            request_hash: asked.request_hash.clone(),
        };
        OutcomeDraft::new(asked, &self.source(), settled)
    }

    fn source(&self) -> Source {
        Source(self.command.key.kind.name())
    }
}

impl OutcomeDraft {
    fn new(asked: &Envelope, source: &dyn fmt::Display, settled: CommandSettled) -> Self {
        let subject = CommandId(asked.id).to_string();
        let attributes = following(asked, CommandSettled::KIND, source, &subject);
        Self {
            headers: attributes.to_headers(),
            key: subject.into(),
            settled,
        }
    }

    /// The record, once the events have their positions.
    pub(super) fn record(mut self, positions: &[Position]) -> NewRecord {
        let fresh = positions.iter().copied().map(EventPosition::from);
        self.settled.positions.extend(fresh);
        NewRecord {
            topic: Topic::CommandOutcomes,
            partition: None,
            key: self.key,
            headers: self.headers,
            body: encode(&Outcome::from(self.settled)),
        }
    }
}

impl DeadLetter {
    fn records(&self) -> Vec<NewRecord> {
        let topic = self.record.position.topic.dead_letters();
        let letter = topic.map(|topic| NewRecord {
            topic,
            partition: None,
            key: self.record.key.clone(),
            headers: self.headers(),
            body: self.record.body.clone(),
        });
        letter.into_iter().chain(self.refused()).collect()
    }

    fn headers(&self) -> schemas::envelope::Headers {
        let position = self.record.position.to_string();
        let mut headers = self.record.headers.clone();
        headers.extend([("dlq_reason", &self.reason), ("dlq_position", &position)]);
        headers
    }

    /// The outcome, where the envelope says which command it was.
    fn refused(&self) -> Option<NewRecord> {
        let asked = self.envelope.as_deref()?;
        let refusal = Refusal {
            rule: "malformed".to_owned(),
            detail: self.reason.clone(),
            allowed_next: Vec::new(),
        };
        let settled = CommandSettled {
            aggregate: String::new(),
            aggregate_id: asked.subject.clone(),
            refusal: Some(refusal),
            version: 0,
            positions: Vec::new(),
            request_hash: asked.request_hash.clone(),
        };
        let draft = OutcomeDraft::new(asked, &"/commands", settled);
        Some(draft.record(&[]))
    }
}

/// Whether a person or a program of theirs asked, rather than one of our workers. What
/// comes from an edge of the platform follows from somebody's request, whoever acts in it.
pub(super) fn asked_by_someone(envelope: &Envelope) -> bool {
    let worker = envelope.source.starts_with("/workers/");
    !matches!(envelope.actor, Actor::System(_)) || !worker
}

/// The part of the platform that an aggregate is: `/commands/incident`.
struct Source(&'static str);

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/commands/{}", self.0)
    }
}

/// The attributes of what a command causes: its time, its chain, its scope.
fn following<'a>(
    asked: &'a Envelope,
    kind: &'a str,
    source: &'a dyn fmt::Display,
    subject: &'a str,
) -> Attributes<'a> {
    Attributes {
        kind,
        source,
        subject,
        causation: Some(asked.id),
        sequence: None,
        expected_version: None,
        request_hash: None,
        ..asked.attributes()
    }
}

fn encode<M: schemas::messages::MessageSet>(message: &M) -> bytes::Bytes {
    let body = message.encode();
    let body = body.expect("strings, numbers and lists of them always fit their own schema");
    body.into()
}

fn record(topic: Topic, attributes: Attributes<'_>, body: bytes::Bytes) -> NewRecord {
    NewRecord {
        topic,
        partition: None,
        key: bytes::Bytes::copy_from_slice(attributes.subject.as_bytes()),
        headers: attributes.to_headers(),
        body,
    }
}
