//! Sealed segments that somebody reads: open files with their indices, the least
//! recently used ones closed when there are too many, or their indices outgrow a limit.

use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::catalog::Sealed;
use super::index::SegmentIndex;
use super::recovery;
use super::segment::Segment;
use super::sidecar;
use super::slots::Slots;

/// Bytes of indices held for one journal.
const LIMIT: usize = 8 << 20;
/// Files held open for it. Of large records a segment has few, and a small index.
const FILES: usize = 64;

/// A sealed segment, open for reading.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) segment: Segment,
    pub(super) index: Arc<SegmentIndex>,
}

/// The most recently used last.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    opened: Mutex<Vec<Arc<Opened>>>,
}

impl Shelf {
    /// Opens `sealed`; `None` where retention has removed or rewritten the file
    /// since, so that the reader looks again.
    pub(super) fn open(
        &self,
        dir: &Path,
        slots: &Slots,
        sealed: &Sealed,
    ) -> io::Result<Option<Arc<Opened>>> {
        if let Some(known) = self.take(sealed) {
            self.put(known.clone());
            return Ok(Some(known));
        }
        let opened = load(dir, slots, sealed)?.map(Arc::new);
        if let Some(opened) = &opened {
            self.put(opened.clone());
        }
        Ok(opened)
    }

    fn take(&self, sealed: &Sealed) -> Option<Arc<Opened>> {
        let mut opened = self.opened.lock();
        let at = opened
            .iter()
            .position(|known| known.segment.header.incarnation == sealed.header.incarnation)?;
        Some(opened.remove(at))
    }

    fn put(&self, newest: Arc<Opened>) {
        let mut opened = self.opened.lock();
        opened.push(newest);
        let mut weight: usize = opened.iter().map(|known| known.index.weight()).sum();
        while opened.len() > FILES || weight > LIMIT && opened.len() > 1 {
            weight -= opened.remove(0).index.weight();
        }
    }
}

fn load(dir: &Path, slots: &Slots, sealed: &Sealed) -> io::Result<Option<Opened>> {
    let segment = match Segment::open(&sealed.path) {
        Ok(Some(segment)) => segment,
        Ok(None) => {
            let damaged = "both copies of the segment's header are damaged";
            return Err(io::Error::new(io::ErrorKind::InvalidData, damaged));
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    if segment.header.incarnation != sealed.header.incarnation {
        return Ok(None);
    }
    let index = match &sealed.index {
        Some(index) => index.clone(),
        None => stored_index(dir, slots, &segment)?,
    };
    Ok(Some(Opened { segment, index }))
}

fn stored_index(dir: &Path, slots: &Slots, segment: &Segment) -> io::Result<Arc<SegmentIndex>> {
    let header = segment.header;
    let path = sidecar::path_of(dir, header.number);
    if let Some((head, index)) = sidecar::read(&path, slots)?
        && head.incarnation == header.incarnation
    {
        return Ok(Arc::new(index));
    }
    tracing::warn!(?path, "rebuilding the index of a segment");
    let (index, end) = recovery::rebuild_index(segment, slots)?;
    if let Err(e) = sidecar::write(&path, slots, header.incarnation, end, &index) {
        tracing::warn!(?path, "the segment's index was not written: {e}");
    }
    Ok(Arc::new(index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::fill::Pace;
    use crate::embedded::segment::{FIRST_GROUP, SegmentHeader};
    use schemas::ids::LogId;
    use schemas::topic::Journal;
    use uuid::Uuid;

    #[test]
    fn few_files_stay_open_however_small_their_indices_are() {
        let dir = tempfile::tempdir().unwrap();
        let (shelf, slots) = (Shelf::default(), Slots::of(Journal::Webhooks));
        for number in 1..=FILES as u64 + 3 {
            let header = SegmentHeader {
                number,
                incarnation: number,
                log_id: LogId(Uuid::nil()),
                journal: Journal::Webhooks,
                capacity: 0,
            };
            let segment = Segment::create(dir.path(), header, || Pace::Stop).unwrap();
            let sealed = Sealed {
                header,
                path: segment.path.clone(),
                end: FIRST_GROUP,
                spans: Arc::default(),
                index: Some(Arc::default()),
            };
            assert!(shelf.open(dir.path(), &slots, &sealed).unwrap().is_some());
        }
        let opened = shelf.opened.lock();
        assert_eq!(opened.len(), FILES);
        assert_eq!(opened[0].segment.header.number, 4, "the oldest were closed");
    }
}
