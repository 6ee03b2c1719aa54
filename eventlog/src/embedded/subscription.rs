//! Follows some partitions. Wakes when one of their journals moves; never polls.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::select_all;
use tokio::sync::watch;

use super::journal::Journal;
use super::slots::Slot;
use crate::{Fetched, LogError, Offset, Position, Subscription, Visibility};

/// One followed partition.
pub(super) struct Cursor {
    pub(super) journal: Arc<Journal>,
    pub(super) slot: Slot,
    pub(super) next: Offset,
    pub(super) visibility: Visibility,
}

impl Cursor {
    pub(super) fn position(&self) -> Position {
        let (topic, partition) = self.journal.slots.partition(self.slot);
        Position {
            topic,
            partition,
            offset: self.next,
        }
    }
}

/// Cursors with the turn that keeps a busy partition from starving the others.
pub(super) struct EmbeddedSubscription {
    cursors: Vec<Cursor>,
    turn: usize,
    changes: Vec<watch::Receiver<()>>,
}

impl EmbeddedSubscription {
    pub(super) fn new(cursors: Vec<Cursor>) -> Self {
        let mut watched = Vec::new();
        let mut changes = Vec::new();
        for cursor in &cursors {
            let source = (Arc::as_ptr(&cursor.journal), cursor.visibility);
            if !watched.contains(&source) {
                watched.push(source);
                changes.push(cursor.journal.watch(cursor.visibility));
            }
        }
        Self {
            cursors,
            turn: 0,
            changes,
        }
    }

    /// Reads what is there, a share of `max_bytes` from each partition in turn.
    async fn collect(&self, max_bytes: usize) -> Result<Vec<(usize, Fetched)>, LogError> {
        let mut collected = Vec::new();
        let mut room = max_bytes;
        for step in 0..self.cursors.len() {
            let at = (self.turn + step) % self.cursors.len();
            let cursor = &self.cursors[at];
            if cursor.journal.end(cursor.slot, cursor.visibility) <= cursor.next {
                continue;
            }
            let fetched = cursor
                .journal
                .read(cursor.slot, cursor.next, room, cursor.visibility)
                .await;
            match fetched {
                Ok(fetched) => {
                    room = room.saturating_sub(size_of_all(&fetched));
                    collected.push((at, fetched));
                }
                // The partitions before it are fine; the error comes next time.
                Err(_) if !collected.is_empty() => break,
                Err(e) => return Err(e),
            }
            if room == 0 {
                break;
            }
        }
        Ok(collected)
    }

    /// Moves the cursors past what is handed out; nothing waits in between, so a
    /// dropped call has moved none of them.
    fn advance(&mut self, collected: Vec<(usize, Fetched)>) -> Vec<Fetched> {
        if let Some((last, _)) = collected.last() {
            self.turn = (last + 1) % self.cursors.len();
        }
        let mut handed = Vec::with_capacity(collected.len());
        for (at, fetched) in collected {
            self.cursors[at].next = fetched.next_offset;
            if !fetched.records.is_empty() {
                handed.push(fetched);
            }
        }
        handed
    }

    async fn changed(&mut self) -> Result<(), LogError> {
        if self.changes.is_empty() {
            return std::future::pending().await;
        }
        let waits = self
            .changes
            .iter_mut()
            .map(|change| Box::pin(change.changed()));
        let (changed, ..) = select_all(waits).await;
        changed.map_err(|_| LogError::Unavailable("it is closed".to_owned()))
    }
}

#[async_trait]
impl Subscription for EmbeddedSubscription {
    async fn next(&mut self, max_bytes: usize) -> Result<Vec<Fetched>, LogError> {
        loop {
            self.changes
                .iter_mut()
                .for_each(watch::Receiver::mark_unchanged);
            let collected = self.collect(max_bytes.max(1)).await?;
            let handed = self.advance(collected);
            if !handed.is_empty() {
                return Ok(handed);
            }
            self.cursors
                .iter()
                .try_for_each(|cursor| cursor.journal.is_open())?;
            self.changed().await?;
        }
    }
}

fn size_of_all(fetched: &Fetched) -> usize {
    let size = |record: &crate::Record| record.key.len() + record.body.len() + 256;
    fetched.records.iter().map(size).sum()
}
