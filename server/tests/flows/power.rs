//! Power cuts of the whole platform under load: the log and its Postgres lie on one
//! disk, which loses everything that was not synced. What was acknowledged must be
//! there afterwards, once. The control runs the same program with every sync made
//! to do nothing, and must lose.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use schemas::context::random_bytes;
use tempfile::TempDir;
use testkit::{CuttableDisk, Peer, eventually, peer, skipped};

use crate::client::Client;
use crate::database::reachable_folder_in;
use crate::kill::{Load, check_alerts, check_steps, journal};
use crate::platform::Platform;
use crate::statistics::{count, proof};

const DISK_BYTES: u64 = 3 << 30;
/// Between "ready" and the cut.
const LONGEST_LIFE_MS: u16 = 1_500;

/// A platform on a disk of its own, and where its clients keep their journals.
struct Site {
    platform: Platform,
    disk: CuttableDisk,
    journals: TempDir,
    client: Client,
    key: String,
}

impl Site {
    /// None, after saying so, where the machine lacks something.
    async fn build(test: &str, preload: Option<PathBuf>) -> Option<Self> {
        if !Path::new("/dev/shm").is_dir() {
            skipped(test, "no /dev/shm to keep the journals on");
            return None;
        }
        let disk = match CuttableDisk::build(DISK_BYTES) {
            Ok(disk) => disk,
            Err(why) => {
                skipped(test, &why);
                return None;
            }
        };
        let folder = reachable_folder_in(disk.path());
        let platform = Platform::start_in(folder, preload).await;
        let client = platform.register().await;
        let key = client.new_key(&["ingest"]).await;
        // The disk has no power again before anybody works with what is set up.
        assert!(Command::new("sync").status().unwrap().success());
        Some(Self {
            journals: tempfile::tempdir_in("/dev/shm").unwrap(),
            platform,
            disk,
            client,
            key,
        })
    }

    /// Cuts the power after a while, and leaves the disk mounted again.
    async fn cut(&mut self) {
        let life = u16::from_be_bytes(random_bytes()) % LONGEST_LIFE_MS;
        tokio::time::sleep(Duration::from_millis(life.into())).await;
        let pid_file = self.platform.folder().join("data/postgres/postmaster.pid");
        let postmaster = std::fs::read_to_string(pid_file).unwrap();
        let postmaster = postmaster.lines().next().unwrap();
        self.disk.cut().unwrap();
        self.platform.kill();
        let disk = &self.disk;
        eventually("nobody uses the disk any more", || {
            end_users_of(disk.path());
            std::future::ready(disk.unmount().ok())
        })
        .await;
        // After a power cut no process has its number; Postgres would wait for it.
        eventually("the postmaster is reaped", || {
            let there = Path::new("/proc").join(postmaster).exists();
            std::future::ready((!there).then_some(()))
        })
        .await;
        self.disk.power_on().unwrap();
    }
}

/// SIGKILL to every process that works below `folder`: with the power, Postgres is
/// gone too.
fn end_users_of(folder: &Path) {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    for process in processes {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let works_here =
            std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        if works_here {
            // An error says that it is gone already.
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_power_is_cut() {
    let Some(mut site) = Site::build("flows::power", None).await else {
        return;
    };
    let cuts = count("SRE_COPILOT_PROVE_CUTS", 3, 20);
    let load = Load::start(&site.client, &site.key, &site.journals);
    let mut slowest = Duration::ZERO;
    for _ in 0..cuts {
        site.cut().await;
        slowest = slowest.max(site.platform.restart().await);
    }
    load.end().await;

    let alerts = check_alerts(&site.client, &journal(&site.journals, "alerts")).await;
    let steps = check_steps(&site.client, &journal(&site.journals, "steps")).await;
    let figures = format!(
        "{cuts} cuts under load; acknowledged: {alerts} alerts and {steps} incident steps; \
         lost 0, doubled 0; ready again in at most {:.2} s",
        slowest.as_secs_f64(),
    );
    proof("power loss of log and Postgres together", &figures);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_without_syncs_a_power_cut_loses() {
    let test = "flows::power::control";
    let Some(library) = peer(test, Peer::EatMyData) else {
        return;
    };
    let Some(mut site) = Site::build(test, Some(library)).await else {
        return;
    };
    let load = Load::start(&site.client, &site.key, &site.journals);
    eventually("some webhooks are acknowledged", || async {
        (journal(&site.journals, "alerts").len() > 50).then_some(())
    })
    .await;
    load.abort();
    let acked = journal(&site.journals, "alerts");
    assert_eq!(kept(site.platform.folder(), &acked), acked.len());
    site.cut().await;
    let lost = acked.len() - kept(site.platform.folder(), &acked);
    proof(
        "power loss of log and Postgres together, control without syncs",
        &format!("lost {lost} of {} acknowledged alerts", acked.len()),
    );
    assert!(lost > 0, "the proof above could not have failed");
}

/// How many of the fingerprints are still in the log's files. The damaged platform
/// need not start for that.
fn kept(folder: &Path, acked: &std::collections::BTreeSet<String>) -> usize {
    let mut bytes = Vec::new();
    let mut folders = vec![folder.join("data/log")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.path().is_dir() {
                true => folders.push(entry.path()),
                false => bytes.extend(std::fs::read(entry.path()).unwrap()),
            }
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let quoted = |fingerprint: &&String| text.contains(&format!("\"{fingerprint}\""));
    acked.iter().filter(quoted).count()
}
