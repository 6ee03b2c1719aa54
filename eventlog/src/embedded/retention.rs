//! Removes what is kept no longer: never a record that a registered consumer has
//! not read, never from the segment being written.
//!
//! In `main`, where topics of every retention lie side by side, a sealed segment
//! is rewritten without the records of a retention class (1, 7, 30, 400 days) once
//! all of it is older than that: once per class at most. Elsewhere whole segments
//! are dropped, oldest first.

mod rewrite;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use schemas::time::Timestamp;
use schemas::topic::{self, Retention};

use super::catalog::Sealed;
use super::checkpoint::Progress;
use super::disk;
use super::journal::Journal;
use super::options::Consumers;
use super::pins::Pins;
use super::segment::FIRST_GROUP;
use super::sidecar;
use super::slots::Slot;
use crate::Offset;

const GROUP_PREFIX: &str = "group ";

/// What one run removed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Retained {
    pub segments_dropped: usize,
    pub segments_rewritten: usize,
    pub bytes_freed: u64,
}

impl Retained {
    fn add(&mut self, other: Self) {
        self.segments_dropped += other.segments_dropped;
        self.segments_rewritten += other.segments_rewritten;
        self.bytes_freed += other.bytes_freed;
    }
}

/// The name under which a group's start is pinned until it has committed.
pub(super) fn pin_of_group(group: &str) -> String {
    format!("{GROUP_PREFIX}{group}")
}

/// The names under which consumers are pinned.
pub(super) fn pins_of(consumers: &Consumers) -> BTreeSet<String> {
    let groups = consumers.groups.iter().map(|group| pin_of_group(group));
    groups.chain(consumers.pinned.iter().cloned()).collect()
}

/// Says for whom nothing is kept. Their place stays known, for a version that has them.
pub(super) fn tell_who_is_gone(main: &Journal, pins: &Pins) {
    let groups: Vec<_> = main.with_progress(|progress| progress.keys().cloned().collect());
    let mut known: BTreeSet<_> = groups.iter().map(|group| pin_of_group(group)).collect();
    known.extend(pins.consumers());
    for consumer in known.iter().filter(|known| !pins.waits_for(known)) {
        tracing::info!(
            consumer,
            "this version does not have it: the log keeps nothing for it any longer"
        );
    }
}

/// Applies retention to every journal. What fails, for want of room perhaps, keeps nothing
/// else from going. Returns what went, and the first failure.
pub(super) fn run(journals: &[Arc<Journal>], pins: &Pins) -> (Retained, io::Result<()>) {
    if let Err(e) = pins.save() {
        // They may be behind, and a disk that is full must not stay so for that.
        tracing::warn!("the consumers' pins were not saved: {e}");
    }
    let main = journals
        .iter()
        .find(|j| j.place.journal == topic::Journal::Main);
    let progress = main.map(|main| main.with_progress(Progress::clone));
    let mut progress = progress.unwrap_or_default();
    progress.retain(|group, _| pins.waits_for(&pin_of_group(group)));
    let (mut retained, mut outcome) = (Retained::default(), Ok(()));
    for journal in journals {
        let unread = |slot| unread(journal, slot, &progress, pins);
        let now = journal.options.clock.now();
        outcome = outcome.and(retain(journal, now, &unread, &mut retained));
    }
    (retained, outcome)
}

/// The least offset of a partition that some consumer still has to read.
fn unread(journal: &Journal, slot: Slot, progress: &Progress, pins: &Pins) -> Option<Offset> {
    let (topic, partition) = journal.slots.partition(slot);
    let key = (topic.name().to_owned(), partition);
    let committed = progress
        .values()
        .filter_map(|next| next.get(&key).copied())
        .min();
    let has_not_committed = |consumer: &str| {
        let group = consumer.strip_prefix(GROUP_PREFIX);
        !group.is_some_and(|group| {
            progress
                .get(group)
                .is_some_and(|next| next.contains_key(&key))
        })
    };
    let pinned = pins.least(topic, partition, has_not_committed);
    committed.into_iter().chain(pinned).min()
}

/// Applies retention to one journal. `unread` is the least offset of a partition
/// that some consumer still has to read.
fn retain(
    journal: &Arc<Journal>,
    now: Timestamp,
    unread: &dyn Fn(Slot) -> Option<Offset>,
    retained: &mut Retained,
) -> io::Result<()> {
    let sealed = left_for_good(journal);
    // A segment whose index is not on disk yet was sealed a moment ago.
    let settled = sealed.into_iter().filter(|sealed| sealed.index.is_none());
    let mut outcome = Ok(());
    if journal.place.journal == topic::Journal::Main {
        for sealed in settled {
            if let Some(days) = due_class(journal, &sealed, now, unread) {
                let rewritten = rewrite::rewrite(journal, &sealed, days);
                outcome = outcome.and(rewritten.map(|done| retained.add(done)));
            }
        }
    } else {
        let expired = |sealed: &Sealed| is_expired(journal, sealed, now, unread);
        for sealed in settled.take_while(expired) {
            drop_segment(journal, &sealed)?;
            retained.segments_dropped += 1;
            retained.bytes_freed += sealed.end;
        }
    }
    outcome
}

/// The sealed segments. Until something lies in the active one, the newest of them is what
/// a start would go on with, and tells it the offsets that come next.
fn left_for_good(journal: &Journal) -> Vec<Sealed> {
    let state = journal.state.lock();
    let mut sealed = state.catalog.sealed.clone();
    if state.catalog.active.position <= FIRST_GROUP {
        sealed.pop();
    }
    sealed
}

/// Removes a sealed segment from the catalog and the disk.
pub(super) fn drop_segment(journal: &Journal, sealed: &Sealed) -> io::Result<()> {
    let mut state = journal.state.lock();
    let kept = |known: &Sealed| known.header.incarnation != sealed.header.incarnation;
    state.catalog.sealed.retain(kept);
    journal.note_disk_bytes(&state);
    // Who appends does not wait for the disk.
    drop(state);
    std::fs::remove_file(&sealed.path)?;
    let index = sidecar::path_of(&journal.place.dir, sealed.header.number);
    match std::fs::remove_file(index) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => disk::sync_dir(&journal.place.dir),
    }
}

fn is_expired(
    journal: &Journal,
    sealed: &Sealed,
    now: Timestamp,
    unread: &dyn Fn(Slot) -> Option<Offset>,
) -> bool {
    sealed.spans.iter().all(|(slot, span)| {
        let (topic, _) = journal.slots.partition(*slot);
        let read = unread(*slot).is_none_or(|unread| span.last < unread);
        read && journal.options.retention(topic).expired(span.newest, now)
    })
}

/// The greatest class whose records are to be removed from the segment now.
fn due_class(
    journal: &Journal,
    sealed: &Sealed,
    now: Timestamp,
    unread: &dyn Fn(Slot) -> Option<Offset>,
) -> Option<u32> {
    let newest = sealed.spans.values().map(|span| span.newest).max()?;
    let mut due = None;
    for (slot, span) in sealed.spans.iter() {
        let (topic, _) = journal.slots.partition(*slot);
        let retention = journal.options.retention(topic);
        let Retention::Days(days) = retention else {
            continue;
        };
        if !retention.expired(newest, now) {
            continue;
        }
        if unread(*slot).is_some_and(|unread| span.last >= unread) {
            return None;
        }
        due = due.max(Some(u32::from(days)));
    }
    due
}
