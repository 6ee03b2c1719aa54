//! One ordered sequence of records: numbered and visible in memory at once,
//! durable when its committer has synced them.

mod enqueue;
mod read;

pub(super) use self::enqueue::Durable;
pub(super) use self::read::{Part, Plan, Want};

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use schemas::progress::ProgressMade;
use schemas::time::Timestamp;
use schemas::topic::Topic;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::catalog::Catalog;
use super::checkpoint::Progress;
use super::finding::Finding;
use super::frame::Frame;
use super::payload::Encoded;
use super::recovery::{Place, Recovered};
use super::shelf::Shelf;
use super::slots::{Slot, Slots};
use super::tail::Tail;
use super::watermark::Watermark;
use super::{OpenError, Options, recovery};
use crate::{LogError, Offset, TopicUsage, Visibility};

/// Told to whoever waits for the log to fail; empty while it works.
pub(super) type Failure = Arc<watch::Sender<Option<LogError>>>;

/// A journal, shared by appenders, readers and its committer.
pub(super) struct Journal {
    pub(super) place: Place,
    pub(super) slots: Slots,
    pub(super) options: Arc<Options>,
    pub(super) state: Mutex<State>,
    shelf: Shelf,
    /// Wakes the committer.
    work: Condvar,
    /// Next offset of each slot, for readers that only ask whether there is more.
    appended: Vec<AtomicI64>,
    durable: Vec<AtomicI64>,
    appended_changed: watch::Sender<()>,
    durable_changed: watch::Sender<()>,
    /// Room in the queue, in KiB.
    room: Arc<Semaphore>,
    failure: Failure,
    /// Bytes of all segments, for the budget.
    disk_bytes: AtomicU64,
}

/// What the committer of an opened journal continues from.
pub(super) struct Resume {
    pub(super) watermark: Watermark,
    pub(super) next: Vec<Offset>,
    pub(super) progress: Progress,
    pub(super) findings: Vec<Finding>,
}

/// What the journal's lock guards.
pub(super) struct State {
    queue: VecDeque<Batch>,
    /// The length of the queue at which the committer wants to be woken.
    awaited: usize,
    /// Next offset of each slot, queued records included.
    pub(super) next: Vec<Offset>,
    /// How far the groups have come, queued progress included.
    pub(super) progress: Progress,
    tail: Tail,
    pub(super) catalog: Catalog,
    /// Time of the newest record; the clock never goes back within a journal.
    newest: Timestamp,
    closing: bool,
    failed: Option<LogError>,
}

/// Records that become durable together.
pub(super) struct Batch {
    pub(super) records: Vec<Queued>,
    pub(super) progress: Vec<ProgressMade>,
    durable: oneshot::Sender<Result<(), LogError>>,
    _room: OwnedSemaphorePermit,
}

/// A numbered record on its way to the disk.
pub(super) struct Queued {
    pub(super) slot: Slot,
    pub(super) offset: Offset,
    pub(super) appended_at: Timestamp,
    pub(super) record: Encoded,
}

impl Batch {
    /// Whether somebody waits for it to be durable, who may then come again.
    pub(super) fn is_awaited(&self) -> bool {
        !self.durable.is_closed()
    }

    pub(super) fn payload_bytes(&self) -> usize {
        self.records
            .iter()
            .map(|queued| queued.record.payload.len())
            .sum()
    }
}

impl Journal {
    /// Opens the journal and returns what its committer continues from.
    pub(super) fn open(
        place: Place,
        options: Arc<Options>,
        failure: Failure,
    ) -> Result<(Arc<Self>, Resume), OpenError> {
        let slots = Slots::of(place.journal);
        let recovered = recovery::recover(&place, &slots)?;
        let Recovered {
            catalog,
            next,
            progress,
            newest,
            watermark,
            findings,
        } = recovered;
        let atomics = || next.iter().map(|offset| AtomicI64::new(*offset)).collect();
        let journal = Self {
            appended: atomics(),
            durable: atomics(),
            state: Mutex::new(State {
                queue: VecDeque::new(),
                awaited: 1,
                next: next.clone(),
                progress: progress.clone(),
                tail: Tail::new(slots.len(), options.tail_memory_bytes),
                catalog,
                newest,
                closing: false,
                failed: None,
            }),
            room: Arc::new(Semaphore::new((options.queue_bytes / 1024).max(1))),
            slots,
            place,
            options,
            shelf: Shelf::default(),
            work: Condvar::new(),
            appended_changed: watch::Sender::new(()),
            durable_changed: watch::Sender::new(()),
            failure,
            disk_bytes: AtomicU64::new(0),
        };
        journal.note_disk_bytes(&journal.state.lock());
        Ok((
            Arc::new(journal),
            Resume {
                watermark,
                next,
                progress,
                findings,
            },
        ))
    }

    /// The end of `slot` as `visibility` sees it.
    pub(super) fn end(&self, slot: Slot, visibility: Visibility) -> Offset {
        let ends = match visibility {
            Visibility::Durable => &self.durable,
            Visibility::Appended => &self.appended,
        };
        ends[slot].load(Ordering::Acquire)
    }

    /// Changes whenever an end of the given visibility moves.
    pub(super) fn watch(&self, visibility: Visibility) -> watch::Receiver<()> {
        match visibility {
            Visibility::Durable => self.durable_changed.subscribe(),
            Visibility::Appended => self.appended_changed.subscribe(),
        }
    }

    /// Waits for batches and takes about `max_bytes` of them; none once nothing has
    /// come for `pause`; `None` once the journal is closing and nothing is left.
    /// Those whom the last group answered usually come again at once: for up to
    /// `patience` the first of them waits for the `expected` number, so that they
    /// share a sync instead of taking two.
    pub(super) fn take(
        &self,
        max_bytes: usize,
        (expected, patience): (usize, Duration),
        pause: Option<Duration>,
    ) -> Option<Vec<Batch>> {
        let mut state = self.state.lock();
        while state.queue.is_empty() && !state.closing {
            let Some(pause) = pause else {
                self.work.wait(&mut state);
                continue;
            };
            if self.work.wait_for(&mut state, pause).timed_out() {
                return Some(Vec::new());
            }
        }
        if state.queue.len() < expected && !state.closing {
            state.awaited = expected;
            let until = Instant::now() + patience;
            while state.queue.len() < expected && !state.closing {
                if self.work.wait_until(&mut state, until).timed_out() {
                    break;
                }
            }
            state.awaited = 1;
        }
        let mut taken = Vec::new();
        let mut bytes = 0;
        while bytes < max_bytes
            && let Some(batch) = state.queue.pop_front()
        {
            bytes += batch.payload_bytes();
            taken.push(batch);
        }
        (!taken.is_empty()).then_some(taken)
    }

    /// Waits for `time`; true, and at once, where the journal closes.
    pub(super) fn closes_within(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.state.lock();
        while !state.closing && !self.work.wait_until(&mut state, until).timed_out() {}
        state.closing
    }

    /// Makes synced records visible and answers those who wait for them. `frames`
    /// lie in the active segment, which now ends at `end`.
    pub(super) fn settle(&self, batches: Vec<Batch>, frames: &[Frame], end: u64) {
        let slots = batches
            .iter()
            .flat_map(|batch| &batch.records)
            .map(|queued| queued.slot);
        let mut state = self.state.lock();
        for (slot, frame) in slots.zip(frames) {
            state.catalog.active.index.push(slot, frame);
            self.durable[slot].store(frame.offset + 1, Ordering::Release);
        }
        state.catalog.active.position = end;
        self.note_disk_bytes(&state);
        state
            .tail
            .trim(|slot| self.durable[slot].load(Ordering::Relaxed));
        drop(state);
        self.durable_changed.send_replace(());
        for batch in batches {
            // Whoever gave up waiting has no use for the answer.
            batch.durable.send(Ok(())).ok();
        }
    }

    /// Refuses everything from now on; what was not synced is not acknowledged.
    pub(super) fn fail(&self, batches: Vec<Batch>, error: LogError) {
        let mut state = self.state.lock();
        state.failed = Some(error.clone());
        let queued = std::mem::take(&mut state.queue);
        drop(state);
        self.room.close();
        for batch in batches.into_iter().chain(queued) {
            batch.durable.send(Err(error.clone())).ok();
        }
        self.failure.send_replace(Some(error));
        self.wake_readers();
    }

    /// Bytes of all segments up to the end of their content.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.disk_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn note_disk_bytes(&self, state: &State) {
        let bytes = state.catalog.bytes();
        self.disk_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Looks at the groups' progress; nobody commits meanwhile.
    pub(super) fn with_progress<T>(&self, look: impl FnOnce(&Progress) -> T) -> T {
        look(&self.state.lock().progress)
    }

    /// Records, bytes and durable offset ranges of a topic of this journal.
    pub(super) fn usage(&self, topic: Topic) -> TopicUsage {
        let mut usage = TopicUsage {
            topic: topic.name(),
            partitions: topic.partitions(),
            records: 0,
            bytes: Some(0),
            ranges: Vec::new(),
        };
        let of_topic = self.slots.iter().filter(|(_, known, _)| *known == topic);
        for (slot, ..) in of_topic {
            usage.ranges.push(self.range(slot, Visibility::Durable));
            let state = self.state.lock();
            for span in state.catalog.spans_of(slot) {
                usage.records += span.records;
                usage.bytes = usage.bytes.map(|bytes| bytes + span.bytes);
            }
        }
        usage
    }

    /// Lets the committer finish what is queued and end.
    pub(super) fn begin_close(&self) {
        self.state.lock().closing = true;
        self.room.close();
        self.work.notify_all();
        self.wake_readers();
    }

    fn wake_readers(&self) {
        self.appended_changed.send_replace(());
        self.durable_changed.send_replace(());
    }
}
