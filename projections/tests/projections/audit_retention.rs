//! A tenant's audit entries end when the tenant said, from the beginning of the chain
//! only, and the same in batches of any size.

use chrono::TimeDelta;
use eventlog::{Position, Record};
use projections::audit::Audit;
use projections::runtime::{Projection, Writing};
use schemas::audit::{AuditRecord, OperationRecorded, chain};
use schemas::codec::Example;
use schemas::messages::MessageSet;
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection};

use crate::fixture::{Bench, dump};
use crate::story::Tenant;

const START: i64 = 1_793_500_000_000_000;
const DAY: i64 = 86_400_000_000;

/// The operation `n`, appended on a day.
fn record(n: i64, day: i64, operation: OperationRecorded) -> Record {
    let tenant = Tenant(1);
    let record = AuditRecord::from(operation);
    let new = tenant.operation(n);
    Record {
        position: Position {
            topic: Topic::AuditOperations,
            partition: 3,
            offset: n,
        },
        appended_at: Timestamp::from_micros(START + day * DAY),
        key: new.key,
        headers: new.headers,
        body: record.encode().expect("encodes").into(),
    }
}

fn done(n: i64, day: i64) -> Record {
    let operation = OperationRecorded {
        refused_rule: None,
        ..OperationRecorded::example()
    };
    record(n, day, operation)
}

fn set_days(n: i64, day: i64, days: i64) -> Record {
    let operation = OperationRecorded {
        operation: "SetAuditRetention".to_owned(),
        refused_rule: None,
        changes: Some(format!("{{\"before\":null,\"after\":{{\"days\":{days}}}}}")),
        ..OperationRecorded::example()
    };
    record(n, day, operation)
}

/// Rows of the tables after the batches.
async fn folded(bench: &Bench, batches: &[&[Record]]) -> (Value, Value) {
    let mut connection = bench.superuser().await;
    let mut tx = connection.begin().await.expect("begins");
    tx.execute("SET LOCAL search_path TO read")
        .await
        .expect("sets");
    let people = bench.vault.subject_keys();
    for batch in batches {
        let mut to = Writing {
            rows: &mut tx,
            people: &people,
        };
        Audit.apply(&mut to, batch).await.expect("applies");
    }
    let rows = (
        all(&mut tx, "audit").await,
        all(&mut tx, "audit_chains").await,
    );
    tx.rollback().await.expect("rolls back");
    rows
}

async fn all(tx: &mut PgConnection, table: &str) -> Value {
    dump(tx, table).await
}

fn seqs(rows: &Value) -> Vec<i64> {
    let rows = rows.as_array().expect("rows").iter();
    let mut seqs: Vec<i64> = rows
        .map(|row| row["seq"].as_i64().expect("a number"))
        .collect();
    seqs.sort_unstable();
    seqs
}

#[tokio::test]
async fn the_beginning_of_a_chain_ends_as_its_tenant_said_in_batches_of_any_size() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let records = [
        done(0, 0),
        done(1, 10),
        done(2, 50),
        set_days(3, 51, 30),
        // For longer again: what was gone stays gone.
        set_days(4, 52, 400),
        done(5, 60),
    ];
    let whole = folded(&bench, &[&records]).await;
    assert_eq!(seqs(&whole.0), [3, 4, 5, 6]);
    let chain = &whole.1[0];
    assert_eq!(
        (&chain["base_seq"], &chain["retention_days"]),
        (&2.into(), &400.into())
    );
    let origin = chain["origin"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an id");
    let tenant = chain["tenant_id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an id");
    assert_ne!(chain["base_hash"], chain::start(tenant, origin).as_str());
    let one_by_one: Vec<&[Record]> = records.chunks(1).collect();
    assert_eq!(folded(&bench, &one_by_one).await, whole);
    let in_pairs: Vec<&[Record]> = records.chunks(2).collect();
    assert_eq!(folded(&bench, &in_pairs).await, whole);
}

#[tokio::test]
async fn no_entry_outlives_its_records() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let most = TimeDelta::days(400).num_days();
    let records = [done(0, 0), done(1, 1), done(2, most + 1)];
    assert_eq!(seqs(&folded(&bench, &[&records]).await.0), [2, 3]);
}
