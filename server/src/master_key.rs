//! The key that wraps every secret in the vault: from a file that the operator
//! names, or one that is made when the vault is new.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail, ensure};
use projections::Db;
use projections::vault::rotation;
use projections::vault::{self, MasterKey};
use zeroize::Zeroizing;

use crate::config::{BadSetting, Config};

/// Where the key lies unless the configuration says otherwise.
pub(crate) fn default_file(config: &Config) -> PathBuf {
    config.data_dir.join("keys").join("master.key")
}

/// The key in the configured file or the default one; None where none was made yet.
pub(crate) fn existing(config: &Config) -> anyhow::Result<Option<MasterKey>> {
    let file = KeyFile::of(config);
    match file.ours && !file.path.exists() {
        true => Ok(None),
        false => {
            let key = read(&file.path).map_err(|error| file.refused(error))?;
            warn_of_readers(&file.path);
            Ok(Some(MasterKey::from_bytes(*key)))
        }
    }
}

/// Whoever can read the file can read every secret that the database holds.
fn warn_of_readers(file: &Path) {
    if let Some(mode) = mode_for_others(file) {
        let file = file.display();
        tracing::warn!(
            mode,
            "others of this machine can read the master key: chmod 600 {file}"
        );
    }
}

/// The mode of a file that not only its owner may open.
fn mode_for_others(file: &Path) -> Option<String> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| format!("{mode:04o}"))
}

/// Makes a key (mode 0600) for a vault that holds nothing yet; one that holds
/// secrets can only be opened with the key that it began with.
pub(crate) async fn make(config: &Config, db: &Db) -> anyhow::Result<MasterKey> {
    let file = default_file(config);
    ensure!(
        vault::is_empty(db).await?,
        "the vault holds secrets, but {} is missing: put its master key there or name it \
         in SRE_COPILOT_MASTER_KEY_FILE",
        file.display()
    );
    create_whole(&file, &schemas::context::random_bytes())?;
    tracing::info!(file = %file.display(), "made a master key; keep a copy apart from the backups");
    Ok(MasterKey::from_bytes(*read(&file)?))
}

/// The file that this process has its master key from.
#[derive(Debug)]
pub(crate) struct KeyFile {
    path: PathBuf,
    /// It was made by us, so we exchange it.
    ours: bool,
    /// The operator was told to exchange it.
    told: AtomicBool,
}

impl KeyFile {
    pub(crate) fn of(config: &Config) -> Self {
        let named = config.master_key_file.clone();
        Self {
            ours: named.is_none(),
            path: named.unwrap_or_else(|| default_file(config)),
            told: AtomicBool::new(false),
        }
    }

    /// One that the operator has named is a setting.
    fn refused(&self, error: anyhow::Error) -> anyhow::Error {
        if self.ours {
            return error;
        }
        let refused = BadSetting {
            setting: "master_key_file",
            value: self.path.display().to_string(),
            expected: format!("{error:#}"),
        };
        refused.into()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.ours
    }

    /// The old key stays beside the new one, for backups from before.
    fn exchange(&self, key: &[u8; 32]) -> anyhow::Result<()> {
        let old = self.path.with_extension("key.old");
        let new = self.path.with_extension("key.new");
        for leftover in [&old, &new] {
            if leftover.exists() {
                std::fs::remove_file(leftover)?;
            }
        }
        std::fs::hard_link(&self.path, &old)?;
        create(&new, key)?;
        std::fs::rename(&new, &self.path)?;
        sync_folder(&self.path)?;
        tracing::info!(
            file = %self.path.display(), old = %old.display(),
            "the master key was exchanged; the old one opens backups from before"
        );
        Ok(())
    }
}

impl rotation::KeyFile for KeyFile {
    fn starting(&self) -> Option<[u8; 32]> {
        read(&self.path).ok().map(|key| *key)
    }

    fn keep(&self, key: &[u8; 32]) {
        let (file, again) = (self.path.display(), self.told.swap(true, Ordering::Relaxed));
        if self.ours {
            if let Err(error) = self.exchange(key) {
                tracing::error!(%file, "the new master key cannot be written: {error:#}");
            }
        } else if !again {
            tracing::warn!(%file, "put the new master key there: the old one is about to end");
        }
    }
}

/// 32 bytes, or 64 hex digits.
pub(crate) fn read(file: &Path) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let bytes = std::fs::read(file)
        .with_context(|| format!("cannot read master key {}", file.display()))?;
    let bytes = Zeroizing::new(bytes);
    let raw = match <[u8; 32]>::try_from(bytes.as_slice()) {
        Ok(raw) => raw,
        Err(_) => from_hex(&bytes).with_context(|| {
            format!(
                "{} holds neither 32 bytes nor 64 hex digits",
                file.display()
            )
        })?,
    };
    Ok(Zeroizing::new(raw))
}

fn from_hex(bytes: &[u8]) -> anyhow::Result<[u8; 32]> {
    let text = std::str::from_utf8(bytes)?.trim();
    let mut raw = [0; 32];
    hex::decode_to_slice(text, &mut raw)?;
    Ok(raw)
}

/// Makes a file for the owner alone, whole or not at all: half of a key would be taken for a
/// wrong one ever after. Replaces none.
fn create_whole(file: &Path, key: &[u8; 32]) -> anyhow::Result<()> {
    let draft = file.with_extension("key.new");
    if draft.exists() {
        std::fs::remove_file(&draft)?;
    }
    create(&draft, key)?;
    match std::fs::hard_link(&draft, file) {
        Ok(()) => std::fs::remove_file(&draft)?,
        // Not every file system has links, and nobody else makes a key there.
        Err(_) if !file.exists() => std::fs::rename(&draft, file)?,
        Err(exists) => {
            std::fs::remove_file(&draft)?;
            return Err(exists).with_context(|| format!("cannot make {}", file.display()));
        }
    }
    sync_folder(file)
}

/// The same, not at once.
fn create(file: &Path, key: &[u8; 32]) -> anyhow::Result<()> {
    let Some(folder) = file.parent() else {
        bail!("{} has no folder", file.display())
    };
    std::fs::create_dir_all(folder)?;
    let mut options = std::fs::File::options();
    let mut new = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    new.write_all(key)?;
    new.sync_all()?;
    sync_folder(file)
}

fn sync_folder(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().context("a file lies in a folder")?;
    Ok(std::fs::File::open(folder)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_whole_and_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        // As a power cut leaves it.
        std::fs::write(folder.path().join("master.key.new"), "half").unwrap();
        create_whole(&file, &[7; 32]).unwrap();
        assert!(create_whole(&file, &[8; 32]).is_err());
        assert!(!folder.path().join("master.key.new").exists());
        assert_eq!(*read(&file).unwrap(), [7; 32]);
        assert_eq!(mode_for_others(&file), None);
    }

    #[test]
    fn a_key_that_others_can_read_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys").join("master.key");
        create(&file, &[7; 32]).unwrap();
        assert_eq!(mode_for_others(&file), None, "as we make it");
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&file, open).unwrap();
        assert_eq!(mode_for_others(&file).as_deref(), Some("0644"));
    }
}
