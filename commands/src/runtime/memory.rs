//! The commands that an aggregate has settled, so that a retry gets the answer of
//! the first attempt.

use std::collections::{HashSet, VecDeque};

use eventlog::Offset;
use schemas::ids::CommandId;
use schemas::outcome::{EventPosition, Refusal};

use super::fact::Fact;

/// How many commands are remembered with their outcome, refusals among them.
const REMEMBERED: usize = 64;

/// How many accepted commands before those are remembered by id alone.
const OLDER: usize = 10_000;

/// A settled command.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    pub(super) id: CommandId,
    pub(super) request_hash: Option<String>,
    pub(super) refusal: Option<Refusal>,
    /// The aggregate's version after it.
    pub(super) version: i64,
    pub(super) positions: Vec<EventPosition>,
}

/// The last commands in full; of older ones that left events, enough to know
/// whether the history has to be asked.
#[derive(Debug, Default)]
pub(super) struct Memory {
    last: VecDeque<Remembered>,
    older: HashSet<u64>,
    /// The same in the order in which they were settled.
    in_order: VecDeque<u64>,
    /// Past the events of all that are not among the last.
    older_end: Offset,
    /// Older ids were dropped, so that any id may be one of them.
    forgetful: bool,
}

impl Memory {
    pub(super) fn find(&self, id: CommandId) -> Option<&Remembered> {
        self.last.iter().rev().find(|command| command.id == id)
    }

    /// Whether `id` may be a command that only the history still knows. Any may come
    /// again: a runner that begins anew reads again what was settled while an earlier
    /// command waited. Long afterwards only those do whose ids are derived (version 5).
    pub(super) fn may_be_older(&self, id: CommandId) -> bool {
        let derived = id.0.get_version_num() == 5;
        let known = self.older.contains(&short(id)) || self.forgetful && derived;
        known && self.find(id).is_none()
    }

    /// How far a history must have come to know all that are not among the last.
    pub(super) fn older_end(&self) -> Offset {
        self.older_end
    }

    pub(super) fn add(&mut self, command: Remembered) {
        self.last.push_back(command);
        if self.last.len() > REMEMBERED {
            let dropped = self.last.pop_front();
            self.shorten(dropped);
        }
    }

    /// Takes over what an event says of its command.
    pub(super) fn add_event(&mut self, fact: &Fact) {
        let position = EventPosition::from(fact.position);
        match self.last.back_mut() {
            Some(command) if command.id == fact.command => {
                command.version = fact.sequence;
                command.positions.push(position);
            }
            _ => self.add(Remembered {
                id: fact.command,
                request_hash: fact.request_hash.clone(),
                refusal: None,
                version: fact.sequence,
                positions: vec![position],
            }),
        }
    }

    /// About what it takes, in bytes: a command may have left an event for each of ten
    /// thousand alerts.
    pub(super) fn size(&self) -> usize {
        let events: usize = self.last.iter().map(|one| one.positions.len()).sum();
        let last = self.last.len() * (size_of::<Remembered>() + 64);
        let older = self.in_order.len() * 4 * size_of::<u64>();
        last + events * (size_of::<EventPosition>() + 16) + older
    }

    fn shorten(&mut self, dropped: Option<Remembered>) {
        let accepted = dropped.filter(|command| !command.positions.is_empty());
        let Some(command) = accepted else { return };
        let ends = command.positions.iter().map(|at| at.offset + 1);
        self.older_end = ends.fold(self.older_end, Offset::max);
        let id = short(command.id);
        if self.older.insert(id) {
            self.in_order.push_back(id);
        }
        if self.in_order.len() > OLDER
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.older.remove(&oldest);
            self.forgetful = true;
        }
    }
}

/// Half of a UUID: a collision costs one needless question, never an answer.
fn short(id: CommandId) -> u64 {
    id.0.as_u64_pair().1
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn command(n: u64, events: usize) -> Remembered {
        let position = EventPosition {
            topic: "incident.events".to_owned(),
            partition: 0,
            offset: 1,
        };
        Remembered {
            id: id(n),
            request_hash: None,
            refusal: None,
            version: 1,
            positions: vec![position; events],
        }
    }

    fn id(n: u64) -> CommandId {
        CommandId(Uuid::new_v5(&Uuid::nil(), &n.to_be_bytes()))
    }

    #[test]
    fn the_history_is_asked_only_for_what_it_may_know() {
        let mut memory = Memory::default();
        memory.add(command(0, 1));
        memory.add(command(1, 0));
        for n in 2..70 {
            memory.add(command(n, 1));
        }
        assert!(memory.find(id(0)).is_none());
        assert!(memory.may_be_older(id(0)), "accepted, pushed out");
        assert!(!memory.may_be_older(id(1)), "left no events");
        assert!(!memory.may_be_older(id(69)), "known in full");
        assert!(!memory.may_be_older(id(1_000)), "never seen");
    }

    /// Those that a runner which begins anew may read again are the newest.
    #[test]
    fn the_oldest_are_forgotten_first() {
        let random = |n: u64| CommandId(Uuid::from_u128(n.into()));
        let mut memory = Memory::default();
        let settled = OLDER as u64 + REMEMBERED as u64 + 1;
        for n in 0..settled {
            let mut command = command(n, 1);
            command.id = random(n);
            command.positions[0].offset = 10 * n as Offset;
            memory.add(command);
        }
        assert!(!memory.may_be_older(random(0)), "forgotten");
        assert!(memory.may_be_older(random(1)));
        assert!(memory.may_be_older(id(1_000_000)), "it may be one of those");
        let newest_of_the_older = settled as Offset - 1 - REMEMBERED as Offset;
        assert_eq!(memory.older_end(), 10 * newest_of_the_older + 1);
    }
}
