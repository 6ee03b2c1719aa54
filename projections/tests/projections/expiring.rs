//! Rows of a topic that keeps its records for a day go with them, each partition by its
//! own newest record.

use eventlog::{Position, Record};
use projections::outcomes::Outcomes;
use projections::runtime::{Projection, Writing};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use sqlx::{Connection, Executor};
use uuid::Uuid;

use crate::fixture::Bench;
use crate::story::Tenant;

const START: i64 = 1_793_500_000_000_000;
const HOUR: i64 = 3_600_000_000;

fn command(n: u128) -> Uuid {
    Tenant(1).id(n)
}

/// The outcome of the command `n`, appended to a partition after some hours.
fn settled(n: u128, partition: i32, hours: i64) -> Record {
    let new = Tenant(1).outcome(command(n), 1);
    Record {
        position: Position {
            topic: Topic::CommandOutcomes,
            partition,
            offset: i64::try_from(n).expect("a small number"),
        },
        appended_at: Timestamp::from_micros(START + hours * HOUR),
        key: new.key,
        headers: new.headers,
        body: new.body,
    }
}

#[tokio::test]
async fn outcomes_go_after_a_day_of_their_partition() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let mut connection = bench.superuser().await;
    let mut tx = connection.begin().await.expect("begins");
    tx.execute("SET LOCAL search_path TO read")
        .await
        .expect("sets");
    let people = bench.vault.subject_keys();
    let batches = [
        vec![
            settled(1, 3, 0),
            settled(2, 3, 0),
            settled(3, 3, 1),
            settled(4, 5, 0),
        ],
        // To the moment a day after the third: it stays.
        vec![settled(5, 3, 25)],
        vec![settled(6, 5, 24), settled(7, 3, 26)],
    ];
    let left_after: [&[u128]; 3] = [&[1, 2, 3, 4], &[3, 4, 5], &[4, 5, 6, 7]];
    for (batch, left) in batches.iter().zip(left_after) {
        let mut to = Writing {
            rows: &mut tx,
            people: &people,
        };
        Outcomes.apply(&mut to, batch).await.expect("applies");
        let mut found: Vec<Uuid> = sqlx::query_scalar("SELECT command_id FROM outcomes")
            .fetch_all(&mut *tx)
            .await
            .expect("reads");
        let mut left: Vec<Uuid> = left.iter().map(|n| command(*n)).collect();
        found.sort_unstable();
        left.sort_unstable();
        assert_eq!(found, left);
    }
}
