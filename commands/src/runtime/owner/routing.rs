//! What can be decided now, and what has to wait for the history.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use eventlog::{Position, Record};
use schemas::ids::{CommandId, TenantId};
use schemas::topic::Topic;

use super::{Owner, Part};
use crate::history::{Loaded, Settled};
use crate::runtime::command::{Command, Unreadable};
use crate::runtime::errand::{Arrival, Errand, Found};
use crate::runtime::fact::Fact;
use crate::runtime::held::{Broken, Held};
use crate::runtime::kind::AggregateKey;
use crate::runtime::settlement::{Answer, DeadLetter};
use crate::runtime::tail::Tail;

/// Why a partition is stopped, as it is counted.
const NEWER: &str = "needs_newer_version";
const BROKEN: &str = "broken_events";

/// Commands set aside, in order, by the aggregate that they wait for.
#[derive(Default)]
pub(super) struct Queues(HashMap<AggregateKey, VecDeque<Arc<Command>>>);

impl Queues {
    pub(super) fn retain(&mut self, keeps: impl Fn(&AggregateKey) -> bool) {
        self.0.retain(|key, _| keeps(key));
    }
}

impl Owner {
    /// Takes one record in. A stopped partition takes none.
    pub(super) fn read_one(&mut self, part: Part, record: Record) {
        let Some(intake) = self.intakes.get_mut(&part) else {
            return;
        };
        if intake.is_stopped() {
            return;
        }
        let (offset, bytes) = (record.position.offset, record.body.len() + 512);
        match Command::read(&record) {
            Ok(command) => {
                intake.read(offset, bytes);
                self.ready.push(Arc::new(command));
            }
            Err(Unreadable::Newer(reason)) => {
                intake.read_to(offset);
                intake.stop();
                alarm(part, NEWER, &reason);
            }
            Err(Unreadable::Malformed { reason, envelope }) => {
                intake.read(offset, bytes);
                self.dead(record, reason, envelope);
            }
        }
    }

    /// Splits the first `most` of what is ready: commands of cached aggregates are
    /// decidable, the others wait in their aggregate's queue, each behind those before it.
    pub(super) fn route(&mut self, most: usize) -> Vec<Arc<Command>> {
        let rest = self.ready.split_off(most.min(self.ready.len()));
        let ready = std::mem::replace(&mut self.ready, rest);
        let mut decidable = Vec::with_capacity(ready.len());
        for command in ready {
            if !self.is_open(command.position) {
                continue;
            }
            if let Some(queue) = self.queues.0.get_mut(&command.key) {
                queue.push_back(command);
            } else if let Some(errand) = self.errand_for(&command) {
                self.ask(command.key, errand);
                self.queues.0.insert(command.key, VecDeque::from([command]));
            } else if self.is_open(command.position) {
                decidable.push(command);
            }
        }
        decidable
    }

    /// Takes an answer of the history; those who waited for it go on.
    pub(super) fn arrived(&mut self, arrival: Arrival) {
        let Arrival { key, answer } = arrival;
        if !self.queues.0.contains_key(&key) {
            return;
        }
        let waited = match answer {
            Found::Loaded(loaded) => self.loaded(key, loaded),
            Found::Settled { command, settled } => self.found(key, command, settled),
        };
        if waited {
            // Before what was read meanwhile, which may be for the same aggregate.
            let queue = self.queues.0.remove(&key).unwrap_or_default();
            self.ready.splice(0..0, queue);
        }
    }

    /// False where it was asked about another: the partition was given away and has come
    /// back since, and what waits now has asked for itself.
    fn found(&self, key: AggregateKey, of: CommandId, settled: Option<Settled>) -> bool {
        let first = self.queues.0.get(&key).and_then(VecDeque::front);
        let Some(first) = first.filter(|first| first.envelope.command_id() == of) else {
            return false;
        };
        first.earlier.get_or_init(|| settled);
        true
    }

    fn errand_for(&mut self, command: &Command) -> Option<Errand> {
        if let Some(held) = self.cache.get(&command.key) {
            return find_of(held, command);
        }
        let part = (command.key.kind.events(), command.key.partition());
        let tail = self.tails.get(&part)?;
        if tail.holds_all_of(&command.key) {
            self.load(command.key, Loaded::default());
            return self.errand_if_uncached(command);
        }
        Some(load_of(tail, &command.key, command.tenant))
    }

    /// After a load from the tail alone: what is left to ask.
    fn errand_if_uncached(&mut self, command: &Command) -> Option<Errand> {
        find_of(self.cache.get(&command.key)?, command)
    }

    fn ask(&mut self, key: AggregateKey, errand: Errand) {
        self.errands.spawn(self.messenger.clone().run(key, errand));
    }

    /// False where the tail has moved past the answer, which is then asked again.
    fn loaded(&mut self, key: AggregateKey, loaded: Loaded) -> bool {
        let Some(tail) = self.tails.get_mut(&(key.kind.events(), key.partition())) else {
            return true;
        };
        let first = self.queues.0.get(&key).and_then(VecDeque::front);
        if let Some(first) = first.filter(|_| loaded.checkpoint < tail.start()) {
            let errand = load_of(tail, &key, first.tenant);
            self.ask(key, errand);
            return false;
        }
        tail.trim(loaded.checkpoint);
        self.load(key, loaded);
        true
    }

    fn load(&mut self, key: AggregateKey, loaded: Loaded) {
        let part = (key.kind.events(), key.partition());
        let Some(tail) = self.tails.get(&part) else {
            return;
        };
        let checkpoint = loaded.checkpoint;
        match replay(key, loaded, tail.of(&key, checkpoint)) {
            Ok(held) => {
                self.cache.insert(key, held);
            }
            Err(broken) => self.abandon((key.kind.commands(), key.partition()), &broken),
        }
    }

    /// Stops a partition whose events cannot be trusted.
    fn abandon(&mut self, part: Part, broken: &Broken) {
        alarm(part, BROKEN, &broken.to_string());
        if let Some(intake) = self.intakes.get_mut(&part) {
            intake.abandon();
        }
    }

    fn dead(
        &mut self,
        record: Record,
        reason: String,
        envelope: Option<Box<schemas::envelope::Envelope>>,
    ) {
        let topic = record.position.topic.name();
        tracing::warn!(position = %record.position, %reason, "a command is malformed");
        metrics::counter!("commands_dead_letters_total", "topic" => topic).increment(1);
        self.answers.push(Answer::Dead(DeadLetter {
            record,
            envelope,
            reason,
        }));
    }

    fn is_open(&self, input: Position) -> bool {
        let intake = self.intakes.get(&(input.topic, input.partition));
        intake.is_some_and(|intake| intake.is_open(input.offset))
    }
}

/// What the history is asked, once, where `command` may have been settled long ago.
fn find_of(held: &Held, command: &Command) -> Option<Errand> {
    let id = command.envelope.command_id();
    let unsure = command.earlier.get().is_none() && held.memory.may_be_older(id);
    unsure.then(|| Errand::Find {
        command: id,
        not_before: held.memory.older_end(),
    })
}

/// What the history is asked for an aggregate. The newest events say whose it is;
/// without any, whoever asks.
fn load_of(tail: &Tail, key: &AggregateKey, asks: TenantId) -> Errand {
    let newest = tail.of(key, tail.start()).find_map(|fact| fact.tenant);
    Errand::Load {
        not_before: tail.start(),
        tenant: newest.unwrap_or(asks),
    }
}

fn replay<'a>(
    key: AggregateKey,
    loaded: Loaded,
    newest: impl Iterator<Item = &'a Fact>,
) -> Result<Held, Broken> {
    let records = loaded.records.into_iter().map(Fact::of_history);
    let known = records.collect::<Result<Vec<_>, _>>()?;
    // The history takes nothing of an erased tenant, so that what is newer would begin
    // in the middle.
    let others = known
        .first()
        .is_some_and(|fact| fact.tenant != loaded.erased);
    if loaded.erased.is_some() && !others {
        return Ok(match key.kind.outlives_tenant() {
            true => Held::blank(key),
            false => Held::gone(key),
        });
    }
    let mut held = Held::blank(key);
    for fact in &known {
        held.take(fact)?;
    }
    for fact in newest {
        held.take(fact)?;
    }
    Ok(held)
}

/// Counts from zero what wakes somebody, so that the first is seen as an increase.
pub(super) fn count_from_zero(topic: Topic) {
    let topic = topic.name();
    metrics::counter!("commands_dead_letters_total", "topic" => topic).increment(0);
    for reason in [NEWER, BROKEN] {
        metrics::counter!("commands_partitions_stopped_total", "topic" => topic, "reason" => reason)
            .increment(0);
    }
}

fn alarm((topic, partition): Part, reason: &'static str, detail: &str) {
    let topic = topic.name();
    tracing::error!(
        topic,
        partition,
        reason,
        detail,
        "stopped a commands partition"
    );
    metrics::counter!("commands_partitions_stopped_total", "topic" => topic, "reason" => reason)
        .increment(1);
}

#[cfg(test)]
mod tests;
