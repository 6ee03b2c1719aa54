//! One data folder: created once, never of another version.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use nix::unistd::Pid;

use crate::account::Account;
use crate::binaries::Binaries;
use crate::{SUPERUSER, alive};

#[derive(Debug)]
pub(crate) struct Cluster {
    data: PathBuf,
}

impl Cluster {
    /// Opens the cluster that belongs to `folder`, running `initdb` for a new one.
    pub(crate) async fn open(
        folder: &Path,
        binaries: &Binaries,
        account: &Account,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let folder = folder.canonicalize()?;
        let data = account.reachable(&folder);
        if !data.starts_with(&folder) {
            tracing::info!(data = %data.display(), "the data folder is out of Postgres' reach");
        }
        let cluster = Self { data };
        match std::fs::read_to_string(cluster.data.join("PG_VERSION")) {
            Ok(found) => cluster.check_version(found.trim(), binaries)?,
            Err(_) => cluster.create(binaries, account).await?,
        }
        Ok(cluster)
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The postmaster that already serves this folder.
    pub(crate) fn running(&self) -> Option<Pid> {
        let file = std::fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        let pid = Pid::from_raw(file.lines().next()?.trim().parse().ok()?);
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let serves = String::from_utf8_lossy(&command).contains(self.data.to_str()?);
        (alive(pid) && serves).then_some(pid)
    }

    fn check_version(&self, found: &str, binaries: &Binaries) -> anyhow::Result<()> {
        ensure!(
            found == binaries.major.to_string(),
            "{} was made by Postgres {found}, but Postgres {} is installed; dump it with the old \
             version (/usr/lib/postgresql/{found}/bin/pg_dumpall) and restore it into an empty folder",
            self.data.display(),
            binaries.major,
        );
        Ok(())
    }

    async fn create(&self, binaries: &Binaries, account: &Account) -> anyhow::Result<()> {
        if let Some(parent) = self.data.parent() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(parent)?;
        }
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.data)?;
        account.give(&self.data)?;
        let mut command = account.command(&binaries.initdb());
        command
            .arg("-D")
            .arg(&self.data)
            .args(["-U", SUPERUSER, "-E", "UTF8", "--locale=C"]);
        // Only the owner of the private socket folder can connect at all.
        command
            .args(["--auth=trust", "--data-checksums"])
            .current_dir("/");
        let output = command.output().await.context("cannot run initdb")?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!(
                "initdb failed in {}: {}",
                self.data.display(),
                errors.trim()
            );
        }
        Ok(())
    }
}

/// The postmaster writes `ready` as the eighth line of its pid file.
pub(crate) fn ready(data: &Path) -> bool {
    let file = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    file.lines()
        .nth(7)
        .is_some_and(|status| status.trim() == "ready")
}

pub(crate) fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
