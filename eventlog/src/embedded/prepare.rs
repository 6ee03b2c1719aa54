//! The next segment, filled with zeros while the current one is written: a sync
//! into blocks already written costs a tenth of one that grows the file.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::journal::Journal;
use super::recovery;
use super::segment::{Segment, SegmentHeader};

/// Segments grow by this factor up to the configured size, so that a small log
/// stays small.
const GROWTH: u64 = 4;
/// Groups of this size pay more for their bytes than for the file's growth, and
/// filling would take half of the disk's bandwidth.
const LARGE_GROUP: u64 = 512 << 10;

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
        let capacity = (current.capacity * GROWTH).min(limit.max(current.capacity));
        let place = journal.place.clone();
        let stop = enough.clone();
        let thread = std::thread::spawn(move || {
            let header = recovery::new_header(&place, current.number + 1, capacity);
            Segment::create(&place.dir, header, &stop)
        });
        Self { enough, thread }
    }
}
