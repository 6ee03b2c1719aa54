//! What a client sends again and again is there once, however often the folds begin anew.

use schemas::topic::Topic;
use serde_json::json;

use crate::fixture::Bench;
use crate::observed::{DAY, START, answers, received};
use crate::story::Tenant;

const OURS: Tenant = Tenant(1);

#[tokio::test]
async fn a_body_that_goes_on_being_repeated_is_known_to_each_process() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let lines = json!({ "logs": [
        { "timestamp": START * 1_000_000, "service": "shop", "message": "order 7" },
    ]});
    let spans = json!({ "spans": [{
        "trace_id": format!("{:032x}", 7), "span_id": format!("{:016x}", 7), "service": "shop",
        "name": "order", "kind": "server", "start": START * 1_000_000, "duration_ms": 20,
    }]});
    // Nothing else comes with the second one, and the third comes more than a quarter of an
    // hour after the first.
    for minute in [0, 10, 20] {
        let at_ms = START + minute * 60_000;
        let lines = received(
            OURS,
            Topic::TelemetryLogs,
            "native.logs.json",
            at_ms,
            &lines,
        );
        let spans = received(
            OURS,
            Topic::TelemetryTraces,
            "native.spans.json",
            at_ms,
            &spans,
        );
        let positions = bench.append(vec![lines, spans]).await;
        bench.project(&positions).await;
    }
    let found = answers(&bench, OURS, START - DAY, START + DAY).await;
    assert_eq!(found["records"].len(), 1, "{:?}", found["records"]);
    let red = &found["red"];
    assert!(red.len() == 1 && red[0].contains("count: 1,"), "{red:?}");
}
