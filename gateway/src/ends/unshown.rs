//! Changes of what members may do that were heard of and that the read models do not
//! show yet. Nobody looks up a role that such a change may have taken: a token that was
//! made of it would be younger than the end of all older ones, and good for its whole
//! time.

use std::collections::HashMap;

use access::ended::End;
use eventlog::Partition;
use parking_lot::Mutex;
use schemas::context::Context;
use schemas::ids::{TenantId, UserId};
use schemas::outcome::EventPosition;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::Gateway;
use crate::error::Error;

/// Where an event lies in `identity.events`.
pub(super) type Place = (Partition, i64);

pub(crate) struct Unshown {
    /// Whose roles wait for which event.
    waiting: Mutex<HashMap<Place, End>>,
    /// The next offset of each partition that was not heard yet.
    heard: Mutex<HashMap<Partition, i64>>,
    moved: watch::Sender<()>,
}

impl Default for Unshown {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            heard: Mutex::default(),
            moved: watch::Sender::new(()),
        }
    }
}

impl Unshown {
    /// Roles of `of` wait for the event from now on; whether that is news.
    pub(super) fn hold(&self, place: Place, of: End) -> bool {
        self.waiting.lock().insert(place, of).is_none()
    }

    /// The read models show these events.
    pub(super) fn release(&self, places: &[Place]) {
        let mut waiting = self.waiting.lock();
        for place in places {
            waiting.remove(place);
        }
        drop(waiting);
        self.moved.send_replace(());
    }

    /// Whatever lies before `next` has ended what it ends.
    pub(super) fn note_heard(&self, partition: Partition, next: i64) {
        let mut heard = self.heard.lock();
        let known = heard.entry(partition).or_insert(next);
        *known = next.max(*known);
        drop(heard);
        self.moved.send_replace(());
    }

    pub(super) fn heard_up_to(&self, partition: Partition) -> Option<i64> {
        self.heard.lock().get(&partition).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    fn holds(&self, any: &[End]) -> bool {
        self.waiting.lock().values().any(|of| any.contains(of))
    }

    fn has_heard(&self, positions: &[EventPosition]) -> bool {
        let heard = self.heard.lock();
        positions.iter().all(|position| {
            let next = heard.get(&position.partition);
            next.is_some_and(|next| *next > position.offset)
        })
    }

    /// Returns when all of the events have ended what they end.
    pub(super) async fn heard(&self, positions: &[EventPosition]) {
        self.until(|| self.has_heard(positions)).await;
    }

    async fn until(&self, done: impl Fn() -> bool) {
        let mut moved = self.moved.subscribe();
        while !done() {
            // We own the sender, so the channel cannot close under us.
            if moved.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Gateway {
    /// The time that a look at the member's roles is of, and so a token that is made of
    /// them: whatever ends later than it, ends the token. Waits for what is known to have
    /// changed of them and cannot be seen yet.
    pub(crate) async fn roles_shown(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Context, Error> {
        let of = [End::member(tenant, user), End::tenant(tenant)];
        let shown = async {
            loop {
                // Before the look at what waits: what is heard of after it ends this look.
                let context = Context::ambient(&self.clock);
                if !self.unshown.holds(&of) {
                    return context;
                }
                self.unshown.until(|| !self.unshown.holds(&of)).await;
            }
        };
        timeout(self.config.read_wait, shown).await.map_err(|_| {
            let why = "what the member may do has just changed and cannot be seen yet";
            Error::Unavailable(why.to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn end(n: u128) -> End {
        End::of_id(Uuid::from_u128(n))
    }

    #[test]
    fn a_change_holds_its_own_roles_until_all_of_them_are_shown() {
        let unshown = Unshown::default();
        assert!(unshown.hold((0, 5), end(1)) && unshown.hold((0, 7), end(1)));
        assert!(!unshown.hold((0, 7), end(1)), "it was heard before");
        assert!(unshown.holds(&[end(2), end(1)]) && !unshown.holds(&[end(2)]));
        unshown.release(&[(0, 5)]);
        assert!(unshown.holds(&[end(1)]));
        unshown.release(&[(0, 7)]);
        assert!(unshown.is_empty() && !unshown.holds(&[end(1)]));
    }

    #[tokio::test]
    async fn a_request_waits_for_its_events_to_be_heard() {
        let unshown = Unshown::default();
        let positions = [4, 6].map(|offset| EventPosition {
            topic: "identity.events".to_owned(),
            partition: 1,
            offset,
        });
        unshown.note_heard(0, 100);
        unshown.note_heard(1, 6);
        assert!(unshown.heard(&positions).now_or_never().is_none());
        let waiting = tokio::time::timeout(Duration::from_secs(5), unshown.heard(&positions));
        let (waited, ()) = tokio::join!(waiting, async { unshown.note_heard(1, 7) });
        assert!(waited.is_ok());
        unshown.note_heard(1, 2);
        assert_eq!(unshown.heard_up_to(1), Some(7), "it never goes back");
        assert!(unshown.heard(&[]).now_or_never().is_some());
    }
}
