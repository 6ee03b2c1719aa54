//! How a log is opened.

use std::path::PathBuf;
use std::sync::Arc;

use schemas::context::Clock;

use super::disk::{Disk, RealDisk};

/// Where the log lies and what it may use.
#[derive(Clone)]
pub struct Options {
    pub dir: PathBuf,
    /// Size that segment files grow to; the first of a journal is smaller.
    pub segment_bytes: u64,
    /// Bytes of the newest records kept in memory, for each journal.
    pub tail_memory_bytes: usize,
    /// Bytes of records that may wait for a sync, for each journal.
    pub queue_bytes: usize,
    /// Largest record: key, headers and body.
    pub max_record_bytes: usize,
    pub clock: Clock,
    /// What writes and syncs; tests put one here that fails or lies.
    pub disk: Arc<dyn Disk>,
}

impl Options {
    /// The defaults of a server, for a log in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: 64 << 20,
            tail_memory_bytes: 8 << 20,
            queue_bytes: 32 << 20,
            max_record_bytes: 8 << 20,
            clock: Clock::System,
            disk: Arc::new(RealDisk),
        }
    }

    pub(super) fn first_segment_bytes(&self) -> u64 {
        self.segment_bytes.min(4 << 20)
    }
}
