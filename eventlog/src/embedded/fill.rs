//! Zeros ahead of the writer: a sync into blocks already written costs less than
//! one that grows the file, on many disks a tenth.
//!
//! The zeros go past the page cache in small pieces, and one sync ends them: with
//! a flush for each piece, or a megabyte at a time, the commits beside it wait
//! three times as long (docs/adr/0019).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::group::BLOCK;

const PIECE: usize = 64 << 10;
/// What a gentle piece leaves to others, in units of its own time.
const SHARE_OF_OTHERS: u32 = 2;
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// Writes that go past the page cache need memory at a block's boundary.
#[repr(align(4096))]
struct Zeros([u8; PIECE]);
static ZEROS: Zeros = Zeros([0; PIECE]);

/// How the filling goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As far as it has come is enough.
    Stop,
    /// Somebody commits meanwhile.
    Gently,
    AtOnce,
}

/// Fills `file`, which lies at `path`, from block 1 to `capacity`, asking for the
/// pace before each piece. Stopped early it leaves the sync to the first commit.
pub(super) fn fill(
    file: &File,
    path: &Path,
    capacity: u64,
    mut pace: impl FnMut() -> Pace,
) -> io::Result<()> {
    let mut unbuffered = None;
    let mut at = BLOCK;
    while at < capacity {
        let pace = pace();
        if pace == Pace::Stop {
            return Ok(());
        }
        if at == BLOCK {
            unbuffered = open_unbuffered(path);
            allot(file, capacity);
        }
        let begun = Instant::now();
        let piece = &ZEROS.0[..(capacity - at).min(PIECE as u64) as usize];
        if !written(unbuffered.as_ref(), piece, at) {
            file.write_all_at(piece, at)?;
            file.sync_data()?;
        }
        at += piece.len() as u64;
        if pace == Pace::Gently {
            std::thread::sleep((begun.elapsed() * SHARE_OF_OTHERS).min(LONGEST_PAUSE));
        }
    }
    file.sync_data()
}

/// False where the file system does not write this way, or not this piece.
fn written(file: Option<&File>, piece: &[u8], at: u64) -> bool {
    file.is_some_and(|file| file.write_all_at(piece, at).is_ok())
}

/// The file for writes past the page cache; `None` where there are none.
#[cfg(target_os = "linux")]
pub(super) fn open_unbuffered(path: &Path) -> Option<File> {
    use std::os::unix::fs::OpenOptionsExt;

    let mut options = std::fs::OpenOptions::new();
    let direct = nix::fcntl::OFlag::O_DIRECT.bits();
    options.write(true).custom_flags(direct).open(path).ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn open_unbuffered(_: &Path) -> Option<File> {
    None
}

/// Takes the blocks in one piece; where that cannot be had they come one by one.
#[cfg(target_os = "linux")]
fn allot(file: &File, capacity: u64) {
    use nix::fcntl::{FallocateFlags, fallocate};

    let length = i64::try_from(capacity).unwrap_or(i64::MAX);
    if let Err(e) = fallocate(file, FallocateFlags::empty(), 0, length) {
        tracing::debug!("a segment's blocks were not allotted at once: {e}");
    }
}

#[cfg(not(target_os = "linux"))]
fn allot(_: &File, _: u64) {}
