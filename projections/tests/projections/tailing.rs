//! Who follows lines as they arrive misses none where level 0 goes on to its next ten minutes.

use projections::telemetry::logs::{Filter, Tail};
use schemas::topic::Topic;
use serde_json::json;

use crate::fixture::Bench;
use crate::observed::{START, compact, received};
use crate::story::Tenant;

const OURS: Tenant = Tenant(1);

#[tokio::test]
async fn the_last_lines_of_ten_minutes_are_seen_after_they_are_compacted() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let scope = OURS.scope();
    let mut tail = Tail::begin(&bench.db, &scope).await.expect("begins");
    let over = START + 600_000;
    let lines = json!({ "logs": [{ "service": "shop", "message": "the last" }]});
    let at_ms = over - 500;
    let lines = received(
        OURS,
        Topic::TelemetryLogs,
        "native.logs.json",
        at_ms,
        &lines,
    );
    let positions = bench.append(vec![lines]).await;
    bench.project(&positions).await;
    // Before the next look.
    let done = compact(&bench, over + 100).await;
    assert_eq!((done.compacted, done.dropped), (1, 0));
    let filter = Filter::parse("").expect("a filter");
    let arrived = tail.look(&bench.db, &scope, &filter, 10).await;
    assert_eq!(arrived.expect("looks").records.len(), 1);
    assert_eq!(compact(&bench, over + 60_000).await.dropped, 1);
}
