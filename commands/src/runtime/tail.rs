//! The newest events of one partition, in memory: what the history may not hold
//! yet.

use std::collections::{HashMap, VecDeque};

use eventlog::Offset;

use super::fact::Fact;
use super::kind::AggregateKey;

/// Every event of the partition from `start` on.
pub(super) struct Tail {
    start: Offset,
    most_bytes: usize,
    bytes: usize,
    order: VecDeque<(Offset, AggregateKey)>,
    facts: HashMap<AggregateKey, VecDeque<Fact>>,
}

impl Tail {
    pub(super) fn new(start: Offset, most_bytes: usize) -> Self {
        Self {
            start,
            most_bytes,
            bytes: 0,
            order: VecDeque::new(),
            facts: HashMap::new(),
        }
    }

    /// An aggregate is known only if the history has come this far.
    pub(super) fn start(&self) -> Offset {
        self.start
    }

    /// Adds an event behind all others; over the limit, the oldest go.
    pub(super) fn push(&mut self, key: AggregateKey, fact: Fact) {
        self.bytes += fact.size();
        self.order.push_back((fact.position.offset, key));
        self.facts.entry(key).or_default().push_back(fact);
        while self.bytes > self.most_bytes && self.drop_oldest() {}
    }

    /// Drops what the history holds: everything before `checkpoint`.
    pub(super) fn trim(&mut self, checkpoint: Offset) {
        while self
            .order
            .front()
            .is_some_and(|(offset, _)| *offset < checkpoint)
        {
            self.drop_oldest();
        }
        self.start = self.start.max(checkpoint);
    }

    /// The events of one aggregate at or after `from`.
    pub(super) fn of(&self, key: &AggregateKey, from: Offset) -> impl Iterator<Item = &Fact> {
        let facts = self.facts.get(key).into_iter().flatten();
        facts.filter(move |fact| fact.position.offset >= from)
    }

    /// Whether the aggregate's whole life lies here, so that nobody need be asked.
    pub(super) fn holds_all_of(&self, key: &AggregateKey) -> bool {
        let first = self.facts.get(key).and_then(VecDeque::front);
        first.is_some_and(|fact| fact.sequence == 1)
    }

    fn drop_oldest(&mut self) -> bool {
        let Some((offset, key)) = self.order.pop_front() else {
            return false;
        };
        self.start = offset + 1;
        if let Some(facts) = self.facts.get_mut(&key) {
            let dropped = facts.pop_front();
            self.bytes -= dropped.map_or(0, |fact| fact.size());
            if facts.is_empty() {
                self.facts.remove(&key);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::registry;
    use super::*;
    use bytes::Bytes;
    use eventlog::Position;
    use schemas::ids::CommandId;
    use schemas::topic::Topic;
    use uuid::Uuid;

    fn key(n: u128) -> AggregateKey {
        let kind = registry::of_event("/commands/incident").unwrap();
        let id = Uuid::from_u128(n);
        AggregateKey { kind, id }
    }

    fn fact(offset: Offset, sequence: i64) -> Fact {
        Fact {
            position: Position {
                topic: Topic::IncidentEvents,
                partition: 0,
                offset,
            },
            kind: "".into(),
            body: Bytes::from(vec![0; 1_000]),
            sequence,
            command: CommandId(Uuid::nil()),
            request_hash: None,
            tenant: None,
            project: None,
        }
    }

    #[test]
    fn the_oldest_go_first_and_the_start_says_so() {
        let mut tail = Tail::new(3, 3 * fact(0, 0).size());
        for offset in 3..8 {
            tail.push(key(u128::from(offset % 2 == 0)), fact(offset, offset));
        }
        assert_eq!(tail.start(), 5);
        let offsets = |n| {
            tail.of(&key(n), 0)
                .map(|f| f.position.offset)
                .collect::<Vec<_>>()
        };
        assert_eq!((offsets(0), offsets(1)), (vec![5, 7], vec![6]));
    }

    #[test]
    fn what_the_history_holds_is_dropped() {
        let mut tail = Tail::new(0, usize::MAX);
        for offset in 0..4 {
            tail.push(key(0), fact(offset, offset + 1));
        }
        assert!(tail.holds_all_of(&key(0)));
        tail.trim(2);
        assert!(!tail.holds_all_of(&key(0)));
        assert_eq!((tail.start(), tail.of(&key(0), 0).count()), (2, 2));
        tail.trim(9);
        assert_eq!((tail.start(), tail.bytes), (9, 0));
    }
}
