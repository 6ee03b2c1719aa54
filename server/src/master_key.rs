//! The key that wraps every secret in the vault: from a file that the operator
//! names, or one that is made when the vault is new.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use projections::Db;
use projections::vault::{self, MasterKey};

use crate::config::Config;

/// Where the key lies unless the configuration says otherwise.
pub(crate) fn default_file(config: &Config) -> PathBuf {
    config.data_dir.join("keys").join("master.key")
}

/// The key in the configured file or the default one; None where none was made yet.
pub(crate) fn existing(config: &Config) -> anyhow::Result<Option<MasterKey>> {
    let default = default_file(config);
    match &config.master_key_file {
        Some(file) => read(file).map(Some),
        None if default.exists() => read(&default).map(Some),
        None => Ok(None),
    }
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
    create(&file)?;
    read(&file)
}

fn read(file: &Path) -> anyhow::Result<MasterKey> {
    let bytes = std::fs::read(file)
        .with_context(|| format!("cannot read master key {}", file.display()))?;
    let raw = match <[u8; 32]>::try_from(bytes.as_slice()) {
        Ok(raw) => raw,
        Err(_) => from_hex(&bytes).with_context(|| {
            format!(
                "{} holds neither 32 bytes nor 64 hex digits",
                file.display()
            )
        })?,
    };
    Ok(MasterKey::from_bytes(raw))
}

fn from_hex(bytes: &[u8]) -> anyhow::Result<[u8; 32]> {
    let text = std::str::from_utf8(bytes)?.trim();
    let mut raw = [0; 32];
    hex::decode_to_slice(text, &mut raw)?;
    Ok(raw)
}

fn create(file: &Path) -> anyhow::Result<()> {
    let Some(folder) = file.parent() else {
        bail!("{} has no folder", file.display())
    };
    std::fs::create_dir_all(folder)?;
    let key: [u8; 32] = schemas::context::random_bytes();
    let mut options = std::fs::File::options();
    let mut new = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    new.write_all(&key)?;
    new.sync_all()?;
    std::fs::File::open(folder)?.sync_all()?;
    tracing::info!(file = %file.display(), "made a master key; keep a copy apart from the backups");
    Ok(())
}
