//! The embedded log: segment files on this machine, for one process. It has no
//! replication and no network protocol and never will; that is Kafka's.
//!
//! `DIR/log.json` is the log's identity, `DIR/lock` its lock; each journal has a
//! folder of segments with an index file beside each sealed one. An appended
//! record is numbered and visible in memory at once ([`journal`]); the journal's
//! [`committer`] writes what has queued up as one group and syncs it; [`recovery`]
//! opens a journal after whatever happened to it.

mod budget;
mod catalog;
mod checkpoint;
mod committer;
mod disk;
mod fetch;
mod fill;
mod finding;
mod frame;
mod group;
mod identity;
mod index;
mod journal;
mod lock;
mod member;
mod options;
mod payload;
mod pins;
mod prepare;
mod recovery;
mod retention;
mod scan;
mod seal;
mod segment;
mod shelf;
mod sidecar;
mod slots;
mod snapshot;
mod subscription;
mod tail;
mod upkeep;
mod verify;
mod watermark;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use parking_lot::Mutex;
use schemas::context::Context;
use schemas::ids::LogId;
use schemas::topic::{self, Topic};
use tokio::sync::watch;

use self::budget::{Budget, Room};
use self::committer::Committer;
use self::journal::{Durable, Failure, Journal};
use self::lock::Lock;
use self::member::{EmbeddedMember, Memberships};
use self::pins::Pins;
use self::slots::Slot;
use self::subscription::{Cursor, EmbeddedSubscription};
use self::upkeep::Upkeep;
use crate::{
    EventLog, Fetched, Group, LogError, Member, NewRecord, Offset, OffsetRange, Partition,
    Position, Start, Subscription, TopicUsage, Visibility,
};

pub use self::disk::{Disk, RealDisk, Space};
pub use self::finding::Finding;
pub use self::options::{Consumers, Options};
pub use self::retention::Retained;
pub use self::verify::{Verification, verify};

/// Why a log could not be opened; each names what to do or where to look.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the log in {dir} is in use by process {}", .pid.map_or("unknown".to_owned(), |pid| pid.to_string()))]
    Locked { dir: PathBuf, pid: Option<u32> },
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is damaged ({detail}); restore it from a backup of this log")]
    Identity { path: PathBuf, detail: String },
    #[error(
        "topic {topic} has {log} in the log and {program} in this program; partition counts never change"
    )]
    TopicChanged {
        topic: String,
        log: String,
        program: String,
    },
    #[error(
        "the log in {dir} has the topic {topic}, which this program does not know; run a newer version"
    )]
    UnknownTopic { dir: PathBuf, topic: String },
    #[error("{path} belongs to another log; move it away")]
    ForeignSegment { path: PathBuf },
}

impl OpenError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        |source| Self::Io { path, source }
    }
}

/// An open log and its committers.
pub struct EmbeddedLog {
    id: LogId,
    journals: Vec<Arc<Journal>>,
    memberships: Arc<Memberships>,
    budget: Budget,
    pins: Arc<Pins>,
    upkeep: Arc<Upkeep>,
    failure: Failure,
    findings: Vec<Finding>,
    running: Mutex<Option<Running>>,
}

/// What ends with [`EmbeddedLog::close`]: the threads first, then the lock.
struct Running {
    threads: Vec<JoinHandle<()>>,
    lock: Lock,
}

impl EmbeddedLog {
    /// Opens the log in `options.dir`, creating it where there is none. Blocks for
    /// as long as recovery takes: a scan of each journal's last segment.
    pub fn open(options: Options) -> Result<Arc<Self>, OpenError> {
        lock::make_private(&options.dir).map_err(OpenError::io(&options.dir))?;
        let lock = lock::acquire(&options.dir)?;
        let fresh = || LogId(Context::ambient(&options.clock).id());
        let id = identity::establish(&options.dir, fresh)?.log_id;
        let waited_for = options.consumers.as_ref().map(retention::pins_of);
        let pins = Arc::new(Pins::open(&options.dir, waited_for)?);
        let failure: Failure = Arc::new(watch::Sender::new(None));
        let options = Arc::new(options);
        let budget = Budget::new(options.disk_budget_bytes, Room::beside(&options));
        let (mut journals, mut threads, mut findings) = (Vec::new(), Vec::new(), Vec::new());
        for name in topic::Journal::ALL {
            finding::count_from_zero(name);
            let place = recovery::Place {
                dir: options.dir.join(name.name()),
                journal: name,
                log_id: id,
                first_capacity: options.first_segment_bytes(),
            };
            let (journal, mut resume) = Journal::open(place, options.clone(), failure.clone())?;
            findings.append(&mut resume.findings);
            let committer = Committer::new(journal.clone(), resume);
            let thread = std::thread::Builder::new().name(format!("log-{}", name.name()));
            let spawned = thread.spawn(move || committer.run());
            threads.push(spawned.map_err(OpenError::io(&options.dir))?);
            journals.push(journal);
        }
        let upkeep = Upkeep::new(journals.clone(), pins.clone());
        let retaining = upkeep.start(options.retention_interval);
        threads.push(retaining.map_err(OpenError::io(&options.dir))?);
        disk::sync_dir(&options.dir).map_err(OpenError::io(&options.dir))?;
        let log = Self {
            id,
            journals,
            memberships: Arc::default(),
            budget,
            pins,
            upkeep,
            failure,
            findings,
            running: Mutex::new(Some(Running { threads, lock })),
        };
        retention::tell_who_is_gone(log.journal(topic::Journal::Main), &log.pins);
        Ok(Arc::new(log))
    }

    /// The damage that opening found; also counted and logged as it was found.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Removes what is kept no longer and no consumer still has to read; also done
    /// each [`Options::retention_interval`].
    pub async fn retain(&self) -> Result<Retained, LogError> {
        let upkeep = self.upkeep.clone();
        let run = tokio::task::spawn_blocking(move || upkeep.run()).await;
        let result = run.map_err(|e| LogError::Unavailable(e.to_string()))?;
        result.map_err(|e| LogError::Unavailable(format!("retention: {e}")))
    }

    fn disk_bytes(&self) -> u64 {
        self.journals
            .iter()
            .map(|journal| journal.disk_bytes())
            .sum()
    }

    fn journal(&self, journal: topic::Journal) -> &Arc<Journal> {
        let found = self.journals.iter().find(|j| j.place.journal == journal);
        found.expect("every journal is opened with the log")
    }

    fn slot(&self, topic: Topic, partition: Partition) -> Result<(&Arc<Journal>, Slot), LogError> {
        let journal = self.journal(topic.journal());
        Ok((journal, journal.slots.slot(topic, partition)?))
    }

    fn cursor(&self, from: Position, visibility: Visibility) -> Result<Cursor, LogError> {
        let (journal, slot) = self.slot(from.topic, from.partition)?;
        Ok(Cursor {
            journal: journal.clone(),
            slot,
            next: from.offset,
            visibility,
            segment: 0,
        })
    }

    /// Numbers and queues the records, which must share a journal.
    async fn enqueue(
        &self,
        records: Vec<NewRecord>,
    ) -> Result<Option<(Vec<Position>, Durable)>, LogError> {
        let Some(first) = records.first() else {
            return Ok(None);
        };
        self.budget.admit(self.disk_bytes(), &records)?;
        let journal = self.journal(first.topic.journal());
        let staged = records.iter().map(|record| journal.stage(record));
        let staged = staged.collect::<Result<Vec<_>, _>>()?;
        drop(records);
        let room = journal.reserve(&staged).await?;
        let queued = journal.enqueue(staged, None, room, || Ok::<_, LogError>(()))?;
        Ok(Some(queued))
    }

    /// Where a member of `group` reads on in one partition.
    fn member_cursor(
        &self,
        group: &Group,
        topic: Topic,
        partition: Partition,
        committed: Option<Offset>,
    ) -> Result<Cursor, LogError> {
        // Only output to the same journal lies behind an unsynced cause.
        let visibility = match topic.journal() {
            topic::Journal::Main => group.visibility,
            _ => Visibility::Durable,
        };
        let (journal, slot) = self.slot(topic, partition)?;
        let range = journal.range(slot, visibility);
        let offset = committed.unwrap_or(match group.start {
            Start::Beginning => range.start,
            Start::Now => range.end,
        });
        let at = |offset| Position {
            topic,
            partition,
            offset,
        };
        if offset < range.start {
            // As happens to a group that a version of the program did not have for a while.
            let (group, position, begins) = (&group.name, at(offset), range.start);
            tracing::warn!(group, %position, begins, "retention removed records that were not read; going on at what is left");
        }
        self.cursor(at(offset.max(range.start)), visibility)
    }

    /// Lets the committers sync what was accepted and end; who waits for what is
    /// returned has seen the last of them and of the lock.
    fn stop(&self) -> impl FnOnce() + Send + 'static + use<> {
        self.journals
            .iter()
            .for_each(|journal| journal.begin_close());
        self.upkeep.stop();
        let running = self.running.lock().take();
        let pins = self.pins.clone();
        move || {
            let Some(Running { threads, lock }) = running else {
                return;
            };
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a thread of the log panicked");
                }
            }
            if let Err(e) = pins.save() {
                tracing::warn!("the consumers' pins were not saved: {e}");
            }
            drop(lock);
        }
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.stop()();
    }
}

#[async_trait]
impl EventLog for EmbeddedLog {
    fn id(&self) -> LogId {
        self.id
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        let Some((positions, durable)) = self.enqueue(records).await? else {
            return Ok(Vec::new());
        };
        match durable.await {
            Ok(result) => result.map(|()| positions),
            Err(_) => Err(LogError::Failed("the committer ended".to_owned())),
        }
    }

    async fn order(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        let ordered = self.enqueue(records).await?;
        Ok(ordered.map(|(positions, _)| positions).unwrap_or_default())
    }

    async fn range(
        &self,
        topic: Topic,
        partition: Partition,
        visibility: Visibility,
    ) -> Result<OffsetRange, LogError> {
        let (journal, slot) = self.slot(topic, partition)?;
        Ok(journal.range(slot, visibility))
    }

    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
        max_bytes: usize,
        visibility: Visibility,
    ) -> Result<Fetched, LogError> {
        let (journal, slot) = self.slot(topic, partition)?;
        journal.read(slot, from, max_bytes.max(1), visibility).await
    }

    async fn subscribe(
        &self,
        from: Vec<Position>,
        visibility: Visibility,
    ) -> Result<Box<dyn Subscription>, LogError> {
        let cursors = from.into_iter().map(|from| self.cursor(from, visibility));
        let cursors = cursors.collect::<Result<Vec<_>, _>>()?;
        Ok(Box::new(EmbeddedSubscription::new(cursors)))
    }

    async fn join(&self, group: Group) -> Result<Box<dyn Member>, LogError> {
        let main = self.journal(topic::Journal::Main);
        let (membership, committed) = main.with_progress(|progress| {
            let membership = self.memberships.join(&group.name);
            (
                membership,
                progress.get(&group.name).cloned().unwrap_or_default(),
            )
        });
        let mut cursors = Vec::new();
        let mut assigned = Vec::new();
        for topic in &group.topics {
            for partition in 0..topic.partitions() {
                let known = committed.get(&(topic.name().to_owned(), partition));
                cursors.push(self.member_cursor(&group, *topic, partition, known.copied())?);
                assigned.push((*topic, partition));
            }
        }
        let starts: Vec<_> = cursors.iter().map(Cursor::position).collect();
        self.pin(&retention::pin_of_group(&group.name), &starts)
            .await?;
        Ok(Box::new(EmbeddedMember {
            group: group.name,
            membership,
            memberships: self.memberships.clone(),
            main: main.clone(),
            subscription: EmbeddedSubscription::new(cursors),
            assigned: Some(assigned),
        }))
    }

    async fn usage(&self) -> Result<Vec<TopicUsage>, LogError> {
        let usage = |topic: Topic| self.journal(topic.journal()).usage(topic);
        Ok(Topic::all().map(usage).collect())
    }

    async fn pin(&self, consumer: &str, next: &[Position]) -> Result<(), LogError> {
        if !self.pins.set(consumer, next) {
            return Ok(());
        }
        let pins = self.pins.clone();
        let saved = tokio::task::spawn_blocking(move || pins.save()).await;
        let saved = saved.map_err(|e| LogError::Unavailable(e.to_string()))?;
        saved.map_err(|e| LogError::Unavailable(format!("pins: {e}")))
    }

    async fn failed(&self) -> LogError {
        let mut failure = self.failure.subscribe();
        loop {
            if let Some(error) = failure.borrow_and_update().clone() {
                return error;
            }
            if failure.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    async fn close(&self) -> Result<(), LogError> {
        let stopped = tokio::task::spawn_blocking(self.stop()).await;
        stopped.map_err(|e| LogError::Unavailable(e.to_string()))?;
        match &*self.failure.borrow() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}
