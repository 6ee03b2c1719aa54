//! Sealed segments that somebody reads: open files with their indices, the least
//! recently used ones closed when their indices outgrow a limit.

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
        while weight > LIMIT && opened.len() > 1 {
            weight -= opened.remove(0).index.weight();
        }
    }
}

fn load(dir: &Path, slots: &Slots, sealed: &Sealed) -> io::Result<Option<Opened>> {
    let segment = match Segment::open(&sealed.path) {
        Ok(Some(segment)) => segment,
        Ok(None) => {
            return Err(io::Error::other(
                "both copies of the segment's header are damaged",
            ));
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
    sidecar::write(&path, slots, header.incarnation, end, &index)?;
    Ok(Arc::new(index))
}
