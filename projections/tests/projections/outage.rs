//! Postgres goes away: folds go on where they were, reads say so.

use std::time::Duration;

use projections::{Db, DbConfig, QueryError, incidents};
use sqlx::Executor;
use tokio::time::timeout;

use crate::fixture::{Bench, LONG};
use crate::story::Tenant;

#[tokio::test]
async fn folds_go_on_after_their_connections_are_cut() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let running = bench.run(projections::registry());
    let mut superuser = bench.superuser().await;
    for n in 0..5 {
        let positions = bench.append(Tenant(1).manual_incident(n)).await;
        superuser
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await
            .expect("terminates");
        bench.caught_up(&positions).await;
    }
    running.stop().await;
    let rows = bench.rows().await;
    bench.replay().all().await.expect("replays");
    assert_eq!(bench.rows().await, rows, "nothing lost, nothing doubled");
}

#[tokio::test]
async fn folds_give_their_connections_back_in_a_pause_and_go_on() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let telemetry = projections::registry()
        .iter()
        .filter(|fold| fold.home().schema() == "telemetry")
        .count();
    let running = bench.run_with_rest(projections::registry(), Duration::from_millis(1));
    let mut superuser = bench.superuser().await;
    for n in 0..5 {
        let positions = bench.append(Tenant(1).manual_incident(n)).await;
        bench.caught_up(&positions).await;
        // Each fold that has a connection holds one of these.
        let turns = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let given_back = async {
            loop {
                let held: i64 = sqlx::query_scalar(turns)
                    .fetch_one(&mut superuser)
                    .await
                    .expect("counts");
                if usize::try_from(held) == Ok(telemetry) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LONG, given_back)
            .await
            .expect("connections are given back");
    }
    running.stop().await;
    let rows = bench.rows().await;
    bench.replay().all().await.expect("replays");
    assert_eq!(bench.rows().await, rows, "nothing lost, nothing doubled");
}

#[tokio::test]
async fn two_runners_that_rest_take_turns() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let rest = Duration::from_millis(1);
    let first = bench.run_with_rest(projections::registry(), rest);
    let second = bench.run_with_rest(projections::registry(), rest);
    for n in 0..20 {
        let positions = bench.append(Tenant(1).manual_incident(n)).await;
        bench.caught_up(&positions).await;
    }
    first.stop().await;
    let positions = bench.append(Tenant(1).manual_incident(20)).await;
    bench.caught_up(&positions).await;
    second.stop().await;
    let rows = bench.rows().await;
    bench.replay().all().await.expect("replays");
    assert_eq!(bench.rows().await, rows, "nothing lost, nothing doubled");
}

#[tokio::test]
async fn a_read_without_postgres_is_unavailable() {
    let db = Db::connect(&DbConfig::new("postgres://nobody@127.0.0.1:1/none")).expect("a url");
    let tenant = Tenant(1);
    let refused = incidents::get(&db, &tenant.scope(), tenant.incident(0)).await;
    assert!(matches!(refused, Err(QueryError::Unavailable(_))));
}
