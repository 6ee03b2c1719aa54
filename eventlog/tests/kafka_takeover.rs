//! Workers on Kafka that die in the middle of a transaction, or sleep through
//! their session: no command is lost or handled twice, no sequence is doubled.
//! The control commits output and offset apart and must double.
#![cfg(feature = "kafka")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "kafka_takeover/oracle.rs"]
mod oracle;
#[path = "kafka_takeover/process.rs"]
mod process;
#[path = "kafka_takeover/worker.rs"]
mod worker;

use eventlog::Log;
use oracle::{Commands, judge};
use process::Scene;
use testkit::TestKafka;

#[expect(
    clippy::disallowed_methods,
    reason = "a proof's count and a child's orders come from its parent's environment"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

async fn open(place: &TestKafka) -> Log {
    worker::open(&place.brokers, &place.prefix, "parent").await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_points_under_load() {
    worker::work_if_asked().await;
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let log = open(&place).await;
    let kills = environment("SRE_COPILOT_PROVE_KILLS")
        .and_then(|n| n.parse().ok())
        .unwrap_or(3);
    let scene = Scene::new("killed_at_random_points_under_load", &place);
    let mut commands = Commands::default();
    for round in 0..kills {
        let mut worker = scene.start("one", worker::Manner::Transaction);
        commands.send(&log, 100).await;
        let enough = random_below(90);
        testkit::eventually("the worker is at work", || async {
            (worker.settled() > enough).then_some(())
        })
        .await;
        worker.kill();
        println!(
            "round {round}: {} settled before the kill",
            worker.settled()
        );
    }
    let worker = scene.start("one", worker::Manner::Transaction);
    let verdict = commands.await_verdict(&log).await;
    drop(worker);
    assert_eq!(verdict, oracle::Verdict::faultless(&commands));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_transaction() {
    worker::work_if_asked().await;
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let log = open(&place).await;
    let scene = Scene::new("killed_in_the_middle_of_a_transaction", &place);
    let mut commands = Commands::default();
    commands.send(&log, 20).await;
    let mut first = scene.start("one", worker::Manner::StallInTransaction);
    scene.await_stall().await;
    first.kill();
    let second = scene.start("one", worker::Manner::Transaction);
    commands.send(&log, 20).await;
    let verdict = commands.await_verdict(&log).await;
    drop(second);
    assert_eq!(verdict, oracle::Verdict::faultless(&commands));
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_past_its_session_and_resumed() {
    worker::work_if_asked().await;
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let log = open(&place).await;
    let scene = Scene::new("paused_past_its_session_and_resumed", &place);
    let mut commands = Commands::default();
    commands.send(&log, 20).await;
    let sleeper = scene.start("one", worker::Manner::StallInTransaction);
    scene.await_stall().await;
    sleeper.signal("STOP");
    let successor = scene.start("two", worker::Manner::Transaction);
    let verdict = commands.await_verdict(&log).await;
    assert_eq!(
        verdict,
        oracle::Verdict::faultless(&commands),
        "after the takeover"
    );
    scene.end_stall();
    sleeper.signal("CONT");
    scene.await_refused().await;
    commands.send(&log, 20).await;
    let verdict = commands.await_verdict(&log).await;
    drop((sleeper, successor));
    assert_eq!(
        verdict,
        oracle::Verdict::faultless(&commands),
        "after the return"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn control_output_and_offset_apart_double() {
    worker::work_if_asked().await;
    let Some(place) = testkit::kafka().await else {
        return;
    };
    let log = open(&place).await;
    let scene = Scene::new("control_output_and_offset_apart_double", &place);
    let mut commands = Commands::default();
    commands.send(&log, 20).await;
    let mut first = scene.start("one", worker::Manner::StallBetween);
    scene.await_stall().await;
    first.kill();
    let second = scene.start("one", worker::Manner::Transaction);
    let doubled = testkit::eventually("a command handled twice", || async {
        Some(judge(&log).await).filter(|verdict| verdict.doubled > 0)
    });
    assert!(
        doubled.await.doubled > 0,
        "the proofs above could not have failed"
    );
    drop(second);
}

fn random_below(limit: u64) -> usize {
    usize::try_from(u64::from_le_bytes(schemas::context::random_bytes()) % limit).unwrap()
}
