//! How a log is opened.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemas::context::Clock;
use schemas::topic::{Retention, Topic};

use super::disk::{Disk, RealDisk};

/// All who read the log in one version of the program, whether they run now or not.
#[derive(Debug, Default, Clone)]
pub struct Consumers {
    /// By the names under which they join.
    pub groups: BTreeSet<String>,
    /// By the names under which they tell how far they are.
    pub pinned: BTreeSet<String>,
}

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
    /// Bytes of segments at which appends are refused; commits of consumers pass,
    /// so leave some disk beside it.
    pub disk_budget_bytes: u64,
    /// Free space of its file system that the log leaves to others: there appends are
    /// refused too. None for a twentieth of it, 256 MiB to 2 GiB.
    pub disk_free_bytes: Option<u64>,
    /// Where a deployment keeps a topic longer or shorter than the registry says.
    pub retention: HashMap<Topic, Retention>,
    /// How often what is kept no longer is looked for.
    pub retention_interval: Duration,
    /// Who reads the log; retention waits for nobody else who once did, unless they come
    /// again. None: for everybody who was ever here.
    pub consumers: Option<Consumers>,
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
            disk_budget_bytes: 100 << 30,
            disk_free_bytes: None,
            retention: HashMap::new(),
            retention_interval: Duration::from_secs(600),
            consumers: None,
            clock: Clock::System,
            disk: Arc::new(RealDisk::default()),
        }
    }

    pub(super) fn retention(&self, topic: Topic) -> Retention {
        let own = self.retention.get(&topic).copied();
        own.unwrap_or_else(|| topic.retention())
    }

    pub(super) fn first_segment_bytes(&self) -> u64 {
        self.segment_bytes.min(4 << 20)
    }
}
