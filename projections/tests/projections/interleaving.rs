//! Partitions arrive interleaved in any way and in batches of any size, and a
//! batch may come twice: the rows are the same.

use std::collections::VecDeque;

use eventlog::{Record, Visibility};
use projections::runtime::{Projection, Writing};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::fixture::{Bench, dump, folds};
use crate::story;

const CASES: usize = 24;

/// How a fold comes by its records: whose turn it is, and for how many.
pub(crate) type Turns = Vec<(prop::sample::Index, usize)>;

pub(crate) fn turns() -> impl Strategy<Value = Turns> {
    prop::collection::vec((any::<prop::sample::Index>(), 1..6_usize), 1..400)
}

#[tokio::test]
async fn any_interleaving_gives_the_same_rows() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    bench.append(story::two_tenants(&bench.vault).await).await;
    let mut runner = TestRunner::deterministic();
    for projection in folds() {
        let partitions = partitions(&bench, projection.as_ref()).await;
        let in_order = vec![partitions.concat()];
        let expected = fold(&bench, projection.as_ref(), &in_order).await;
        assert_ne!(
            expected,
            Value::Array(Vec::new()),
            "{} is empty",
            projection.name()
        );
        for _ in 0..CASES {
            let turns = turns().new_tree(&mut runner).expect("a strategy").current();
            let batches = interleave(&partitions, &turns);
            let rows = fold(&bench, projection.as_ref(), &batches).await;
            assert_eq!(
                rows,
                expected,
                "{} interleaved as {turns:?}",
                projection.name()
            );
        }
        let twice: Vec<_> = in_order.iter().chain(&in_order).cloned().collect();
        let rows = fold(&bench, projection.as_ref(), &twice).await;
        assert_eq!(rows, expected, "{} applied twice", projection.name());
    }
}

pub(crate) async fn partitions(bench: &Bench, projection: &dyn Projection) -> Vec<Vec<Record>> {
    let mut partitions = Vec::new();
    for topic in projection.topics() {
        for partition in 0..topic.partitions() {
            let fetched = bench
                .log
                .read(*topic, partition, 0, 64 << 20, Visibility::Durable)
                .await
                .expect("reads");
            partitions.push(fetched.records);
        }
    }
    partitions
}

/// Takes records from the partitions in turns; what is left comes last.
pub(crate) fn interleave(partitions: &[Vec<Record>], turns: &Turns) -> Vec<Vec<Record>> {
    let mut waiting: Vec<VecDeque<Record>> = partitions
        .iter()
        .map(|records| records.iter().cloned().collect())
        .collect();
    let mut batches = Vec::new();
    for (whose, many) in turns {
        waiting.retain(|records| !records.is_empty());
        if waiting.is_empty() {
            break;
        }
        let turn = whose.index(waiting.len());
        let records = &mut waiting[turn];
        let many = (*many).min(records.len());
        batches.push(records.drain(..many).collect());
    }
    batches.extend(waiting.into_iter().map(Vec::from));
    batches
}

/// Folds into empty tables, looks, and takes it all back.
async fn fold(bench: &Bench, projection: &dyn Projection, batches: &[Vec<Record>]) -> Value {
    let mut connection = bench.superuser().await;
    let mut tx = connection.begin().await.expect("begins");
    prepare(&mut tx, projection).await;
    let people = bench.vault.subject_keys();
    for batch in batches.iter().filter(|batch| !batch.is_empty()) {
        let mut to = Writing {
            rows: &mut tx,
            people: &people,
        };
        projection.apply(&mut to, batch).await.expect("applies");
    }
    let mut all = Vec::new();
    for table in projection.tables() {
        all.extend(
            dump(&mut tx, table)
                .await
                .as_array()
                .cloned()
                .unwrap_or_default(),
        );
    }
    Value::Array(all)
}

async fn prepare(tx: &mut PgConnection, projection: &dyn Projection) {
    let schema = projection.home().schema();
    let path = format!("SET LOCAL search_path TO {schema}");
    tx.execute(AssertSqlSafe(path))
        .await
        .expect("sets the path");
    for table in projection.tables() {
        let sql = format!("TRUNCATE {table}");
        tx.execute(AssertSqlSafe(sql)).await.expect("truncates");
    }
}
