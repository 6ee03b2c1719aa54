//! Leaves a full segment: readers keep finding it, its index goes into a file and
//! its unused end back to the disk, off the committer's thread.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::catalog::{Active, Sealed};
use super::index::SegmentIndex;
use super::journal::Journal;
use super::segment::{FIRST_GROUP, Segment};
use super::sidecar;

/// The threads that write sidecars; one lives for a moment per segment.
#[derive(Default)]
pub(super) struct Sealing {
    threads: Vec<JoinHandle<()>>,
}

impl Sealing {
    /// Makes `next` the active segment of the catalog and seals `full`.
    pub(super) fn begin(
        &mut self,
        journal: &Arc<Journal>,
        full: &Arc<Segment>,
        next: Arc<Segment>,
    ) {
        self.threads.retain(|thread| !thread.is_finished());
        let sealed = swap(journal, full, next);
        let (journal, segment) = (journal.clone(), full.clone());
        let thread = std::thread::spawn(move || {
            if let Err(e) = finish(&journal, &segment, &sealed) {
                // The index stays in memory and the next start rebuilds the file.
                tracing::warn!(segment = ?segment.path, "the segment's index was not written: {e}");
            }
        });
        self.threads.push(thread);
    }

    pub(super) fn wait(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::warn!("a thread that wrote an index panicked");
            }
        }
    }
}

fn swap(journal: &Journal, full: &Segment, next: Arc<Segment>) -> Sealed {
    let mut state = journal.state.lock();
    let fresh = Active {
        segment: next,
        index: SegmentIndex::default(),
        position: FIRST_GROUP,
    };
    let old = std::mem::replace(&mut state.catalog.active, fresh);
    let sealed = Sealed {
        header: full.header,
        path: full.path.clone(),
        end: old.position,
        spans: Arc::new(old.index.spans().clone()),
        index: Some(Arc::new(old.index)),
    };
    state.catalog.sealed.push(sealed.clone());
    sealed
}

fn finish(journal: &Journal, segment: &Segment, sealed: &Sealed) -> io::Result<()> {
    let header = segment.header;
    let Some(index) = &sealed.index else {
        return Ok(());
    };
    let path = sidecar::path_of(&journal.place.dir, header.number);
    sidecar::write(&path, &journal.slots, header.incarnation, sealed.end, index)?;
    segment.file.set_len(sealed.end)?;
    segment.file.sync_all()?;
    let mut state = journal.state.lock();
    let known = state.catalog.sealed.iter_mut();
    for known in known.filter(|known| known.header.incarnation == header.incarnation) {
        known.index = None;
    }
    Ok(())
}
