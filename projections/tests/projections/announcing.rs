//! After each commit, every partition that moved is announced without holes.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use projections::fanout::{Fanout, Heard};
use projections::incidents::Incidents;
use schemas::alert_group::{AlertGroupEvent, AlertsTruncated, EpisodeBegan};
use schemas::change::ChangeKind;
use schemas::codec::Example;
use schemas::incident::IncidentMerged;
use schemas::topic::Topic;

use crate::fixture::Bench;
use crate::story::Tenant;

#[tokio::test]
async fn announcements_join_up_and_name_what_changed() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let mut listener = bench.fanout.listen();
    let running = bench.run(projections::registry());
    let tenant = Tenant(1);
    for n in 0..5 {
        let positions = bench.append(tenant.manual_incident(n)).await;
        bench.caught_up(&positions).await;
    }
    running.stop().await;
    bench.replay().one("incidents").await.expect("replays");

    let (mut ends, mut kinds) = (BTreeMap::new(), Vec::new());
    while let Some(Heard::Announced(said)) = ready(listener.next()).await {
        let place = (said.projection.clone(), said.topic.clone(), said.partition);
        let end = ends.insert(place, said.to).unwrap_or(0);
        assert_eq!(said.from, end, "a hole in {}", said.projection);
        kinds.extend(
            said.changes
                .iter()
                .map(|change| (change.kind, change.key.clone())),
        );
    }
    for n in 0..5 {
        let id = tenant.incident(n).to_string();
        let count = |kind| {
            kinds
                .iter()
                .filter(|said| **said == (kind, id.clone()))
                .count()
        };
        assert_eq!(
            count(ChangeKind::IncidentCreated),
            1,
            "the replay announces nothing"
        );
        assert!(count(ChangeKind::TimelineUpdated) > 0);
    }
}

/// Nothing else may change with it, and an open page shows the number.
#[tokio::test]
async fn a_change_of_what_was_left_out_alone_names_the_incident() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let mut listener = bench.fanout.listen();
    let running = bench.run(projections::registry());
    let (tenant, incident) = (Tenant(1), Tenant(1).incident(0));
    let began = EpisodeBegan {
        incident,
        ..EpisodeBegan::example()
    };
    let events = [
        AlertGroupEvent::from(began),
        AlertsTruncated { count: 3 }.into(),
        AlertsTruncated { count: 2 }.into(),
    ];
    // Each in a batch of its own, so that the incident is read from the table.
    for (sequence, event) in (1..).zip(&events) {
        let topic = Topic::IncidentEvents;
        let record = tenant.event(topic, "alert_group", tenant.id(50), sequence, event);
        let positions = bench.append(vec![record]).await;
        bench.caught_up(&positions).await;
    }
    running.stop().await;

    let updated = (ChangeKind::IncidentUpdated, incident.to_string());
    let mut told = 0;
    while let Some(Heard::Announced(said)) = ready(listener.next()).await {
        let changes = said.changes.iter();
        told += changes
            .filter(|change| (change.kind, change.key.clone()) == updated)
            .count();
    }
    assert_eq!(told, 2);
}

/// Its counts and its timeline are read anew when the other's alerts are its own.
#[tokio::test]
async fn a_merge_names_the_incident_that_goes_on_too() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let mut listener = bench.fanout.listen();
    let running = bench.run(vec![Arc::new(Incidents)]);
    let (tenant, into) = (Tenant(1), Tenant(1).incident(1));
    let mut records = tenant.manual_incident(0);
    let merged = IncidentMerged { into };
    records.push(tenant.incident_event(tenant.incident(0), 4, merged));
    let positions = bench.append(records).await;
    bench.caught_up_in("incidents", &positions).await;
    running.stop().await;

    let mut told = HashSet::new();
    while let Some(Heard::Announced(said)) = ready(listener.next()).await {
        let changes = said.changes.iter().cloned();
        let of_survivor = changes.filter(|change| change.key == into.to_string());
        told.extend(of_survivor.map(|change| change.kind));
    }
    let expected = [
        ChangeKind::IncidentUpdated,
        ChangeKind::IncidentAbsorbed,
        ChangeKind::TimelineUpdated,
    ];
    assert_eq!(told, HashSet::from(expected));
}

/// What is there already; None where the future would wait.
async fn ready<T>(future: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::select! {
        biased;
        value = future => value,
        () = std::future::ready(()) => None,
    }
}
