//! Guesses at one account, one after the other. Of many that come at once all would be
//! looked at before the first was counted, and the pause after five would begin too late.
//! Each gateway sees to its own.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// How many wait for one account; more are sent away.
const WAITING: usize = 64;

/// By what is guessed at.
type Waiting = HashMap<Vec<u8>, Weak<Turn<()>>>;

/// Whose turn it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Arc<Mutex<Waiting>>);

impl Turns {
    /// Waits for those before it, and is over when it is dropped. None where too many wait.
    pub(super) async fn take(&self, what: &[u8]) -> Option<OwnedMutexGuard<()>> {
        let turn = self.of(what);
        match Arc::strong_count(&turn) <= WAITING {
            true => Some(turn.lock_owned().await),
            false => None,
        }
    }

    fn of(&self, what: &[u8]) -> Arc<Turn<()>> {
        let mut held = self.0.lock();
        held.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = held.get(what).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Turn::new(()));
        held.insert(what.to_vec(), Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn one_comes_after_the_other_and_others_do_not_wait_for_it() {
        let turns = Turns::default();
        let first = turns.take(b"ada").await.unwrap();
        let mut second = Box::pin(turns.take(b"ada"));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(turns.take(b"bob").now_or_never().flatten().is_some());
        drop(first);
        assert!(second.await.is_some());
        turns.take(b"bob").await.unwrap();
        assert_eq!(turns.0.lock().len(), 1, "what is over is forgotten");
    }

    #[tokio::test]
    async fn more_than_can_wait_are_sent_away() {
        let turns = Turns::default();
        let _all: Vec<_> = (0..WAITING).map(|_| turns.of(b"ada")).collect();
        assert!(turns.take(b"ada").await.is_none());
    }
}
