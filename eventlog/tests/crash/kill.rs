//! `kill -9` at random points under load.

use super::child::{self, Disk};
use super::count;
use super::oracle::{Oracle, Verdict, judge};

/// Kills `kills` children that append to one log, judging after each.
async fn kill_repeatedly(test: &str, kills: usize, disk: Disk) -> Vec<Verdict> {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = child::other_filesystem();
    let oracle = Oracle::new(elsewhere.path().join("acknowledged"));
    let mut verdicts = Vec::new();
    for run in 0..kills {
        let mut child = child::start(test, dir.path(), &oracle, run, disk);
        child::wait_for_random_point(&mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        verdicts.push(judge(dir.path(), &oracle).await);
        if verdicts.last().is_some_and(|verdict| verdict.lost > 0) {
            break;
        }
    }
    verdicts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_nothing() {
    tokio::task::block_in_place(child::append_if_asked);
    let kills = count("SRE_COPILOT_PROVE_KILLS", 20, 50);
    let test = "kill::a_killed_process_loses_nothing";
    let verdicts = kill_repeatedly(test, kills, Disk::Real).await;
    let acknowledged = verdicts.last().map_or(0, |verdict| verdict.acknowledged);
    let slowest = verdicts.iter().map(|verdict| verdict.open_ms).max();
    println!(
        "PROOF eventlog kill -9: {kills} kills, {acknowledged} acknowledged, slowest open {slowest:?} ms"
    );
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
async fn control_acknowledging_from_memory_loses() {
    tokio::task::block_in_place(child::append_if_asked);
    let test = "kill::control_acknowledging_from_memory_loses";
    let verdicts = kill_repeatedly(test, 10, Disk::KeepsInMemory).await;
    let lost = verdicts.iter().map(|verdict| verdict.lost).max();
    println!("PROOF eventlog kill -9, control: lost {lost:?}");
    assert!(lost > Some(0), "the proof above could not have failed");
}
