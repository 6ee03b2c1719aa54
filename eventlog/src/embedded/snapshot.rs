//! A copy of an open log, as of about now: every record that was acknowledged
//! before the call, none of which is half there.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use schemas::topic::Journal;

use super::watermark::{self, Watermark};
use super::{EmbeddedLog, identity, segment};

impl EmbeddedLog {
    /// Copies the log into `to`, which must not hold one, and returns the bytes
    /// copied. The main journal comes first: what it says of the others (how far
    /// they were read) is then never ahead of their copies.
    pub fn snapshot(&self, to: &Path) -> io::Result<u64> {
        std::fs::create_dir_all(to)?;
        let mut copied = 0;
        for name in Journal::ALL {
            let journal = self.journal(name);
            let target = to.join(name.name());
            std::fs::create_dir_all(&target)?;
            copied += copy_journal(&journal.place.dir, &target)?;
            super::disk::sync_dir(&target)?;
        }
        // Last, so that a folder with an identity is a whole copy.
        if let Some(root) = self.journal(Journal::Main).place.dir.parent() {
            std::fs::copy(identity::file(root), identity::file(to))?;
        }
        super::disk::sync_dir(to)?;
        Ok(copied)
    }
}

/// Copies the segments up to the watermark; the committer moves it after each sync
/// and before it acknowledges.
fn copy_journal(from: &Path, to: &Path) -> io::Result<u64> {
    let mark = watermark::peek(from)?;
    let mut copied = 0;
    for number in segment::numbers(from)?
        .into_iter()
        .filter(|number| *number <= mark.segment)
    {
        let source = match File::open(segment::path_of(from, number)) {
            // Retention has removed it meanwhile.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        let length = match number == mark.segment {
            true => mark.position,
            false => source.metadata()?.len(),
        };
        let mut target = File::create(segment::path_of(to, number))?;
        copied += io::copy(&mut source.take(length), &mut target)?;
        target.sync_all()?;
    }
    let (mut watermark, _) = Watermark::open(to)?;
    // Both turns, so that neither slot is one of an unwritten file.
    for _ in 0..2 {
        watermark.store(mark)?;
    }
    watermark.sync()?;
    Ok(copied)
}
