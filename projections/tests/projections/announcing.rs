//! After each commit, every partition that moved is announced without holes.

use std::collections::BTreeMap;

use projections::fanout::{Fanout, Heard};
use schemas::change::ChangeKind;

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

/// What is there already; None where the future would wait.
async fn ready<T>(future: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::select! {
        biased;
        value = future => value,
        () = std::future::ready(()) => None,
    }
}
