//! A disk whose power can be cut: ext4 on a loop device that is shut down under
//! load without flushing anything, then mounted again. What was not synced is gone.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A filesystem of its own in a file; undone when dropped.
pub struct CuttableDisk {
    _home: tempfile::TempDir,
    device: String,
    mount: PathBuf,
}

impl CuttableDisk {
    /// Formatted and mounted. `Err` says what the machine lacks.
    pub fn build(bytes: u64) -> Result<Self, String> {
        let home = tempfile::tempdir().map_err(|e| e.to_string())?;
        let open_to_all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(home.path(), open_to_all).map_err(|e| e.to_string())?;
        let image = home.path().join("disk.img");
        let mount = home.path().join("mnt");
        let file = std::fs::File::create(&image).map_err(|e| e.to_string())?;
        file.set_len(bytes).map_err(|e| e.to_string())?;
        std::fs::create_dir(&mount).map_err(|e| e.to_string())?;
        run(&xfs_io(), &["-V"])?;
        let device = run("losetup", &["-f", "--show", text(&image)])?;
        let disk = Self {
            _home: home,
            device: device.trim().to_owned(),
            mount,
        };
        run("mkfs.ext4", &["-q", &disk.device])?;
        disk.power_on()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.mount
    }

    pub fn power_on(&self) -> Result<(), String> {
        run("mount", &[&self.device, text(&self.mount)]).map(drop)
    }

    /// Stops all writing at once; nothing that is only in memory reaches the disk.
    pub fn cut(&self) -> Result<(), String> {
        run(&xfs_io(), &["-x", "-c", "shutdown", text(&self.mount)]).map(drop)
    }

    /// Possible once no process has a file open there.
    pub fn unmount(&self) -> Result<(), String> {
        run("umount", &[text(&self.mount)]).map(drop)
    }
}

impl Drop for CuttableDisk {
    fn drop(&mut self) {
        // Whatever is left of it is in a temporary folder.
        run("umount", &["-l", text(&self.mount)]).ok();
        run("losetup", &["-d", &self.device]).ok();
    }
}

/// The one that `scripts/peers.sh` found, else the machine's own.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by make where the peers are"
)]
fn xfs_io() -> String {
    std::env::var("SRE_COPILOT_TEST_XFS_IO").unwrap_or_else(|_| "xfs_io".to_owned())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}", error.trim()))
}
