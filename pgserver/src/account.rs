//! The unprivileged account that Postgres runs as.

use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::unistd::{Uid, User};

/// Ourselves, or, when we are root, somebody who is not.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    uid: u32,
    gid: u32,
    /// Whether we have to become somebody else.
    switch: bool,
}

impl Account {
    pub(crate) fn for_postgres() -> anyhow::Result<Self> {
        let uid = Uid::effective();
        if !uid.is_root() {
            let gid = nix::unistd::Gid::effective();
            return Ok(Self {
                uid: uid.as_raw(),
                gid: gid.as_raw(),
                switch: false,
            });
        }
        let candidates = ["postgres", "nobody"].into_iter();
        let user = candidates
            .filter_map(|name| User::from_name(name).ok().flatten())
            .next()
            .context(
                "Postgres refuses to run as root, and there is no user `postgres` or `nobody`",
            )?;
        Ok(Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            switch: true,
        })
    }

    pub(crate) fn uid(&self) -> u32 {
        self.uid
    }

    /// A command that runs as this account.
    pub(crate) fn command(&self, program: &Path) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(program);
        if self.switch {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Makes the account the owner of a file or folder.
    pub(crate) fn give(&self, path: &Path) -> anyhow::Result<()> {
        if self.switch {
            std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
                .with_context(|| format!("cannot give {} to uid {}", path.display(), self.uid))?;
        }
        Ok(())
    }

    /// Where the cluster of `folder` may lie: inside it, or, where the account
    /// cannot reach it (a home of mode 700), in a place of its own.
    pub(crate) fn reachable(&self, folder: &Path) -> PathBuf {
        if !self.switch || folder.ancestors().all(|f| self.may_pass(f)) {
            return folder.join("postgres");
        }
        let name = xxhash_rust::xxh3::xxh3_64(folder.as_os_str().as_encoded_bytes());
        PathBuf::from(format!("/var/lib/sre-copilot/{name:016x}/postgres"))
    }

    fn may_pass(&self, folder: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let Ok(found) = std::fs::metadata(folder) else {
            return true;
        };
        let bit = match () {
            () if found.uid() == self.uid => 0o100,
            () if found.gid() == self.gid => 0o010,
            () => 0o001,
        };
        found.mode() & bit != 0
    }
}
