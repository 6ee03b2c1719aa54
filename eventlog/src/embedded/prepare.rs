//! The next segment, filled with zeros while the current one is written.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::fill::Pace;
use super::journal::Journal;
use super::recovery;
use super::segment::{Segment, SegmentHeader};

/// Segments grow by this factor up to the configured size, so that a small log
/// stays small.
const GROWTH: u64 = 4;
/// Groups of this size pay more for their bytes than for the file's growth, and
/// filling would take half of the disk's bandwidth.
const LARGE_GROUP: u64 = 512 << 10;
/// A journal that has committed nothing for this long rests.
pub(super) const REST: Duration = Duration::from_millis(5);

/// A segment in the making.
pub(super) struct Preparation {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Segment>>,
}

impl Preparation {
    /// Starts on the segment after `current`.
    pub(super) fn begin(journal: &Arc<Journal>, current: SegmentHeader, mean_group: u64) -> Self {
        Self::start(journal, current, mean_group >= LARGE_GROUP)
    }

    /// A segment that is needed at once.
    pub(super) fn hasty(journal: &Arc<Journal>, current: SegmentHeader) -> Self {
        Self::start(journal, current, true)
    }

    /// Takes the segment as far as it has been filled.
    pub(super) fn finish(self) -> io::Result<Segment> {
        self.enough.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| {
            Err(io::Error::other(
                "the thread that prepares segments panicked",
            ))
        })
    }

    fn start(journal: &Arc<Journal>, current: SegmentHeader, enough: bool) -> Self {
        let enough = Arc::new(AtomicBool::new(enough));
        let limit = journal.options.segment_bytes;
        // One that retention has rewritten has none.
        let grown = current.capacity.max(journal.options.first_segment_bytes()) * GROWTH;
        let capacity = grown.min(limit.max(current.capacity));
        let journal = journal.clone();
        let stop = enough.clone();
        let thread = std::thread::spawn(move || {
            let place = &journal.place;
            let header = recovery::new_header(place, current.number + 1, capacity);
            let mut traffic = Traffic::of(&journal);
            Segment::create(&place.dir, header, || traffic.pace(&stop))
        });
        Self { enough, thread }
    }
}

/// What the committer does meanwhile.
struct Traffic<'a> {
    journal: &'a Journal,
    /// Size of the journal when it last grew, and when that was seen.
    bytes: u64,
    grown: Instant,
}

impl<'a> Traffic<'a> {
    fn of(journal: &'a Journal) -> Self {
        Self {
            journal,
            bytes: journal.disk_bytes(),
            grown: Instant::now(),
        }
    }

    fn pace(&mut self, enough: &AtomicBool) -> Pace {
        if enough.load(Ordering::Relaxed) {
            return Pace::Stop;
        }
        let bytes = self.journal.disk_bytes();
        if bytes != self.bytes {
            (self.bytes, self.grown) = (bytes, Instant::now());
        }
        match self.grown.elapsed() < REST {
            true => Pace::Gently,
            false => Pace::AtOnce,
        }
    }
}
