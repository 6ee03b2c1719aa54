//! The disk that the log may take is nearly spent: who took most of it waits.

use axum::http::StatusCode;
use metrics_exporter_prometheus::PrometheusBuilder;
use schemas::topic::Topic;
use serde_json::json;

use crate::site::Site;
use crate::{NATIVE, OTLP, PROTOBUF, now_ms, send, stored_in};

const BUDGET: u64 = 1 << 20;

fn body(site: &Site, padding: usize) -> Vec<u8> {
    let labels = json!({ "padding": "x".repeat(padding) });
    let time = now_ms(site);
    let sample = json!({ "name": "up", "labels": labels, "samples": [[time, 1]] });
    serde_json::to_vec(&json!({ "metrics": [sample] })).unwrap()
}

#[tokio::test]
async fn at_nine_tenths_the_heaviest_tenant_waits_and_the_others_go_on() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let counted = recorder.handle();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let mut site = Site::open_on(|log| log.disk_budget_bytes = BUDGET, |_| ()).await;
    let heavy = site.key(&["ingest"], None).await;
    let light = site.key_of_another().await;
    let json = "application/json";
    let of = |key| [("x-api-key", key), ("content-type", json)];
    let told = send(&site, NATIVE, &of(&light), &body(&site, 1)).await;
    assert_eq!(told.status, StatusCode::ACCEPTED);
    let mut sent = 0;
    let refused = loop {
        let told = send(&site, NATIVE, &of(&heavy), &body(&site, 15_000)).await;
        if told.status != StatusCode::ACCEPTED {
            break told;
        }
        sent += 1;
        assert!(sent < 100, "the budget is never spent");
    };
    assert!(sent * 15_000 > BUDGET as usize / 2, "after {sent}");
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers["retry-after"], "30");
    assert_eq!(refused.json()["rule"], "log_full_heavy_tenant");
    // In each dialect.
    let protobuf = [("x-api-key", &*heavy), ("content-type", PROTOBUF)];
    let gauge = crate::gauge(now_ms(&site), 1);
    let otlp = send(&site, OTLP, &of(&heavy), &gauge).await;
    assert_eq!(otlp.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(otlp.json()["code"], 14);
    let written = crate::written(&[("up", now_ms(&site))]);
    let write = send(&site, crate::WRITE, &protobuf, &written).await;
    assert_eq!(write.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        write.text().contains("this tenant has appended more"),
        "{}",
        write.text()
    );

    let before = stored_in(&site, Topic::TelemetryMetrics).await.len();
    for _ in 0..5 {
        let told = send(&site, NATIVE, &of(&light), &body(&site, 1)).await;
        assert_eq!(told.status, StatusCode::ACCEPTED, "the other tenant");
    }
    let after = stored_in(&site, Topic::TelemetryMetrics).await.len();
    assert_eq!(after, before + 5);
    let text = counted.render();
    let counter = text.lines().find(|line| {
        line.starts_with("ingest_refused_total")
            && line.contains("reason=\"log_full_heavy_tenant\"")
            && line.contains(&site.tenant.to_string())
    });
    assert!(counter.is_some_and(|line| line.ends_with(" 3")), "{text}");
}
