//! Disks that acknowledge too early: the controls.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use eventlog::embedded::Disk;

/// Says "synced" without syncing.
pub(crate) struct NeverSyncs;

impl Disk for NeverSyncs {
    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        file.write_all_at(bytes, position)
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        Ok(())
    }
}

/// Says "synced" while the bytes are in the process's own memory, and hands them
/// to the kernel every so many syncs.
#[derive(Default)]
pub(crate) struct KeepsInMemory {
    held: Mutex<Vec<(File, Vec<u8>, u64)>>,
    syncs: AtomicU64,
}

impl Disk for KeepsInMemory {
    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        let write = (file.try_clone()?, bytes.to_vec(), position);
        self.held.lock().unwrap().push(write);
        Ok(())
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        if self.syncs.fetch_add(1, Ordering::Relaxed) % 32 == 31 {
            for (file, bytes, position) in self.held.lock().unwrap().drain(..) {
                file.write_all_at(&bytes, position)?;
            }
        }
        Ok(())
    }
}
