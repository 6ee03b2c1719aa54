//! The range that the log holds, folded by one worker or shared among three, its
//! partitions interleaved in any way and compacted at any moment: every question has the
//! answer that it had live.

use std::sync::Arc;

use eventlog::Record;
use projections::runtime::{Projection, Writing};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use schemas::context::Clock;
use schemas::time::Timestamp;
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::fixture::Bench;
use crate::interleaving::{interleave, partitions, turns};
use crate::observed::{
    Answers, DAY, HOUR, SIGNALS, START, answers, bodies, compact, late, telemetry_options,
};
use crate::story::Tenant;

/// They lie in at least three partitions, which is asserted.
const TENANTS: [Tenant; 5] = [Tenant(1), Tenant(2), Tenant(3), Tenant(4), Tenant(5)];
const ROUNDS: usize = 3;
/// Batches between two compactions.
const BATCHES_COMPACTED: usize = 20;

type Batches = Vec<Vec<Record>>;

#[tokio::test]
async fn one_worker_and_three_give_every_answer_as_it_was() {
    let clock = Clock::manual(Timestamp::from_micros(START * 1_000));
    let Some((bench, _)) = Bench::with_log(telemetry_options(&clock)).await else {
        return;
    };
    live(&bench, &clock).await;
    let told = everything(&bench).await;
    let mut runner = TestRunner::deterministic();
    for workers in [1, 3] {
        for round in 0..ROUNDS {
            clear(&bench).await;
            assert_ne!(everything(&bench).await, told, "nothing is left");
            let batches = drawn(&bench, &mut runner).await;
            fold(&bench, workers, &batches).await;
            let found = everything(&bench).await;
            assert_eq!(found, told, "{workers} workers, round {round}");
            compact(&bench, START + 5 * HOUR).await;
            let found = everything(&bench).await;
            assert_eq!(found, told, "{workers} workers, round {round}, compacted");
        }
    }

    // The control: one worker of three loses what it took last.
    clear(&bench).await;
    let mut batches = drawn(&bench, &mut runner).await;
    for (_, batches) in &mut batches {
        batches.pop();
    }
    fold(&bench, 3, &batches).await;
    assert_ne!(everything(&bench).await, told, "the control");
}

async fn everything(bench: &Bench) -> Vec<Answers> {
    let mut all = Vec::new();
    for tenant in TENANTS {
        all.push(answers(bench, tenant, START - 3 * DAY, START + DAY).await);
    }
    all
}

/// Some minutes as they come, with what is late and what is sent twice.
async fn live(bench: &Bench, clock: &Clock) {
    let running = bench.run(projections::registry());
    for minute in (0..65).step_by(5) {
        let at_ms = START + minute * 60_000;
        let behind = Timestamp::from_micros(at_ms * 1_000).millis_since(clock.now());
        clock.advance_millis(behind.max(0));
        let mut positions = Vec::new();
        for tenant in TENANTS {
            let mut records = bodies(tenant, at_ms);
            if minute == 25 {
                records.extend(late(tenant, at_ms));
            }
            positions.extend(bench.append(records.clone()).await);
            positions.extend(bench.append(records.split_off(1)).await);
        }
        bench.caught_up(&positions).await;
        if minute % 20 == 0 {
            compact(bench, at_ms).await;
        }
    }
    running.stop().await;
}

/// Without anything that a signal has stored.
async fn clear(bench: &Bench) {
    let mut tables: Vec<String> = SIGNALS.iter().map(|name| format!("{name}_l1")).collect();
    for projection in signals() {
        tables.extend(projection.tables().iter().map(|table| (*table).to_owned()));
    }
    tables.push("compacted".to_owned());
    tables.sort_unstable();
    tables.dedup();
    let mut superuser = bench.superuser().await;
    for table in tables {
        let sql = format!("DELETE FROM telemetry.{table}");
        superuser
            .execute(AssertSqlSafe(sql))
            .await
            .expect("deletes");
    }
}

fn signals() -> Vec<Arc<dyn Projection>> {
    let mut all = projections::registry();
    all.retain(|projection| SIGNALS.contains(&projection.name()));
    assert_eq!(all.len(), SIGNALS.len());
    all
}

/// For each signal the records of the log, a partition's in their order, as some drawn
/// order of partitions brings them.
async fn drawn(bench: &Bench, runner: &mut TestRunner) -> Vec<(&'static str, Batches)> {
    let mut all = Vec::new();
    for projection in signals() {
        let partitions = partitions(bench, projection.as_ref()).await;
        let used = partitions.iter().filter(|records| !records.is_empty());
        assert!(used.count() >= 3, "there is work for three");
        let turns = turns().new_tree(runner).expect("a strategy").current();
        let mut batches = interleave(&partitions, &turns);
        batches.retain(|batch| !batch.is_empty());
        all.push((projection.name(), batches));
    }
    all
}

/// Each worker has its share of the partitions, folds of its own, and a session.
async fn fold(bench: &Bench, workers: usize, batches: &[(&'static str, Batches)]) {
    let people = bench.vault.subject_keys();
    let mut sessions = Vec::new();
    for _ in 0..workers {
        let mut session = bench.superuser().await;
        let as_folds_do = "SET search_path TO telemetry; SET ROLE srec_write";
        session.execute(as_folds_do).await.expect("sets the role");
        sessions.push((session, signals()));
    }
    let mut done = 0;
    for (name, batches) in batches {
        for batch in batches {
            let whose = batch[0].position.partition as usize % workers;
            let (session, folds) = &mut sessions[whose];
            let fold = folds.iter().find(|fold| fold.name() == *name);
            let mut tx = session.begin().await.expect("begins");
            let mut to = Writing {
                rows: &mut tx,
                people: &people,
            };
            let fold = fold.expect("a fold of each signal");
            fold.apply(&mut to, batch).await.expect("applies");
            tx.commit().await.expect("commits");
            done += 1;
            if done % BATCHES_COMPACTED == 0 {
                compact(bench, START + HOUR).await;
            }
        }
    }
}
