//! One data folder: created once, never of another version.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use nix::libc::O_NOFOLLOW;
use nix::unistd::Pid;

use crate::SUPERUSER;
use crate::account::Account;
use crate::binaries::Binaries;

/// Where the postmaster of a data folder says that it serves it.
pub(crate) const PID_FILE: &str = "postmaster.pid";

/// Makes `data` usable, running `initdb` for a new one.
pub(crate) async fn prepare(
    data: &Path,
    binaries: &Binaries,
    account: &Account,
) -> anyhow::Result<()> {
    let file = data.join("PG_VERSION");
    match std::fs::read_to_string(&file) {
        Ok(found) => check_version(data, found.trim(), binaries),
        Err(error) if error.kind() == ErrorKind::NotFound => create(data, binaries, account).await,
        // A cluster may well be there.
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

fn check_version(data: &Path, found: &str, binaries: &Binaries) -> anyhow::Result<()> {
    ensure!(
        found == binaries.major.to_string(),
        "{} was made by Postgres {found}, but Postgres {} is installed; dump it with the old \
         version (/usr/lib/postgresql/{found}/bin/pg_dumpall) and restore it into an empty folder",
        data.display(),
        binaries.major,
    );
    Ok(())
}

/// Made beside its place and moved there whole: a folder with a `PG_VERSION` is one
/// whose `initdb` came to its end.
async fn create(data: &Path, binaries: &Binaries, account: &Account) -> anyhow::Result<()> {
    let parent = data
        .parent()
        .context("a cluster needs a folder around it")?;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(parent)?;
    let making = data.with_extension("making");
    remove(&making)?;
    std::fs::DirBuilder::new().mode(0o700).create(&making)?;
    account.give(&making)?;
    let mut command = account.command(&binaries.initdb());
    command
        .arg("-D")
        .arg(&making)
        .args(["-U", SUPERUSER, "-E", "UTF8", "--locale=C"]);
    // Only the owner of the private socket folder can connect at all.
    command
        .args(["--auth=trust", "--data-checksums"])
        .current_dir("/");
    let output = command.output().await.context("cannot run initdb")?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("initdb failed in {}: {}", making.display(), errors.trim());
    }
    std::fs::rename(&making, data)
        .with_context(|| format!("cannot move the new cluster to {}", data.display()))?;
    std::fs::File::open(parent)?.sync_all()?;
    Ok(())
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// The postmaster writes its pid first and `ready` as the eighth line of its pid
/// file. One that ended without power has left such a file behind.
pub(crate) fn ready(data: &Path, postmaster: Pid) -> bool {
    let file = std::fs::read_to_string(data.join(PID_FILE)).unwrap_or_default();
    let line = |n| file.lines().nth(n).map(str::trim);
    line(0) == Some(&*postmaster.to_string()) && line(7) == Some("ready")
}

/// Keeps a log of more than `limit` bytes from growing for ever: what is in it goes beside it,
/// in the place of what was there. The folder is another account's where we are root, so that
/// no link in it is followed.
pub(crate) fn bound_log(log: &Path, limit: u64) -> std::io::Result<()> {
    let mut options = File::options();
    options.read(true).write(true).custom_flags(O_NOFOLLOW);
    let mut log_file = match options.open(log) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    if log_file.metadata()?.len() <= limit {
        return Ok(());
    }
    let kept = copy_anew(&mut log_file, &log.with_extension("log.old"));
    // Emptied and not moved: a running Postgres has it open, and writes on at its end.
    log_file.set_len(0)?;
    kept
}

fn copy_anew(from: &mut File, to: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(to) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut copy = File::options().write(true).create_new(true).open(to)?;
    std::io::copy(from, &mut copy).map(drop)
}

pub(crate) fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_is_emptied_and_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("postmaster.log");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        bound_log(&log, 4).unwrap();
        std::fs::write(&log, "one\n").unwrap();
        bound_log(&log, 4).unwrap();
        assert_eq!(read("postmaster.log"), "one\n");
        for said in ["before\n", "later\n"] {
            std::fs::write(&log, said).unwrap();
            bound_log(&log, 4).unwrap();
            assert_eq!(
                (
                    read("postmaster.log").as_str(),
                    read("postmaster.log.old").as_str()
                ),
                ("", said)
            );
        }
    }
}
