//! The bounded list of commands that were sent from here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use schemas::ids::{CommandId, ProjectId, TenantId};
use tokio::sync::oneshot;

use super::{Known, Settled};

type Owner = (TenantId, ProjectId);

/// Commands in the order they were first sent; the oldest are forgotten first.
pub(super) struct Ledger {
    limit: usize,
    order: VecDeque<CommandId>,
    entries: HashMap<CommandId, Entry>,
}

struct Entry {
    owner: Owner,
    settled: Option<Arc<Settled>>,
    waiting: Vec<Waiter>,
}

struct Waiter {
    hash: String,
    sender: oneshot::Sender<Arc<Settled>>,
}

impl Ledger {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            order: VecDeque::new(),
            entries: HashMap::new(),
        }
    }

    pub(super) fn expect(
        &mut self,
        command: CommandId,
        owner: Owner,
        hash: &str,
        sender: oneshot::Sender<Arc<Settled>>,
    ) {
        let order = &mut self.order;
        let entry = self.entries.entry(command).or_insert_with(|| {
            order.push_back(command);
            Entry {
                owner,
                settled: None,
                waiting: Vec::new(),
            }
        });
        entry.waiting.push(Waiter {
            hash: hash.to_owned(),
            sender,
        });
        while self.order.len() > self.limit {
            if let Some(oldest) = self.order.pop_front() {
                self.entries.remove(&oldest);
            }
        }
    }

    /// Releases those who asked exactly this; another request under the same
    /// command id has an outcome of its own (a mismatch) still to come.
    pub(super) fn settle(&mut self, settled: Arc<Settled>) {
        let Some(entry) = self.entries.get_mut(&settled.command) else {
            return;
        };
        let hash = settled.request_hash.as_deref();
        let (released, waiting) = std::mem::take(&mut entry.waiting)
            .into_iter()
            .partition(|waiter: &Waiter| hash.is_none_or(|hash| hash == waiter.hash));
        entry.waiting = waiting;
        for waiter in released {
            // A caller that went away has nobody to tell.
            drop(waiter.sender.send(settled.clone()));
        }
        // The first outcome of a command is its outcome.
        entry.settled.get_or_insert(settled);
    }

    pub(super) fn known(&self, command: CommandId, owner: Owner) -> Known {
        match self.entries.get(&command) {
            Some(entry) if entry.owner == owner => match &entry.settled {
                Some(settled) => Known::Settled(settled.clone()),
                None => Known::Pending,
            },
            _ => Known::Unknown,
        }
    }

    pub(super) fn forget(&mut self, command: CommandId) {
        let unsettled = |entry: &Entry| entry.settled.is_none();
        if self.entries.get(&command).is_some_and(unsettled) {
            self.entries.remove(&command);
            self.order.retain(|id| *id != command);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn command(n: u128) -> CommandId {
        CommandId(Uuid::from_u128(n))
    }

    fn owner(n: u128) -> Owner {
        (TenantId(Uuid::from_u128(n)), ProjectId(Uuid::from_u128(n)))
    }

    fn outcome(n: u128, hash: &str) -> Arc<Settled> {
        Arc::new(Settled {
            command: command(n),
            tenant: owner(1).0,
            project: Some(owner(1).1),
            aggregate: "incident".to_owned(),
            aggregate_id: "x".to_owned(),
            refusal: None,
            version: 1,
            positions: Vec::new(),
            request_hash: Some(hash.to_owned()),
        })
    }

    fn expect(ledger: &mut Ledger, n: u128, hash: &str) -> oneshot::Receiver<Arc<Settled>> {
        let (sender, receiver) = oneshot::channel();
        ledger.expect(command(n), owner(1), hash, sender);
        receiver
    }

    #[test]
    fn an_outcome_releases_those_who_asked_the_same() {
        let mut ledger = Ledger::new(10);
        let mut first = expect(&mut ledger, 1, "a");
        let mut retry = expect(&mut ledger, 1, "a");
        let mut other = expect(&mut ledger, 1, "b");
        ledger.settle(outcome(1, "a"));
        assert!(first.try_recv().is_ok() && retry.try_recv().is_ok());
        assert!(other.try_recv().is_err());
        ledger.settle(outcome(1, "b"));
        assert!(other.try_recv().is_ok());
        assert_eq!(
            ledger.known(command(1), owner(1)),
            Known::Settled(outcome(1, "a"))
        );
    }

    #[test]
    fn nobody_else_knows_of_it() {
        let mut ledger = Ledger::new(10);
        let _waiting = expect(&mut ledger, 1, "a");
        assert_eq!(ledger.known(command(1), owner(1)), Known::Pending);
        assert_eq!(ledger.known(command(1), owner(2)), Known::Unknown);
    }

    #[test]
    fn holds_no_more_than_its_limit() {
        let mut ledger = Ledger::new(10);
        for n in 0..100 {
            let _gone = expect(&mut ledger, n, "a");
        }
        assert_eq!((ledger.order.len(), ledger.entries.len()), (10, 10));
        assert_eq!(ledger.known(command(99), owner(1)), Known::Pending);
    }

    #[test]
    fn what_was_not_appended_is_forgotten() {
        let mut ledger = Ledger::new(10);
        let _waiting = expect(&mut ledger, 1, "a");
        ledger.forget(command(1));
        assert_eq!(ledger.known(command(1), owner(1)), Known::Unknown);
    }
}
