//! Names that are too long for a key of Postgres hold nothing back.

use schemas::topic::Topic;
use serde_json::json;

use crate::fixture::Bench;
use crate::observed::{DAY, START, answers, received};
use crate::story::Tenant;

const OURS: Tenant = Tenant(1);

/// Text that does not compress.
fn noise(bytes: usize) -> String {
    let mut state = 7_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'a' + (state >> 59) as u8 % 26)
    };
    (0..bytes).map(|_| next()).collect()
}

#[tokio::test]
async fn very_long_names_of_services_and_families_are_stored() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let name = noise(9_000);
    let lines = json!({ "logs": [
        { "service": name, "message": "one" },
        { "service": "shop", "message": "two" },
    ]});
    let samples = json!({ "metrics": [
        { "name": name, "type": "gauge", "samples": [[START - 1_000, 1.0]] },
        { "name": "up", "type": "gauge", "samples": [[START - 1_000, 1.0]] },
    ]});
    let both = vec![
        received(
            OURS,
            Topic::TelemetryLogs,
            "native.logs.json",
            START,
            &lines,
        ),
        received(
            OURS,
            Topic::TelemetryMetrics,
            "native.metrics.json",
            START,
            &samples,
        ),
    ];
    let positions = bench.append(both).await;
    bench.project(&positions).await;
    let found = answers(&bench, OURS, START - DAY, START + DAY).await;
    assert_eq!(found["records"].len(), 2);
    let services = &found["log services"];
    let rest = services.iter().any(|one| one.contains("(more services)"));
    assert!(rest && services.len() == 2, "{services:?}");
    assert_eq!(found["samples"].len(), 2);
}
