//! An aggregate as its owner holds it.

use eventlog::Position;
use schemas::codec::CodecError;
use schemas::envelope::BadHeader;
use schemas::ids::{ProjectId, TenantId};

use super::fact::Fact;
use super::kind::{AggregateKey, Instance};
use super::memory::Memory;
use crate::aggregate::Reach;

/// State, version, and what is known besides.
pub(super) struct Held {
    pub(super) instance: Box<dyn Instance>,
    /// How many events it has; 0 where it does not exist.
    pub(super) version: i64,
    pub(super) origin: Option<Origin>,
    pub(super) memory: Memory,
    /// It was an erased tenant's, and is nobody's any more.
    pub(super) gone: bool,
}

/// The scope that created an aggregate, which it belongs to for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) tenant: TenantId,
    pub(super) project: Option<ProjectId>,
}

/// The events of an aggregate contradict each other or this program. The
/// partition stops, because any further decision would be a guess.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("event {found} at {position} where {expected} is due: two writers")]
    Sequence {
        expected: i64,
        found: i64,
        position: Position,
    },
    #[error("the event at {position}: {source}")]
    Undecodable {
        position: Position,
        source: CodecError,
    },
    #[error("an event: {0}")]
    Header(#[from] BadHeader),
}

impl Held {
    pub(super) fn blank(key: AggregateKey) -> Self {
        Self {
            instance: key.kind.blank(),
            version: 0,
            origin: None,
            memory: Memory::default(),
            gone: false,
        }
    }

    pub(super) fn gone(key: AggregateKey) -> Self {
        Self {
            gone: true,
            ..Self::blank(key)
        }
    }

    /// About what it takes in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.instance.size() + self.memory.size()
    }

    /// Folds one more event.
    pub(super) fn take(&mut self, fact: &Fact) -> Result<(), Broken> {
        let (expected, position) = (self.version + 1, fact.position);
        if fact.sequence != expected {
            return Err(Broken::Sequence {
                expected,
                found: fact.sequence,
                position,
            });
        }
        self.instance
            .replay(&fact.kind, &fact.body)
            .map_err(|source| Broken::Undecodable { position, source })?;
        self.version = fact.sequence;
        self.origin = self.origin.or_else(|| {
            let (tenant, project) = (fact.tenant?, fact.project);
            Some(Origin { tenant, project })
        });
        self.memory.add_event(fact);
        Ok(())
    }
}

impl Origin {
    /// Whether a command of `other` may reach what this scope created.
    pub(super) fn reaches(&self, other: &Self, reach: Reach) -> bool {
        match reach {
            Reach::Tenant => self.tenant == other.tenant,
            Reach::Project => self == other,
        }
    }
}
