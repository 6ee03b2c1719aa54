//! A replay of telemetry takes the range that the log still holds, gives every
//! question its old answer, and leaves older segments alone.

use projections::telemetry::metrics::{Limits, Stores};
use schemas::context::Clock;
use schemas::time::Timestamp;
use sqlx::Executor;
use testkit::eventually;

use crate::fixture::Bench;
use crate::observed::{
    Answers, DAY, HOUR, SIGNALS, START, answers, answers_of, bodies, compact, known, late, samples,
    telemetry_options,
};
use crate::story::Tenant;

const TENANTS: [Tenant; 3] = [Tenant(1), Tenant(2), Tenant(3)];

async fn everything(bench: &Bench) -> Vec<Answers> {
    let mut all = Vec::new();
    for tenant in TENANTS {
        let range = (START - 3 * DAY, START + 9 * DAY);
        let mut told = answers(bench, tenant, range.0, range.1).await;
        // Late items came at the 25th minute of the first hours.
        for minute in [24, 26, 86] {
            let as_of_ms = START + minute * 60_000;
            for (question, found) in known(bench, tenant, range, as_of_ms).await {
                told.insert(format!("{question} as of minute {minute}"), found);
            }
        }
        all.push(told);
    }
    all
}

/// Sends what arrives in `minutes`, every five of them, and compacts on the way.
async fn live(bench: &Bench, clock: &Clock, minutes: std::ops::Range<i64>) {
    let running = bench.run(projections::registry());
    for minute in minutes.step_by(5) {
        let at_ms = START + minute * 60_000;
        let behind = Timestamp::from_micros(at_ms * 1_000).millis_since(clock.now());
        clock.advance_millis(behind.max(0));
        let mut positions = Vec::new();
        for tenant in TENANTS {
            let mut records = bodies(tenant, at_ms);
            if minute % 60 == 25 {
                records.extend(late(tenant, at_ms));
            }
            positions.extend(bench.append(records.clone()).await);
            // A client that saw no answer sends again.
            positions.extend(bench.append(records.split_off(1)).await);
        }
        bench.caught_up(&positions).await;
        if minute % 15 == 0 {
            compact(bench, at_ms).await;
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn every_answer_is_as_it_was() {
    let clock = Clock::manual(Timestamp::from_micros(START * 1_000));
    let Some((bench, _)) = Bench::with_log(telemetry_options(&clock)).await else {
        return;
    };
    live(&bench, &clock, 0..150).await;
    let told = everything(&bench).await;
    assert!(
        told.iter()
            .flat_map(Answers::values)
            .all(|found| !found.is_empty()),
        "{told:?}"
    );

    let as_of = |minute: i64| &told[0][&format!("samples as of minute {minute}")];
    assert_ne!(as_of(24), as_of(26), "what came late is told apart");

    // Arrival by arrival before, partition by partition now; then from another state.
    for (round, compacted) in [None, Some(START + 5 * HOUR)].into_iter().enumerate() {
        if let Some(at_ms) = compacted {
            compact(&bench, at_ms).await;
        }
        // What the replay does not make again would be missing afterwards.
        let mut superuser = bench.superuser().await;
        for table in [
            "metrics_l1",
            "logs_l1",
            "spans_l1",
            "metrics_l0",
            "logs_l0",
            "spans_l0",
        ] {
            let sql = format!("DELETE FROM telemetry.{table}");
            superuser
                .execute(sqlx::AssertSqlSafe(sql))
                .await
                .expect("deletes");
        }
        superuser
            .execute("UPDATE telemetry.log_counts SET count = count + 1")
            .await
            .expect("updates");
        assert_ne!(everything(&bench).await, told, "the control");
        for name in SIGNALS {
            let replayed = bench.replay().one(name).await.expect("replays");
            assert_eq!(replayed.generation, round as i64 + 2);
        }
        assert_eq!(everything(&bench).await, told, "round {round}");
    }
    compact(&bench, START + 6 * HOUR).await;
    assert_eq!(everything(&bench).await, told, "after another compaction");
}

#[tokio::test]
async fn what_is_kept_in_memory_is_not_of_before() {
    let clock = Clock::manual(Timestamp::from_micros(START * 1_000));
    let Some((bench, _)) = Bench::with_log(telemetry_options(&clock)).await else {
        return;
    };
    live(&bench, &clock, 0..40).await;
    let stores = Stores::new(bench.db.clone(), Limits::default());
    let ask = || answers_of(&stores, &bench, TENANTS[0], START - DAY, START + DAY);
    let told = ask().await;
    let running = bench.run(projections::registry());
    for name in SIGNALS {
        bench.replay().one(name).await.expect("replays");
    }
    assert_eq!(ask().await, told);
    // The folds go on where the replay has ended.
    let positions = bench.append(bodies(TENANTS[0], START + HOUR)).await;
    bench.caught_up(&positions).await;
    running.stop().await;
    let more = ask().await;
    let fresh = answers(&bench, TENANTS[0], START - DAY, START + DAY).await;
    assert_eq!(more, fresh);
    assert!(more["records"].len() > told["records"].len());
}

#[tokio::test]
async fn series_keep_their_samples_where_a_replay_numbers_them_otherwise() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let (ours, midnight) = (TENANTS[0], (START / DAY + 1) * DAY);
    let ask = || answers(&bench, ours, START - DAY, START + 3 * DAY);
    let before = (midnight - 61_000, 1.0);
    let evening = samples(
        ours,
        midnight - 60_000,
        &[("a", &[before]), ("b", &[before])],
    );
    // After a sample of the day before, a series that is known on that day is asked for its
    // labels in a second pass only, behind one that is new.
    let night = samples(
        ours,
        midnight + 5_000,
        &[
            ("a", &[(midnight - 5_000, 2.0)]),
            ("b", &[(midnight + 2_000, 3.0)]),
            ("c", &[(midnight + 3_000, 4.0)]),
        ],
    );
    // The second fold knows nothing of the first one's series; that of the replay does.
    for record in [evening, night] {
        let positions = bench.append(vec![record]).await;
        bench.project(&positions).await;
    }
    let told = ask().await;
    assert_eq!(told["samples"].len(), 3);
    // What is not compacted yet is read by the live numbers before the replay begins.
    bench.replay().one("metrics").await.expect("replays");
    assert_eq!(ask().await, told);
}

#[tokio::test]
async fn segments_older_than_the_log_are_untouched() {
    let clock = Clock::manual(Timestamp::from_micros(START * 1_000));
    let Some((bench, log)) = Bench::with_log(telemetry_options(&clock)).await else {
        return;
    };
    live(&bench, &clock, 0..100).await;
    live(&bench, &clock, 2 * 1_440..2 * 1_440 + 200).await;
    compact(&bench, START + 2 * DAY + 2 * HOUR).await;
    clock.advance_millis(DAY + 23 * HOUR);
    eventually("the log forgets its beginning", || async {
        (log.retain().await.expect("retains").segments_dropped > 0).then_some(())
    })
    .await;
    let told = everything(&bench).await;
    let before = segments(&bench).await;
    let mut replayed = 0;
    for name in SIGNALS {
        replayed += bench.replay().one(name).await.expect("replays").records;
    }
    assert!(replayed > 0);
    assert_eq!(everything(&bench).await, told);
    let after = segments(&bench).await;
    let kept = before.iter().filter(|row| after.contains(row)).count();
    assert!(
        kept > 0 && kept < before.len(),
        "{kept} of {} are as they were",
        before.len()
    );
    let old = before.iter().filter(|(row, _)| row.contains(&first_day()));
    for row in old {
        assert!(after.contains(row), "{row:?}");
    }
}

fn first_day() -> String {
    format!("day {} ", START / DAY)
}

/// Each segment, and the transaction that wrote it.
async fn segments(bench: &Bench) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for name in SIGNALS {
        let sql = format!(
            "SELECT format('%s %s day %s window %s from %s to %s part %s', '{name}', project_id, day,
                 window_start, from_offset, to_offset, part), xmin::text
             FROM telemetry.{name}_l1 ORDER BY 1"
        );
        let found: Vec<(String, String)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .fetch_all(&mut bench.superuser().await)
            .await
            .expect("segments");
        all.extend(found);
    }
    all
}
