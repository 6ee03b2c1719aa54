//! What cannot be applied stands aside with everything after it of its key, and
//! nobody else waits.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use eventlog::{NewRecord, Record};
use projections::incidents::{self, Incidents};
use projections::runtime::{ApplyError, Changed, Home, Projection, Writing};
use projections::{checkpoints, history};
use schemas::codec::Example;
use schemas::envelope::Headers;
use schemas::incident::{IncidentAcknowledged, IncidentMitigated, IncidentResolved};
use schemas::topic::Topic;
use testkit::eventually;

use crate::fixture::{Bench, LONG, dump};
use crate::story::Tenant;

/// `incidents` with a bug: it cannot apply an acknowledged incident's event.
struct Buggy;

#[async_trait]
impl Projection for Buggy {
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

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        if batch
            .iter()
            .any(|record| record.kind() == "IncidentAcknowledged")
        {
            return Err(ApplyError::Permanent("a bug".to_owned()));
        }
        Incidents.apply(to, batch).await
    }
}

fn life(tenant: Tenant, n: u128) -> Vec<NewRecord> {
    let incident = tenant.incident(n);
    let mut records = tenant.manual_incident(n);
    records.push(tenant.incident_event(incident, 4, IncidentAcknowledged { note: None }));
    records.push(tenant.incident_event(incident, 5, IncidentMitigated { note: None }));
    records.push(tenant.incident_event(incident, 6, IncidentResolved::example()));
    records
}

#[tokio::test]
async fn a_failing_key_is_parked_in_order_and_applied_after_the_fix() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let tenant = Tenant(1);
    let mut positions = bench.append(life(tenant, 0)).await;
    for n in 1..6 {
        positions.extend(bench.append(tenant.manual_incident(n)).await);
    }
    let running = bench.run(vec![Arc::new(Buggy)]);
    let done = checkpoints::wait_until(&bench.db, "incidents", &positions, LONG).await;
    assert!(done.expect("answers"), "nobody waits for the parked key");
    running.stop().await;

    let scope = tenant.scope();
    let read = async |n| {
        let found = incidents::get(&bench.db, &scope, tenant.incident(n)).await;
        found.expect("answers").expect("exists")
    };
    let parked = read(0).await;
    assert_eq!((parked.version, parked.stale), (3, true));
    assert!(!read(1).await.stale);
    let held = dump(&mut bench.superuser().await, "read.parked").await;
    assert_eq!(
        held.as_array().map(Vec::len),
        Some(3),
        "the failing one and the two after it"
    );

    let key = tenant.incident(0).to_string();
    let applied = bench
        .replay()
        .key("incidents", key.as_bytes())
        .await
        .expect("applies");
    assert_eq!(applied, 3);
    let whole = read(0).await;
    assert_eq!(
        (whole.version, whole.stale, whole.status.as_str()),
        (6, false, "resolved")
    );
    let rows = bench.rows().await;
    bench.replay().one("incidents").await.expect("replays");
    assert_eq!(bench.rows().await, rows, "as if it had never failed");
}

#[tokio::test]
async fn an_unknown_fingerprint_stops_its_partition_and_no_other() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let tenant = Tenant(1);
    let mut records = tenant.manual_incident(0);
    let mut unknown = records[2].body.to_vec();
    unknown[2] ^= 0xFF;
    records[2].body = Bytes::from(unknown);
    let stopped = bench.append(records).await[2];
    let after = bench
        .append(vec![tenant.incident_event(
            tenant.incident(0),
            4,
            IncidentAcknowledged { note: None },
        )])
        .await;
    let other = (1..).find(|n| {
        let key = tenant.incident(*n).to_string();
        Topic::IncidentEvents.partition_of(key.as_bytes()) != stopped.partition
    });
    let others = bench
        .append(tenant.manual_incident(other.expect("16 partitions")))
        .await;

    let running = bench.run(vec![Arc::new(Incidents)]);
    let done = checkpoints::wait_until(&bench.db, "incidents", &others, LONG).await;
    assert!(done.expect("answers"), "the other partition goes on");
    eventually("the stop", || async {
        let all = checkpoints::get(&bench.db, "incidents").await.ok()?;
        let at = all.iter().find(|c| c.partition == stopped.partition)?;
        (at.next_offset == stopped.offset).then_some(())
    })
    .await;
    running.stop().await;
    let found = incidents::get(&bench.db, &tenant.scope(), tenant.incident(0)).await;
    assert_eq!(
        found.expect("answers").expect("exists").version,
        2,
        "nothing after the stop"
    );
    assert!(after[0].offset > stopped.offset);
    let held = dump(&mut bench.superuser().await, "read.parked").await;
    assert_eq!(
        held.as_array().map(Vec::len),
        Some(0),
        "never a dead letter"
    );
}

#[tokio::test]
async fn two_writers_of_one_aggregate_stop_the_history() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let tenant = Tenant(1);
    let records = tenant.manual_incident(0);
    let first = bench.append(records.clone()).await;
    let second = bench.append(vec![records[2].clone()]).await[0];
    let running = bench.run(vec![Arc::new(history::History)]);
    eventually("the history", || async {
        let next = history::checkpoint(&bench.db, second.topic, second.partition)
            .await
            .ok()?;
        (next > first[2].offset).then_some(())
    })
    .await;
    running.stop().await;
    let next = history::checkpoint(&bench.db, second.topic, second.partition).await;
    assert_eq!(
        next.expect("answers"),
        second.offset,
        "the second writer's event is not taken"
    );
}

/// The runner would decide on what was before it, as if that were all.
#[tokio::test]
async fn an_event_that_the_history_cannot_take_stops_its_partition() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let tenant = Tenant(1);
    let mut records = tenant.manual_incident(0);
    let headers = records[2].headers.iter();
    let without = headers.filter(|(name, _)| *name != "ce_sequence");
    records[2].headers = without.collect::<Headers>();
    let stopped = bench.append(records).await[2];
    let other = (1..).find(|n| {
        let key = tenant.incident(*n).to_string();
        Topic::IncidentEvents.partition_of(key.as_bytes()) != stopped.partition
    });
    let others = tenant.manual_incident(other.expect("16 partitions"));
    let last = bench.append(others).await[2];

    let running = bench.run(vec![Arc::new(history::History)]);
    eventually("the other partition", || async {
        let next = history::checkpoint(&bench.db, last.topic, last.partition).await;
        (next.ok()? > last.offset).then_some(())
    })
    .await;
    running.stop().await;
    let next = history::checkpoint(&bench.db, stopped.topic, stopped.partition).await;
    assert_eq!(next.expect("answers"), stopped.offset);
}
