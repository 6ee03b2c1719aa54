//! The ring on disk, so that a start reads only what is new.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use eventlog::Position;
use schemas::ids::LogId;
use serde::{Deserialize, Serialize};

use super::ring::Ring;

/// Why a snapshot was not used or not written. Each names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "{path} is of log {found}, but this is log {expected}; delete the file to read the keys anew"
    )]
    AnotherLog {
        path: PathBuf,
        found: LogId,
        expected: LogId,
    },
    #[error(
        "{path} is past the end of the log, which must have been cut or replaced; restore the log, or delete the file to read the keys anew"
    )]
    PastEnd { path: PathBuf },
}

/// What a ring holds of its records. One that was folded by a program that took less of
/// them is read anew: 1 since keys know their service account, 2 since they know when they
/// were made.
const SHAPE: u32 = 2;

#[derive(Serialize, Deserialize)]
struct File {
    #[serde(default)]
    shape: u32,
    log: LogId,
    ring: Ring,
}

/// Reads the snapshot at `path`; an empty ring where there is none, where the file is
/// not a whole snapshot (it is only a cache), or where it has another shape.
pub(super) fn load(path: &Path, log: LogId, ends: &[Position]) -> Result<Ring, SnapshotError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Ring::default()),
        Err(source) => return Err(io_error(path, source)),
    };
    let Ok(file) = serde_json::from_slice::<File>(&text) else {
        tracing::warn!(path = %path.display(), "the keyring's snapshot is damaged; reading all keys");
        return Ok(Ring::default());
    };
    if file.log != log {
        return Err(SnapshotError::AnotherLog {
            path: path.to_owned(),
            found: file.log,
            expected: log,
        });
    }
    let read = file.ring.positions();
    let past = |at: &Position| {
        let end = ends.iter().find(|end| end.partition == at.partition);
        end.is_none_or(|end| at.offset > end.offset)
    };
    if read.iter().any(past) {
        return Err(SnapshotError::PastEnd {
            path: path.to_owned(),
        });
    }
    if file.shape != SHAPE {
        tracing::info!(path = %path.display(), "the keyring's snapshot is of another version; reading all keys");
        return Ok(Ring::default());
    }
    Ok(file.ring)
}

/// Writes beside the old file, syncs, and renames over it.
pub(super) fn save(path: &Path, log: LogId, ring: &Ring) -> Result<(), SnapshotError> {
    let write = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let beside = path.with_extension("new");
        let mut file = fs::File::create(&beside)?;
        let snapshot = File {
            shape: SHAPE,
            log,
            ring: ring.clone(),
        };
        file.write_all(&serde_json::to_vec(&snapshot)?)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|source| io_error(path, source))
}

fn io_error(path: &Path, source: io::Error) -> SnapshotError {
    SnapshotError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::topic::Topic;
    use uuid::Uuid;

    const LOG: LogId = LogId(Uuid::from_u128(1));

    fn ends(offset: i64) -> Vec<Position> {
        let topic = Topic::IdentityKeys;
        (0..topic.partitions())
            .map(|partition| Position {
                topic,
                partition,
                offset,
            })
            .collect()
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/keyring.json");
        let mut ring = Ring::default();
        ring.advance(3, 17);
        save(&path, LOG, &ring).unwrap();
        assert_eq!(load(&path, LOG, &ends(17)).unwrap(), ring);
    }

    #[test]
    fn another_log_and_a_cut_log_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring.json");
        let mut ring = Ring::default();
        ring.advance(3, 17);
        save(&path, LOG, &ring).unwrap();
        let another = load(&path, LogId(Uuid::from_u128(2)), &ends(17));
        assert!(matches!(another, Err(SnapshotError::AnotherLog { .. })));
        let cut = load(&path, LOG, &ends(16));
        assert!(matches!(cut, Err(SnapshotError::PastEnd { .. })));
    }

    /// It knows keys that were made for a service account, and not for which.
    #[test]
    fn a_snapshot_of_an_earlier_version_is_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring.json");
        let key = serde_json::json!({
            "id": Uuid::nil(), "tenant": Uuid::nil(), "project": Uuid::nil(),
            "scopes": ["read"], "expires_at": null, "revoked": false,
        });
        let ring = serde_json::json!({"keys": {"00": key}, "hashes": {}, "next": {"3": 17}});
        let earlier = |log: LogId| serde_json::json!({"log": log, "ring": ring}).to_string();
        fs::write(&path, earlier(LOG)).unwrap();
        assert_eq!(load(&path, LOG, &ends(17)).unwrap(), Ring::default());
        // It was understood: what is wrong with it is still told.
        assert!(matches!(
            load(&path, LOG, &ends(16)),
            Err(SnapshotError::PastEnd { .. })
        ));
        fs::write(&path, earlier(LogId(Uuid::from_u128(2)))).unwrap();
        assert!(matches!(
            load(&path, LOG, &ends(17)),
            Err(SnapshotError::AnotherLog { .. })
        ));
    }

    #[test]
    fn a_damaged_snapshot_is_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring.json");
        fs::write(&path, b"{\"log\":").unwrap();
        assert_eq!(load(&path, LOG, &ends(0)).unwrap(), Ring::default());
    }
}
