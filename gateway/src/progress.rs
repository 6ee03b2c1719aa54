//! How far each projection has come, as announcements say; the checkpoint table
//! where one was missed.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use projections::Db;
use projections::checkpoints::{self, Checkpoint};
use schemas::change::Announcement;
use schemas::outcome::EventPosition;
use tokio::sync::watch;

/// How long to wait for an announcement before looking into the table.
const POLL_EVERY: Duration = Duration::from_millis(100);

/// The next offset of each (projection, topic, partition) that was heard of.
pub struct Progress {
    next: Mutex<HashMap<(String, String, i32), i64>>,
    moved: watch::Sender<()>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            next: Mutex::default(),
            moved: watch::Sender::new(()),
        }
    }
}

impl Progress {
    pub fn announced(&self, announcement: &Announcement) {
        self.note(
            &announcement.projection,
            &announcement.topic,
            announcement.partition,
            announcement.to,
        );
        self.moved.send_replace(());
    }

    /// Takes in what the checkpoint table says.
    pub fn compared(&self, checkpoints: &[Checkpoint]) {
        for checkpoint in checkpoints {
            let (topic, partition) = (&checkpoint.topic, checkpoint.partition);
            self.note(
                &checkpoint.projection,
                topic,
                partition,
                checkpoint.next_offset,
            );
        }
        self.moved.send_replace(());
    }

    /// Changes whenever some projection has come further.
    pub fn moved(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    /// Waits until every projection has passed every position.
    pub async fn reached(
        &self,
        db: &Db,
        projections: &[&'static str],
        positions: &[EventPosition],
    ) {
        let mut moved = self.moved.subscribe();
        loop {
            let behind: Vec<_> = projections
                .iter()
                .filter(|name| !self.has_passed(name, positions))
                .collect();
            if behind.is_empty() {
                return;
            }
            // Progress owns the sender, so the channel cannot close under us.
            if tokio::time::timeout(POLL_EVERY, moved.changed())
                .await
                .is_err()
            {
                for name in behind {
                    self.look_up(db, name).await;
                }
            }
        }
    }

    fn has_passed(&self, projection: &str, positions: &[EventPosition]) -> bool {
        let next = self.next.lock();
        positions.iter().all(|position| {
            let key = (
                projection.to_owned(),
                position.topic.clone(),
                position.partition,
            );
            next.get(&key).is_some_and(|next| *next > position.offset)
        })
    }

    /// An answer that does not come leaves the wait to the announcements.
    async fn look_up(&self, db: &Db, projection: &str) {
        if let Ok(found) = checkpoints::get(db, projection).await {
            self.compared(&found);
        }
    }

    fn note(&self, projection: &str, topic: &str, partition: i32, next: i64) {
        let key = (projection.to_owned(), topic.to_owned(), partition);
        let mut known = self.next.lock();
        let at = known.entry(key).or_insert(next);
        *at = next.max(*at);
    }
}
