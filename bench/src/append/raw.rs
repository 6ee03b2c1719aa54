//! What the disk does without us.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use schemas::context::random_bytes;

use crate::latencies::Latencies;

const PIECE: usize = 1 << 20;

/// What the writes meet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    /// Blocks that hold zeros, synced: only data has to reach the disk.
    Written,
    /// A new file: each sync also commits its size to the file system's journal.
    Growing,
}

/// `count` writes of `bytes` one behind the other, each synced.
pub(super) fn synced_writes(
    path: &Path,
    bytes: usize,
    count: usize,
    file: File,
) -> std::io::Result<Latencies> {
    let mut target = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(path)?;
    if file == File::Written {
        target.write_all(&vec![0; bytes * count])?;
    }
    target.sync_all()?;
    let block = noise(bytes);
    let mut samples = Vec::with_capacity(count);
    for n in 0..count {
        let begun = Instant::now();
        target.write_all_at(&block, (n * bytes) as u64)?;
        target.sync_data()?;
        samples.push(begun.elapsed());
    }
    fs::remove_file(path)?;
    Ok(Latencies::of(samples))
}

/// A file of blocks that were written before, written and synced again one after
/// the other.
pub(crate) struct SyncedFile {
    file: fs::File,
    block: Vec<u8>,
    written: u64,
}

impl SyncedFile {
    /// With room for `count` writes of up to `bytes`.
    pub(crate) fn create(path: &Path, bytes: usize, count: usize) -> std::io::Result<Self> {
        let mut file = fs::File::create(path)?;
        file.write_all(&vec![0; bytes * count])?;
        file.sync_all()?;
        Ok(Self {
            file,
            block: noise(bytes),
            written: 0,
        })
    }

    /// How long `bytes` take to be durable.
    pub(crate) fn write(&mut self, bytes: usize) -> std::io::Result<Duration> {
        let block = &self.block[..bytes.min(self.block.len())];
        let begun = Instant::now();
        self.file.write_all_at(block, self.written)?;
        self.file.sync_data()?;
        self.written += block.len() as u64;
        Ok(begun.elapsed())
    }
}

/// Megabytes a second of writing `bytes` to a new file and syncing it once.
pub(super) fn stream(path: &Path, bytes: usize) -> std::io::Result<f64> {
    let mut target = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(path)?;
    let piece = noise(PIECE);
    let begun = Instant::now();
    for _ in 0..bytes / PIECE {
        target.write_all(&piece)?;
    }
    target.sync_data()?;
    let took = begun.elapsed().as_secs_f64();
    fs::remove_file(path)?;
    Ok((bytes / PIECE * PIECE) as f64 / 1e6 / took)
}

/// Bytes that do not compress.
pub(super) fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = Vec::with_capacity(bytes + 64);
    while noise.len() < bytes {
        noise.extend_from_slice(&random_bytes::<64>());
    }
    noise.truncate(bytes);
    noise
}
