//! One process owns a log: an advisory lock that the kernel drops with it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::OpenError;

/// Holds the lock of a log's folder until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Makes the folder of a log where there is none. What agents send and people write is in it:
/// other accounts of the machine have no business there. One that is there stays as it is.
pub(super) fn make_private(dir: &Path) -> std::io::Result<()> {
    if let Some(around) = dir.parent() {
        std::fs::create_dir_all(around)?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(_) if dir.is_dir() => Ok(()),
        made => made,
    }
}

/// Takes the lock of `dir` or names the process that has it.
pub(super) fn acquire(dir: &Path) -> Result<Lock, OpenError> {
    let path = dir.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(OpenError::io(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(taken(dir, &mut file)),
        Err(TryLockError::Error(e)) => return Err(OpenError::io(&path)(e)),
    }
    write_pid(&mut file).map_err(OpenError::io(&path))?;
    Ok(Lock { _file: file })
}

fn taken(dir: &Path, file: &mut File) -> OpenError {
    let mut pid = String::new();
    // The pid is only for the message; a lock without one is just as taken.
    let pid = match file.read_to_string(&mut pid) {
        Ok(_) => pid.trim().parse().ok(),
        Err(_) => None,
    };
    OpenError::Locked {
        dir: dir.to_owned(),
        pid,
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}
