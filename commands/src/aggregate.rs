//! What the runner needs to know of an aggregate besides its rules.

use cqrs_es::Aggregate;
use schemas::context::Context;
use schemas::messages::MessageSet;
use schemas::outcome::Refusal;
use schemas::topic::Topic;

use crate::audited::Audited;

/// An aggregate as the runner hosts it. `handle` must not wait for anything, must
/// not touch its state before it is sure to succeed, and draws time and ids from
/// its context only.
pub trait Hosted:
    Audited
    + Aggregate<
        Command: MessageSet + Clone + Send + Sync + 'static,
        Event: MessageSet,
        Error: Refuse,
        Services = Context,
    > + Clone
    + 'static
{
    /// The topic that its commands arrive on.
    const COMMANDS: Topic;
    /// The topic of its events; as many partitions as `COMMANDS`, so that the
    /// owner of a commands partition also owns what follows from it.
    const EVENTS: Topic;
    const REACH: Reach;
    /// Whether it decides although its tenant was erased, from nothing: its command may
    /// come after the erasure, and must take effect all the same.
    const OUTLIVES_TENANT: bool = false;

    /// About how many bytes its lists take; none where it has but a few texts.
    fn held_bytes(&self) -> usize {
        0
    }
}

/// How far the scope that created an aggregate must agree with a command's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Tenant,
    Project,
}

/// A refusal that names its rule.
pub trait Refuse: std::error::Error + Send {
    /// The rule: stable, machine-readable, one word a rule.
    fn rule(&self) -> &'static str;

    /// What would be allowed instead, where the rule is about a transition.
    fn allowed_next(&self) -> Vec<String> {
        Vec::new()
    }

    /// The refusal as the outcome carries it.
    fn refusal(&self) -> Refusal {
        Refusal {
            rule: self.rule().to_owned(),
            detail: self.to_string(),
            allowed_next: self.allowed_next(),
        }
    }
}
