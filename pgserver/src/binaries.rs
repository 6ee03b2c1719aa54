//! Where the system keeps Postgres.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// A folder with `postgres`, `initdb` and `psql` of one version.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    folder: PathBuf,
    /// The major version, as `PG_VERSION` in a data folder has it.
    pub(crate) major: u32,
}

impl Binaries {
    pub(crate) fn find(given: Option<&Path>) -> anyhow::Result<Self> {
        let folder = match given {
            Some(folder) => folder.to_owned(),
            None => packaged().or_else(on_path).context(
                "no Postgres found: install it (Debian: apt-get install postgresql) or set DATABASE_URL",
            )?,
        };
        for name in ["postgres", "initdb", "psql"] {
            if !folder.join(name).is_file() {
                bail!(
                    "no `{name}` in {}: install Postgres or set DATABASE_URL",
                    folder.display()
                );
            }
        }
        let major = version(&folder.join("postgres"))?;
        Ok(Self { folder, major })
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    pub(crate) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    /// `psql`, `pg_dump` and the like.
    pub(crate) fn client(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Debian and Ubuntu: `/usr/lib/postgresql/<major>/bin`, the newest one.
fn packaged() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let numbered = versions.filter_map(|entry| {
        let major: u32 = entry.file_name().to_str()?.parse().ok()?;
        let folder = entry.path().join("bin");
        folder.join("postgres").is_file().then_some((major, folder))
    });
    numbered.max().map(|(_, folder)| folder)
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|folder| folder.join("postgres").is_file())
}

/// Reads `15` from `postgres (PostgreSQL) 15.18 (Debian ...)`.
fn version(postgres: &Path) -> anyhow::Result<u32> {
    let output = Command::new(postgres)
        .arg("--version")
        .output()
        .context("cannot run postgres")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let digits: String = text
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits
        .parse()
        .with_context(|| format!("cannot read a version from `{}`", text.trim()))
}
