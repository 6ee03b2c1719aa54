//! Follows some partitions. Wakes when one of their journals moves; never polls.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::select_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::journal::{Journal, Part, Plan, Want};
use super::slots::Slot;
use crate::{Fetched, LogError, Offset, Position, Subscription, Visibility};

/// One followed partition.
pub(super) struct Cursor {
    pub(super) journal: Arc<Journal>,
    pub(super) slot: Slot,
    pub(super) next: Offset,
    pub(super) visibility: Visibility,
    /// The segment that it was last read from; 0 = none yet.
    pub(super) segment: u64,
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

    fn has_more(&self) -> bool {
        self.journal.end(self.slot, self.visibility) > self.next
    }

    fn shares_segments_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.journal, &other.journal) && self.visibility == other.visibility
    }

    fn want(&self) -> Want {
        Want {
            slot: self.slot,
            from: self.next,
            since: self.segment,
        }
    }
}

/// Cursors with the turn that keeps a busy partition from starving the others.
/// Those that lie in the same segment read it together, in its order.
pub(super) struct EmbeddedSubscription {
    cursors: Vec<Cursor>,
    turn: usize,
    changes: Vec<watch::Receiver<()>>,
    ahead: Option<Ahead>,
}

/// The next pass over a segment, read while the last one is worked on. It holds
/// for the cursors as they stand, which only its being handed out moves.
struct Ahead {
    reading: JoinHandle<Result<Option<Vec<Part>>, LogError>>,
    turn: Turn,
}

/// The cursors that are served together, the one whose turn it is first.
struct Turn {
    cursors: Vec<usize>,
}

/// What was read in one call, by cursor, and whose turn it was last.
#[derive(Default)]
struct Collected {
    parts: Vec<(usize, Part)>,
    last: Option<usize>,
    from_segments: bool,
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
            ahead: None,
        }
    }

    /// Reads what is there, a share of `max_bytes` for each cursor in turn.
    async fn collect(&mut self, max_bytes: usize) -> Result<Collected, LogError> {
        let mut collected = Collected::default();
        let mut served = vec![false; self.cursors.len()];
        let mut room = max_bytes;
        if let Some((turn, parts)) = self.take_ahead().await? {
            room = room.saturating_sub(collected.take(&turn, parts, &mut served));
        }
        while room > 0
            && let Some(turn) = self.whose_turn(&served)
        {
            let (first, wants) = (turn.cursors[0], self.wants(&turn));
            let cursor = &self.cursors[first];
            let read = cursor.journal.read_for(&wants, room, cursor.visibility);
            match read.await {
                Ok(parts) => {
                    room = room.saturating_sub(collected.take(&turn, parts, &mut served));
                }
                // What was read before it is fine; the error comes next time.
                Err(_) if !collected.parts.is_empty() => break,
                Err(e) => return Err(e),
            }
        }
        Ok(collected)
    }

    /// What was read ahead; nothing is lost when this is dropped on its way.
    async fn take_ahead(&mut self) -> Result<Option<(Turn, Vec<Part>)>, LogError> {
        let Some(ahead) = &mut self.ahead else {
            return Ok(None);
        };
        let read = (&mut ahead.reading).await;
        let turn = self.ahead.take().map(|ahead| ahead.turn);
        // Interrupted, or taken away by retention: then it is read again.
        let parts = read.unwrap_or(Ok(None))?;
        Ok(turn.zip(parts))
    }

    /// The next cursor with something to read, and who might read along.
    fn whose_turn(&self, served: &[bool]) -> Option<Turn> {
        let count = self.cursors.len();
        let waits = |at: &usize| !served[*at] && self.cursors[*at].has_more();
        let mut waiting = (0..count)
            .map(|step| (self.turn + step) % count)
            .filter(waits);
        let first = waiting.next()?;
        let along =
            waiting.filter(|at| self.cursors[*at].shares_segments_with(&self.cursors[first]));
        Some(Turn {
            cursors: std::iter::once(first).chain(along).collect(),
        })
    }

    fn wants(&self, turn: &Turn) -> Vec<Want> {
        let cursors = turn.cursors.iter();
        cursors.map(|at| self.cursors[*at].want()).collect()
    }

    /// Moves the cursors past what is handed out; nothing waits in between, so a
    /// dropped call has moved none of them.
    fn advance(&mut self, collected: Collected) -> Vec<Fetched> {
        if let Some(last) = collected.last {
            self.turn = (last + 1) % self.cursors.len();
        }
        let mut handed = Vec::with_capacity(collected.parts.len());
        for (at, part) in collected.parts {
            let cursor = &mut self.cursors[at];
            cursor.next = part.fetched.next_offset;
            cursor.segment = cursor.segment.max(part.segment);
            if !part.fetched.records.is_empty() {
                handed.push(part.fetched);
            }
        }
        handed
    }

    /// Begins the next pass where the reader is behind what memory holds.
    fn read_ahead(&mut self, max_bytes: usize) {
        let Some(turn) = self.whose_turn(&vec![false; self.cursors.len()]) else {
            return;
        };
        let cursor = &self.cursors[turn.cursors[0]];
        let plan = cursor
            .journal
            .plan(&self.wants(&turn), max_bytes, cursor.visibility);
        // An error comes again when its turn does.
        if let Ok(Plan::Segment(read)) = plan {
            let reading = tokio::task::spawn_blocking(move || read.run());
            self.ahead = Some(Ahead { reading, turn });
        }
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

impl Collected {
    /// Adds what was read in one turn; returns about how many bytes it is.
    fn take(&mut self, turn: &Turn, parts: Vec<Part>, served: &mut [bool]) -> usize {
        let mut bytes = 0;
        served[turn.cursors[0]] = true;
        self.last = Some(turn.cursors[0]);
        for part in parts {
            let at = turn.cursors[part.which];
            served[at] = true;
            self.from_segments |= part.segment > 0;
            bytes += size_of_all(&part.fetched);
            self.parts.push((at, part));
        }
        bytes
    }
}

#[async_trait]
impl Subscription for EmbeddedSubscription {
    async fn next(&mut self, max_bytes: usize) -> Result<Vec<Fetched>, LogError> {
        let max_bytes = max_bytes.max(1);
        loop {
            self.changes
                .iter_mut()
                .for_each(watch::Receiver::mark_unchanged);
            let collected = self.collect(max_bytes).await?;
            let behind = collected.from_segments;
            let handed = self.advance(collected);
            if behind && self.ahead.is_none() {
                self.read_ahead(max_bytes);
            }
            if !handed.is_empty() {
                return Ok(handed);
            }
            // Past a hole there may be what nobody will announce again.
            if self.cursors.iter().any(Cursor::has_more) {
                continue;
            }
            self.cursors
                .iter()
                .try_for_each(|cursor| cursor.journal.is_open())?;
            self.changed().await?;
        }
    }
}

fn size_of_all(fetched: &Fetched) -> usize {
    let size = |record: &crate::Record| {
        record.key.len() + record.headers.packed().len() + record.body.len() + 64
    };
    fetched.records.iter().map(size).sum()
}
