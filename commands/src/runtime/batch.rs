//! Decisions on copies, which the cache takes over once they are committed.

use std::collections::HashMap;
use std::sync::Arc;

use schemas::codec::CodecError;
use schemas::context::Context;
use schemas::outcome::{EventPosition, Refusal};

use super::cache::Cache;
use super::command::Command;
use super::erased::Erased;
use super::held::{Held, Origin};
use super::kind::{AggregateKey, Audit, Decided, Instance, Unhandled};
use super::memory::Remembered;
use super::settlement::{Audited, Event, Settlement, asked_by_someone};

/// Copies of the aggregates that a batch has touched.
#[derive(Default)]
pub(super) struct Batch {
    copies: HashMap<AggregateKey, Copied>,
}

/// An aggregate as the batch leaves it.
struct Copied {
    instance: Box<dyn Instance>,
    version: i64,
    origin: Option<Origin>,
    gone: bool,
    /// What this batch settles; the positions are not known yet.
    settled: Vec<Remembered>,
}

/// What can be said of a command now.
pub(super) enum Verdict {
    Settled(Settlement),
    /// It repeats a command of this batch, whose positions are not known yet; or
    /// the batch has more aggregates than the cache, which lost this one again.
    Later,
}

impl Batch {
    /// Decides one command on a copy of its aggregate in `cache`.
    pub(super) async fn decide(
        &mut self,
        command: &Arc<Command>,
        cache: &mut Cache,
        erased: &Erased,
    ) -> Result<Verdict, CodecError> {
        if erased.covers(command) {
            return Ok(refused(command, not_there(command), 0));
        }
        let Some(held) = cache.get(&command.key) else {
            return Ok(Verdict::Later);
        };
        let copied = self.copies.entry(command.key);
        let copied = copied.or_insert_with(|| Copied::of(held));
        let id = command.envelope.command_id();
        if let Some(refusal) = copied.out_of_reach(command) {
            return Ok(refused(command, refusal, 0));
        }
        if copied.settled.iter().any(|earlier| earlier.id == id) {
            return Ok(Verdict::Later);
        }
        if let Some(earlier) = earlier(command, held) {
            return Ok(repeated(command, earlier));
        }
        // The first to be decided finds the aggregate as the cache has it.
        let before = copied.settled.is_empty().then_some(&*held.instance);
        copied.decide(command, before).await.map(Verdict::Settled)
    }

    /// Takes the copies over; `positions_of` says where a command's events lie.
    pub(super) fn install(
        self,
        cache: &mut Cache,
        mut positions_of: impl FnMut(&Remembered) -> Vec<EventPosition>,
    ) {
        for (key, copied) in self.copies {
            cache.change(&key, |held| {
                held.instance = copied.instance;
                held.version = copied.version;
                held.origin = copied.origin;
                for settled in copied.settled {
                    let positions = positions_of(&settled);
                    held.memory.add(Remembered {
                        positions,
                        ..settled
                    });
                }
            });
        }
        cache.make_room();
    }
}

impl Copied {
    fn of(held: &Held) -> Self {
        Self {
            instance: held.instance.copy(),
            version: held.version,
            origin: held.origin,
            gone: held.gone,
            settled: Vec::new(),
        }
    }

    /// An aggregate of another scope is not there for this one.
    fn out_of_reach(&self, command: &Command) -> Option<Refusal> {
        let reach = command.key.kind.reach();
        let reached = self
            .origin
            .is_none_or(|o| o.reaches(&command.origin(), reach));
        (self.gone || !reached).then(|| not_there(command))
    }

    async fn decide(
        &mut self,
        command: &Arc<Command>,
        before: Option<&dyn Instance>,
    ) -> Result<Settlement, CodecError> {
        let envelope = &command.envelope;
        let context = Context::decision(envelope.time, envelope.command_id());
        let context = context.about(command.key.id);
        let asked = asked_by_someone(envelope);
        let audit = match (asked, self.version) {
            (false, _) => Audit::No,
            (true, 0) => Audit::Created,
            (true, _) => Audit::Changed,
        };
        let decided = match self.stale(command) {
            Some(refusal) => Err(Unhandled::Refused(refusal)),
            None => {
                self.instance
                    .decide(&command.decoded, &context, audit, before)
                    .await
            }
        };
        let (decided, refusal) = match decided {
            Ok(decided) => (decided, None),
            Err(Unhandled::Refused(refusal)) => (Decided::default(), Some(refusal)),
            Err(Unhandled::Unencodable(error)) => return Err(error),
        };
        let changes = decided.changes;
        let events = decided.events.into_iter().zip(self.version + 1..);
        let events: Vec<_> = events
            .map(|(encoded, sequence)| Event {
                id: context.id(),
                sequence,
                encoded,
            })
            .collect();
        self.settled(command, &events, refusal.clone());
        Ok(Settlement {
            command: command.clone(),
            refusal,
            version: self.version,
            events,
            earlier: Vec::new(),
            audit: asked.then(|| Audited {
                id: context.id(),
                changes,
            }),
        })
    }

    /// `If-Match` of the request, where there is something to match.
    fn stale(&self, command: &Command) -> Option<Refusal> {
        let expected = command.envelope.expected_version?;
        let stale = self.version > 0 && self.version != expected;
        stale.then(|| {
            let version = self.version;
            let detail = format!("the version is {version}, not {expected}");
            refusal("stale_version", detail)
        })
    }

    fn settled(&mut self, command: &Command, events: &[Event], refusal: Option<Refusal>) {
        if let Some(last) = events.last() {
            self.version = last.sequence;
            self.origin.get_or_insert(command.origin());
        }
        self.settled.push(Remembered {
            id: command.envelope.command_id(),
            request_hash: command.envelope.request_hash.clone(),
            refusal,
            version: self.version,
            positions: Vec::new(),
        });
    }
}

/// What became of the same command before: remembered, or found in the history.
fn earlier(command: &Command, held: &Held) -> Option<Remembered> {
    let id = command.envelope.command_id();
    let found = command.earlier.get().cloned().flatten();
    let found = found.map(|settled| Remembered {
        id,
        request_hash: settled.request_hash,
        refusal: None,
        version: settled.version,
        positions: settled.positions,
    });
    held.memory.find(id).cloned().or(found)
}

/// The same answer again, unless the same id stands for a different request.
fn repeated(command: &Arc<Command>, earlier: Remembered) -> Verdict {
    let (first, now) = (&earlier.request_hash, &command.envelope.request_hash);
    if first.is_some() && now.is_some() && first != now {
        let detail = "the idempotency key was used for a different request";
        let refusal = refusal("idempotency_mismatch", detail.to_owned());
        return refused(command, refusal, earlier.version);
    }
    Verdict::Settled(Settlement {
        command: command.clone(),
        refusal: earlier.refusal,
        version: earlier.version,
        events: Vec::new(),
        earlier: earlier.positions,
        audit: None,
    })
}

/// A refusal by the runner, before the aggregate was asked.
fn refused(command: &Arc<Command>, refusal: Refusal, version: i64) -> Verdict {
    let envelope = &command.envelope;
    // Not drawn from the decision's ids: the first attempt has used those.
    let audit = uuid::Uuid::new_v5(&envelope.id, refusal.rule.as_bytes());
    Verdict::Settled(Settlement {
        command: command.clone(),
        refusal: Some(refusal),
        version,
        events: Vec::new(),
        earlier: Vec::new(),
        audit: asked_by_someone(envelope).then_some(Audited {
            id: audit,
            changes: None,
        }),
    })
}

fn not_there(command: &Command) -> Refusal {
    let name = command.key.kind.name().replace('_', " ");
    refusal("not_found", format!("there is no such {name}"))
}

fn refusal(rule: &str, detail: String) -> Refusal {
    Refusal {
        rule: rule.to_owned(),
        detail,
        allowed_next: Vec::new(),
    }
}
