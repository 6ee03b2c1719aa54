//! Power cuts: ext4 on a loop device that is shut down under load without flushing
//! anything, then mounted again. What was not synced is gone.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::child::{self, Disk};
use super::count;
use super::oracle::{Oracle, Verdict, judge};

/// A filesystem of its own in a file; undone when dropped.
struct Machine {
    _home: tempfile::TempDir,
    device: String,
    mount: PathBuf,
}

impl Machine {
    /// `Err` says what the machine lacks.
    fn build() -> Result<Self, String> {
        let home = tempfile::tempdir().map_err(|e| e.to_string())?;
        let image = home.path().join("disk.img");
        let mount = home.path().join("mnt");
        let file = std::fs::File::create(&image).map_err(|e| e.to_string())?;
        file.set_len(1 << 30).map_err(|e| e.to_string())?;
        std::fs::create_dir(&mount).map_err(|e| e.to_string())?;
        run("xfs_io", &["-V"])?;
        let device = run("losetup", &["-f", "--show", text(&image)])?;
        let machine = Self {
            _home: home,
            device: device.trim().to_owned(),
            mount,
        };
        run("mkfs.ext4", &["-q", &machine.device])?;
        machine.power_on()?;
        Ok(machine)
    }

    fn power_on(&self) -> Result<(), String> {
        run("mount", &[&self.device, text(&self.mount)]).map(drop)
    }

    /// Stops all writing at once; nothing that is only in memory reaches the disk.
    fn cut(&self) -> Result<(), String> {
        run("xfs_io", &["-x", "-c", "shutdown", text(&self.mount)]).map(drop)
    }

    fn unmount(&self) -> Result<(), String> {
        run("umount", &[text(&self.mount)]).map(drop)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Whatever is left of it is in a temporary folder.
        run("umount", &["-l", text(&self.mount)]).ok();
        run("losetup", &["-d", &self.device]).ok();
    }
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

/// Cuts the power `cuts` times under one log, judging after each.
async fn cut_repeatedly(machine: &Machine, test: &str, cuts: usize, disk: Disk) -> Vec<Verdict> {
    let elsewhere = child::other_filesystem();
    let oracle = Oracle::new(elsewhere.path().join("acknowledged"));
    let dir = machine.mount.join("log");
    let mut verdicts = Vec::new();
    for cut in 0..cuts {
        let mut child = child::start(test, &dir, &oracle, cut, disk);
        child::wait_for_random_point(&mut child);
        machine.cut().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        machine.unmount().unwrap();
        machine.power_on().unwrap();
        verdicts.push(judge(&dir, &oracle).await);
        if verdicts.last().is_some_and(|verdict| verdict.lost > 0) {
            break;
        }
    }
    verdicts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_nothing() {
    tokio::task::block_in_place(child::append_if_asked);
    let machine = match Machine::build() {
        Ok(machine) => machine,
        Err(why) => return testkit::skipped("a_power_cut_loses_nothing", &why),
    };
    let cuts = count("SRE_COPILOT_PROVE_CUTS", 5, 20);
    let test = "power::a_power_cut_loses_nothing";
    let verdicts = cut_repeatedly(&machine, test, cuts, Disk::Real).await;
    let acknowledged = verdicts.last().map_or(0, |verdict| verdict.acknowledged);
    println!("PROOF eventlog power loss: {cuts} cuts, {acknowledged} acknowledged");
    for verdict in verdicts {
        let kept = Verdict {
            acknowledged: verdict.acknowledged,
            open_ms: verdict.open_ms,
            ..Verdict::default()
        };
        assert_eq!(verdict, kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn control_acknowledging_before_the_sync_loses() {
    tokio::task::block_in_place(child::append_if_asked);
    let machine = match Machine::build() {
        Ok(machine) => machine,
        Err(why) => {
            return testkit::skipped("control_acknowledging_before_the_sync_loses", &why);
        }
    };
    let test = "power::control_acknowledging_before_the_sync_loses";
    let verdicts = cut_repeatedly(&machine, test, 5, Disk::NeverSyncs).await;
    let lost = verdicts.iter().map(|verdict| verdict.lost).max();
    println!("PROOF eventlog power loss, control: lost {lost:?}");
    assert!(lost > Some(0), "the proof above could not have failed");
}
