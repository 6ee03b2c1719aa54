//! Removes what is kept no longer: never a record that a registered consumer has
//! not read, never from the segment being written.
//!
//! In `main`, where topics of every retention lie side by side, a sealed segment
//! is rewritten without the records of a retention class (1, 7, 30, 400 days) once
//! all of it is older than that: once per class at most. Elsewhere whole segments
//! are dropped, oldest first.

mod rewrite;

use std::io;
use std::sync::Arc;

use schemas::time::Timestamp;
use schemas::topic::{self, Retention};

use super::catalog::Sealed;
use super::checkpoint::Progress;
use super::disk;
use super::journal::Journal;
use super::pins::Pins;
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

/// Applies retention to every journal.
pub(super) fn run(journals: &[Arc<Journal>], pins: &Pins) -> io::Result<Retained> {
    pins.save()?;
    let main = journals
        .iter()
        .find(|j| j.place.journal == topic::Journal::Main);
    let progress = main.map(|main| main.with_progress(Progress::clone));
    let progress = progress.unwrap_or_default();
    let mut retained = Retained::default();
    for journal in journals {
        let unread = |slot| unread(journal, slot, &progress, pins);
        retained.add(retain(journal, journal.options.clock.now(), &unread)?);
    }
    Ok(retained)
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
) -> io::Result<Retained> {
    let sealed = journal.state.lock().catalog.sealed.clone();
    // A segment whose index is not on disk yet was sealed a moment ago.
    let settled = sealed.into_iter().filter(|sealed| sealed.index.is_none());
    let mut retained = Retained::default();
    if journal.place.journal == topic::Journal::Main {
        for sealed in settled {
            if let Some(days) = due_class(journal, &sealed, now, unread) {
                retained.add(rewrite::rewrite(journal, &sealed, days)?);
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
    Ok(retained)
}

/// Removes a sealed segment from the catalog and the disk.
pub(super) fn drop_segment(journal: &Journal, sealed: &Sealed) -> io::Result<()> {
    let mut state = journal.state.lock();
    let kept = |known: &Sealed| known.header.incarnation != sealed.header.incarnation;
    state.catalog.sealed.retain(kept);
    journal.note_disk_bytes(&state);
    std::fs::remove_file(&sealed.path)?;
    drop(state);
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
