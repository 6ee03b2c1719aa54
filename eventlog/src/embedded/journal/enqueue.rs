//! From a record to its place in the queue: encoded and checked outside the lock,
//! numbered and made visible inside.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use schemas::progress::ProgressMade;
use tokio::sync::{OwnedSemaphorePermit, TryAcquireError, oneshot};

use super::{Batch, Journal, Queued, State};
use crate::embedded::checkpoint;
use crate::embedded::payload::{self, Encoded};
use crate::embedded::slots::Slot;
use crate::embedded::tail::Recent;
use crate::{Finish, LogError, NewRecord, Position};

/// A record that is ready for the queue.
pub(in crate::embedded) struct Staged {
    slot: Slot,
    record: Encoded,
    progress: Option<ProgressMade>,
}

/// Resolves when a batch is durable.
pub(in crate::embedded) type Durable = oneshot::Receiver<Result<(), LogError>>;

impl Journal {
    /// Checks and encodes `record`, which must belong to this journal.
    pub(in crate::embedded) fn stage(&self, record: &NewRecord) -> Result<Staged, LogError> {
        let topic = record.topic;
        if topic.journal() != self.place.journal {
            let (ours, theirs) = (self.place.journal.name(), topic.journal().name());
            return Err(LogError::SpansJournals(ours, theirs));
        }
        let slot = self.slots.slot(topic, record.partition())?;
        let too_large = LogError::TooLarge {
            topic: topic.name(),
            bytes: payload::size(record),
            limit: self.options.max_record_bytes,
        };
        if payload::size(record) > self.options.max_record_bytes {
            return Err(too_large);
        }
        Ok(Staged {
            slot,
            record: payload::encode(record).ok_or(too_large)?,
            progress: checkpoint::made_by(record),
        })
    }

    /// Waits for room in the queue for `staged`.
    pub(in crate::embedded) async fn reserve(
        &self,
        staged: &[Staged],
    ) -> Result<OwnedSemaphorePermit, LogError> {
        let bytes: usize = staged.iter().map(|s| s.record.payload.len()).sum();
        let wanted = (bytes / 1024 + 1).min((self.options.queue_bytes / 1024).max(1));
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        match Arc::clone(&self.room).try_acquire_many_owned(wanted) {
            Ok(permit) => Ok(permit),
            Err(TryAcquireError::NoPermits) => Arc::clone(&self.room)
                .acquire_many_owned(wanted)
                .await
                .map_err(|_| self.refusal()),
            Err(TryAcquireError::Closed) => Err(self.refusal()),
        }
    }

    /// Numbers `staged` and what `finish` makes of their positions, and queues all
    /// as one batch. `finish` runs under the journal's lock: it must be quick and
    /// must not use the log. So does `permitted`, whose refusal leaves no trace.
    /// Returns the positions of `staged`.
    pub(in crate::embedded) fn enqueue<E: From<LogError>>(
        &self,
        staged: Vec<Staged>,
        finish: Option<Finish>,
        room: OwnedSemaphorePermit,
        permitted: impl FnOnce() -> Result<(), E>,
    ) -> Result<(Vec<Position>, Durable), E> {
        let mut state = self.state.lock();
        self.accepts(&state)?;
        permitted()?;
        let positions = self.number(&state, &staged);
        let mut all = staged;
        for record in finish.map(|finish| finish(&positions)).unwrap_or_default() {
            all.push(self.stage(&record)?);
        }
        let (answer, durable) = oneshot::channel();
        let batch = self.admit(&mut state, all, answer, room);
        state.queue.push_back(batch);
        let awaited = state.queue.len() >= state.awaited;
        drop(state);
        if awaited {
            self.work.notify_one();
        }
        self.appended_changed.send_replace(());
        Ok((positions, durable))
    }

    /// The positions that `staged` will get.
    fn number(&self, state: &State, staged: &[Staged]) -> Vec<Position> {
        let mut taken = std::collections::HashMap::new();
        let place = |staged: &Staged| {
            let (topic, partition) = self.slots.partition(staged.slot);
            let next = taken.entry(staged.slot).or_insert(state.next[staged.slot]);
            let offset = *next;
            *next += 1;
            Position {
                topic,
                partition,
                offset,
            }
        };
        staged.iter().map(place).collect()
    }

    /// Numbers the records for good and makes them readable from memory.
    fn admit(
        &self,
        state: &mut State,
        staged: Vec<Staged>,
        durable: oneshot::Sender<Result<(), LogError>>,
        room: OwnedSemaphorePermit,
    ) -> Batch {
        let appended_at = state.newest.max(self.options.clock.now());
        state.newest = appended_at;
        let mut batch = Batch {
            records: Vec::with_capacity(staged.len()),
            progress: Vec::new(),
            durable,
            _room: room,
        };
        for Staged {
            slot,
            record,
            progress,
        } in staged
        {
            let offset = state.next[slot];
            state.next[slot] += 1;
            let recent = Recent {
                offset,
                appended_at,
                record: record.clone(),
            };
            state.tail.push(slot, recent);
            self.appended[slot].store(offset + 1, Ordering::Release);
            if let Some(made) = progress {
                checkpoint::fold(&mut state.progress, &made);
                batch.progress.push(made);
            }
            batch.records.push(Queued {
                slot,
                offset,
                appended_at,
                record,
            });
        }
        batch
    }

    /// An error once nothing more will arrive.
    pub(in crate::embedded) fn is_open(&self) -> Result<(), LogError> {
        self.accepts(&self.state.lock())
    }

    fn accepts(&self, state: &State) -> Result<(), LogError> {
        match &state.failed {
            Some(error) => Err(error.clone()),
            None if state.closing => Err(LogError::Unavailable("it is closed".to_owned())),
            None => Ok(()),
        }
    }

    fn refusal(&self) -> LogError {
        self.is_open()
            .err()
            .unwrap_or_else(|| LogError::Unavailable("it is closing".to_owned()))
    }
}
