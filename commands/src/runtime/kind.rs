//! Aggregates with their types forgotten, so that one runner hosts them all.

use std::any::Any;
use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cqrs_es::event_sink::EventSink;
use eventlog::Partition;
use schemas::codec::CodecError;
use schemas::context::Context;
use schemas::messages::MessageSet;
use schemas::outcome::Refusal;
use schemas::topic::Topic;
use uuid::Uuid;

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::Changes;

/// A command of some aggregate; only that aggregate can look into it.
pub(super) type Decoded = Arc<dyn Any + Send + Sync>;

/// A type of aggregate.
pub(super) trait Kind: Send + Sync {
    fn name(&self) -> &'static str;
    fn commands(&self) -> Topic;
    fn events(&self) -> Topic;
    fn reach(&self) -> Reach;
    fn outlives_tenant(&self) -> bool;
    fn understands(&self, command: &str) -> bool;
    fn decode(&self, command: &str, body: &[u8]) -> Result<Decoded, CodecError>;
    /// The part of the aggregate that a command is about, as type and id.
    fn part(&self, command: &Decoded) -> Option<(&'static str, String)>;
    /// An aggregate to which nothing has happened.
    fn blank(&self) -> Box<dyn Instance>;
}

/// One aggregate.
#[async_trait]
pub(super) trait Instance: Send + Sync {
    fn copy(&self) -> Box<dyn Instance>;
    /// About what it takes in memory, in bytes.
    fn size(&self) -> usize;
    fn replay(&mut self, event: &str, body: &[u8]) -> Result<(), CodecError>;
    /// Decides and, where it accepts, moves on. What changed is told as `audit` says.
    /// `before` is the same as this one, where the caller has it anyway.
    async fn decide(
        &mut self,
        command: &Decoded,
        context: &Context,
        audit: Audit,
        before: Option<&dyn Instance>,
    ) -> Result<Decided, Unhandled>;
    fn as_any(&self) -> &dyn Any;
}

/// Whether a command is audited, and whether its aggregate was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audit {
    No,
    Created,
    Changed,
}

/// What an accepted command leads to.
#[derive(Default)]
pub(super) struct Decided {
    pub(super) events: Vec<Encoded>,
    /// For the audit record; see [`Changes`].
    pub(super) changes: Option<String>,
}

/// An event as it goes to the log.
#[derive(Debug, Clone)]
pub(super) struct Encoded {
    pub(super) kind: &'static str,
    pub(super) body: Bytes,
}

/// Why a command left no events.
pub(super) enum Unhandled {
    Refused(Refusal),
    /// An event does not fit its own schema.
    Unencodable(CodecError),
}

/// Which aggregate, among all types.
#[derive(Clone, Copy)]
pub(super) struct AggregateKey {
    pub(super) kind: &'static dyn Kind,
    pub(super) id: Uuid,
}

impl AggregateKey {
    /// Its partition, of the commands and of the events topic alike.
    pub(super) fn partition(&self) -> Partition {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let key = self.id.hyphenated().encode_lower(&mut text);
        self.kind.events().partition_of(key.as_bytes())
    }
}

impl PartialEq for AggregateKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.kind.name() == other.kind.name()
    }
}

impl Eq for AggregateKey {}

impl std::hash::Hash for AggregateKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

/// The [`Kind`] of aggregate `A`.
pub(super) struct Typed<A>(PhantomData<fn() -> A>);

impl<A> Typed<A> {
    pub(super) const KIND: Self = Self(PhantomData);
}

impl<A: Hosted> Kind for Typed<A> {
    fn name(&self) -> &'static str {
        A::TYPE
    }

    fn commands(&self) -> Topic {
        A::COMMANDS
    }

    fn events(&self) -> Topic {
        A::EVENTS
    }

    fn reach(&self) -> Reach {
        A::REACH
    }

    fn outlives_tenant(&self) -> bool {
        A::OUTLIVES_TENANT
    }

    fn understands(&self, command: &str) -> bool {
        A::Command::has(command)
    }

    fn decode(&self, command: &str, body: &[u8]) -> Result<Decoded, CodecError> {
        Ok(Arc::new(A::Command::decode(command, body)?))
    }

    fn part(&self, command: &Decoded) -> Option<(&'static str, String)> {
        A::part(typed::<A>(command))
    }

    fn blank(&self) -> Box<dyn Instance> {
        Box::new(A::default())
    }
}

#[async_trait]
impl<A: Hosted> Instance for A {
    fn copy(&self) -> Box<dyn Instance> {
        Box::new(self.clone())
    }

    fn size(&self) -> usize {
        size_of::<A>() + self.held_bytes()
    }

    fn replay(&mut self, event: &str, body: &[u8]) -> Result<(), CodecError> {
        self.apply(A::Event::decode(event, body)?);
        Ok(())
    }

    async fn decide(
        &mut self,
        command: &Decoded,
        context: &Context,
        audit: Audit,
        before: Option<&dyn Instance>,
    ) -> Result<Decided, Unhandled> {
        let before = before.and_then(|before| before.as_any().downcast_ref::<A>());
        let before = match before {
            _ if audit == Audit::No => None,
            Some(before) => Some(Cow::Borrowed(before)),
            None => Some(Cow::Owned(self.clone())),
        };
        let sink = EventSink::default();
        self.handle(typed::<A>(command).clone(), context, &sink)
            .await
            .map_err(|refused| Unhandled::Refused(refused.refusal()))?;
        let events = sink.collect().await;
        let encoded = events.iter().map(encode).collect::<Result<_, _>>();
        Ok(Decided {
            events: encoded.map_err(Unhandled::Unencodable)?,
            changes: before.and_then(|before| changes(&*before, self, &events, audit)),
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn typed<A: Hosted>(command: &Decoded) -> &A::Command {
    command
        .downcast_ref::<A::Command>()
        .expect("a command is decoded by the aggregate that decides on it")
}

/// What `events` made of an aggregate.
fn changes<A: Hosted>(before: &A, after: &A, events: &[A::Event], audit: Audit) -> Option<String> {
    if events.is_empty() {
        return None;
    }
    let mut changes = match audit {
        Audit::Created if !A::STANDS => Changes::created(),
        Audit::Created | Audit::Changed | Audit::No => Changes::default(),
    };
    A::compare(before, after, &mut changes);
    events.iter().for_each(|event| A::tell(event, &mut changes));
    changes.finish()
}

fn encode<E: MessageSet>(event: &E) -> Result<Encoded, CodecError> {
    Ok(Encoded {
        kind: event.kind(),
        body: event.encode()?.into(),
    })
}
