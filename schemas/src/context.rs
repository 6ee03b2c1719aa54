//! Where time, ids and randomness come from. Nothing else in the platform may
//! ask the machine for them, so that every decision and every test repeats.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use uuid::Uuid;

use crate::ids::CommandId;
use crate::time::Timestamp;

/// Tells the time: the machine's, or one that a test moves by hand.
#[derive(Debug, Clone)]
pub enum Clock {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `start` until [`Clock::advance_millis`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.micros())))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine"
    )]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => chrono::Utc::now().into(),
            Self::Manual(micros) => Timestamp::from_micros(micros.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward; the machine's clock is not ours to move.
    pub fn advance_millis(&self, millis: i64) {
        if let Self::Manual(micros) = self {
            micros.fetch_add(millis * 1_000, Ordering::SeqCst);
        }
    }
}

/// What a decision may know besides its state and its command.
#[derive(Debug)]
pub struct Context {
    now: Timestamp,
    ids: Ids,
    subject: Uuid,
}

#[derive(Debug)]
enum Ids {
    Ambient,
    Seeded { seed: Uuid, drawn: AtomicU32 },
}

impl Context {
    /// For the edges: the clock's time and fresh ids.
    pub fn ambient(clock: &Clock) -> Self {
        Self {
            now: clock.now(),
            ids: Ids::Ambient,
            subject: Uuid::nil(),
        }
    }

    /// For a decision: the command's time, and ids that the command's id
    /// determines, so that deciding twice gives the same events.
    pub fn decision(now: Timestamp, command: CommandId) -> Self {
        Self {
            now,
            ids: Ids::Seeded {
                seed: command.0,
                drawn: AtomicU32::new(0),
            },
            subject: Uuid::nil(),
        }
    }

    /// The same context for a decision of the aggregate with the id `subject`.
    pub fn about(self, subject: Uuid) -> Self {
        Self { subject, ..self }
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The id of the aggregate that decides; nil where nothing decides.
    pub fn subject(&self) -> Uuid {
        self.subject
    }

    /// A new id: UUIDv7 at the edges, UUIDv5(command, n) in a decision.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that invents ids"
    )]
    pub fn id(&self) -> Uuid {
        match &self.ids {
            Ids::Ambient => Uuid::now_v7(),
            Ids::Seeded { seed, drawn } => {
                let n = drawn.fetch_add(1, Ordering::Relaxed);
                Uuid::new_v5(seed, &n.to_be_bytes())
            }
        }
    }
}

/// Cryptographic randomness for secrets and nonces, which never enter a decision.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    rand::random()
}
