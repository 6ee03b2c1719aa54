//! The two operations that durability hangs on, behind a trait, so that a test
//! can put a disk under the log that fails or lies.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

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

    /// How large the file system of `dir` is, and how much of it may still be written.
    fn space(&self, dir: &Path) -> io::Result<Space> {
        let told = nix::sys::statvfs::statvfs(dir)?;
        let block = told.fragment_size() as u64;
        Ok(Space {
            size: block.saturating_mul(told.blocks() as u64),
            free: block.saturating_mul(told.blocks_available() as u64),
        })
    }
}

/// Bytes of a file system.
#[derive(Debug, Clone, Copy)]
pub struct Space {
    pub size: u64,
    pub free: u64,
}

/// The machine's own disk: writes past the page cache, where the file system has such,
/// and `fdatasync`.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk {
    /// Writes through the page cache nevertheless.
    pub page_cache: bool,
}

impl Disk for RealDisk {
    fn unbuffered(&self) -> bool {
        !self.page_cache
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
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Replaces the file at `path` as a whole: readers and a crash see the old or the
/// new content, never a mixture.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let staged = path.with_extension("tmp");
    std::fs::write(&staged, content)?;
    File::open(&staged)?.sync_all()?;
    std::fs::rename(&staged, path)?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))
}
