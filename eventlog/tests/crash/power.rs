//! Power cuts under one log.

use testkit::CuttableDisk;

use super::child::{self, Disk};
use super::count;
use super::oracle::{Oracle, Verdict, judge};

const DISK_BYTES: u64 = 1 << 30;

/// Cuts the power `cuts` times under one log, judging after each.
async fn cut_repeatedly(
    machine: &CuttableDisk,
    test: &str,
    cuts: usize,
    disk: Disk,
) -> Vec<Verdict> {
    let elsewhere = child::other_filesystem();
    let oracle = Oracle::new(elsewhere.path().join("acknowledged"));
    let dir = machine.path().join("log");
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
    let machine = match CuttableDisk::build(DISK_BYTES) {
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
    let machine = match CuttableDisk::build(DISK_BYTES) {
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
