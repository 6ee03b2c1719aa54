//! Folding anew gives the rows that were there, and readers notice nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use eventlog::Record;
use projections::incidents::Incidents;
use projections::replay::ReplayError;
use projections::runtime::{ApplyError, Changed, Home, Projection, Writing};
use projections::{checkpoints, incidents, migrate};
use schemas::topic::Topic;
use sqlx::Executor;
use testkit::eventually;

use crate::fixture::Bench;
use crate::story::{self, Tenant};

async fn told() -> Option<Bench> {
    let bench = Bench::new().await?;
    let positions = bench.append(story::two_tenants(&bench.vault).await).await;
    bench.project(&positions).await;
    Some(bench)
}

#[tokio::test]
async fn a_replay_of_everything_gives_the_same_rows_under_a_new_generation() {
    let Some(bench) = told().await else { return };
    let rows = bench.rows().await;
    let replayed = bench.replay().all().await.expect("replays");
    assert!(
        replayed
            .iter()
            .all(|one| one.generation == 2 && one.records > 0),
        "{replayed:?}"
    );
    assert_eq!(bench.rows().await, rows);
    let leftovers: Vec<String> =
        sqlx::query_scalar("SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'replay_%'")
            .fetch_all(&mut bench.superuser().await)
            .await
            .expect("a catalogue");
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[tokio::test]
async fn readers_and_writers_go_on_while_everything_is_replayed() {
    let Some(bench) = told().await else { return };
    let (tenant, done) = (Tenant(1), AtomicBool::new(false));
    let running = bench.run(projections::registry());
    let polling = async {
        let mut reads = 0;
        while !done.load(Ordering::SeqCst) {
            let found = incidents::get(&bench.db, &tenant.scope(), tenant.incident(0)).await;
            let incident = found.expect("no read fails").expect("no row is missing");
            assert_eq!(incident.assignee.expect("no join is missing").name, "Ada");
            reads += 1;
        }
        reads
    };
    let writing = async {
        let mut positions = Vec::new();
        for n in 10.. {
            positions.extend(bench.append(tenant.manual_incident(n)).await);
            if done.load(Ordering::SeqCst) {
                return positions;
            }
        }
        positions
    };
    let replaying = async {
        bench.replay().all().await.expect("replays");
        bench.replay().all().await.expect("replays again");
        done.store(true, Ordering::SeqCst);
    };
    let (reads, positions, ()) = tokio::join!(polling, writing, replaying);
    bench.caught_up(&positions).await;
    running.stop().await;
    assert!(reads > 0);
    let rows = bench.rows().await;
    bench.replay().all().await.expect("replays at rest");
    assert_eq!(bench.rows().await, rows);
    let generations = checkpoints::all(&bench.db).await.expect("answers");
    let telemetry = ["telemetry_policies", "metrics", "logs", "spans"];
    assert!(
        generations
            .iter()
            .filter(|checkpoint| !telemetry.contains(&checkpoint.projection.as_str()))
            .all(|checkpoint| checkpoint.generation == 4)
    );
}

#[tokio::test]
async fn a_dropped_read_schema_is_folded_from_the_log() {
    let Some(bench) = told().await else { return };
    let rows = bench.rows().await;
    bench
        .superuser()
        .await
        .execute("DROP SCHEMA read CASCADE")
        .await
        .expect("drops");
    migrate(&bench.config).await.expect("migrates");
    let running = bench.run(projections::registry());
    bench.rows_become(&rows).await;
    running.stop().await;
}

#[tokio::test]
async fn tables_of_another_shape_are_made_new() {
    let Some(bench) = told().await else { return };
    let rows = bench.rows().await;
    bench
        .superuser()
        .await
        .execute(sqlx::raw_sql(
            "UPDATE read.projection SET definition = 'older' WHERE name = 'incidents';
             ALTER TABLE read.incidents DROP COLUMN severity",
        ))
        .await
        .expect("alters");
    migrate(&bench.config).await.expect("migrates");
    let running = bench.run(projections::registry());
    bench.rows_become(&rows).await;
    running.stop().await;
}

/// `incidents`, and how often it began and wrote.
#[derive(Default)]
struct Counted {
    begun: AtomicUsize,
    written: AtomicUsize,
}

#[async_trait]
impl Projection for Counted {
    fn name(&self) -> &'static str {
        Incidents.name()
    }

    fn topics(&self) -> &'static [Topic] {
        Incidents.topics()
    }

    fn tables(&self) -> &'static [&'static str] {
        Incidents.tables()
    }

    fn home(&self) -> Home {
        Incidents.home()
    }

    fn forget(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        self.written.fetch_add(1, Ordering::SeqCst);
        Incidents.apply(to, batch).await
    }
}

/// As a process of another version does it beside this one.
async fn made_anew_by_another_version(bench: &Bench) {
    bench
        .superuser()
        .await
        .execute(sqlx::raw_sql(
            "UPDATE read.projection SET definition = 'newer' WHERE name = 'incidents';
             UPDATE read.checkpoint SET generation = generation + 1, next_offset = 0
             WHERE projection = 'incidents'",
        ))
        .await
        .expect("updates");
}

#[tokio::test]
async fn a_version_writes_nothing_into_tables_of_another_and_waits() {
    let Some(bench) = told().await else { return };
    made_anew_by_another_version(&bench).await;
    let counted = Arc::new(Counted::default());
    let fold: Arc<dyn Projection> = counted.clone();
    let running = bench.run(vec![fold]);
    eventually("a second try", || async {
        (counted.begun.load(Ordering::SeqCst) > 1).then_some(())
    })
    .await;
    assert_eq!(counted.written.load(Ordering::SeqCst), 0);
    let replay = bench.replay();
    let refused = [
        replay.one("incidents").await.map(drop),
        replay.key("incidents", b"any").await.map(drop),
    ];
    for refused in refused {
        let refused = refused.expect_err("refuses");
        assert!(matches!(refused, ReplayError::OtherShape(_)), "{refused}");
    }
    running.stop().await;
}

#[tokio::test]
async fn another_log_is_refused_with_the_remedy() {
    let Some(bench) = told().await else { return };
    bench
        .superuser()
        .await
        .execute(
            "UPDATE read.checkpoint SET log_id = gen_random_uuid() WHERE projection = 'incidents'",
        )
        .await
        .expect("updates");
    let refused = bench
        .run(projections::registry())
        .ended()
        .await
        .expect_err("refuses");
    let why = format!("{refused:#}");
    assert!(
        why.contains("was folded from log") && why.contains("drop schema `read`"),
        "{why}"
    );
}

#[tokio::test]
async fn a_checkpoint_past_the_end_is_refused_with_the_remedy() {
    let Some(bench) = told().await else { return };
    bench
        .superuser()
        .await
        .execute("UPDATE read.checkpoint SET next_offset = 1000000 WHERE projection = 'members'")
        .await
        .expect("updates");
    let refused = bench
        .run(projections::registry())
        .ended()
        .await
        .expect_err("refuses");
    let why = format!("{refused:#}");
    assert!(
        why.contains("the log ends at") && why.contains("drop schema `read`"),
        "{why}"
    );
}
