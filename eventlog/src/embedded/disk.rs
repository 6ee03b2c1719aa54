//! The two operations that durability hangs on, behind a trait, so that a test
//! can put a disk under the log that fails or lies.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Writes and syncs of segment files.
pub trait Disk: Send + Sync + 'static {
    /// Writes all of `bytes` at `position` of `file`.
    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()>;

    /// Whether a file may be one that was opened past the page cache.
    fn unbuffered(&self) -> bool {
        false
    }

    /// Returns once everything written to `file` survives a power loss.
    fn sync(&self, file: &File) -> io::Result<()>;
}

/// The machine's own disk: buffered writes and `fdatasync`.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn unbuffered(&self) -> bool {
        true
    }

    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        file.write_all_at(bytes, position)
    }

    // On macOS the standard library issues F_FULLFSYNC here, because fsync
    // leaves the data in the drive's cache there.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &std::path::Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Replaces the file at `path` as a whole: readers and a crash see the old or the
/// new content, never a mixture.
pub(super) fn replace(path: &std::path::Path, content: &[u8]) -> io::Result<()> {
    let staged = path.with_extension("tmp");
    std::fs::write(&staged, content)?;
    File::open(&staged)?.sync_all()?;
    std::fs::rename(&staged, path)?;
    sync_dir(path.parent().unwrap_or(std::path::Path::new(".")))
}
