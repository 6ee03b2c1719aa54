//! What Grafana's sources ask when somebody presses "Save & test": Prometheus
//! (`pkg/promlib/healthcheck.go`), Loki (`pkg/tsdb/loki/healthcheck.go`) and Jaeger
//! (`pkg/tsdb/jaeger/jaeger.go`), and what their explorers ask first.

use std::sync::Arc;

use serde_json::json;

use crate::prometheus::{Stores, app_with, post};

#[tokio::test(flavor = "multi_thread")]
async fn save_and_test_succeeds() {
    let Some(app) = app_with(&Arc::new(Stores::default())).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let get = async |path: &str| app.get(path, Some(&ada.token)).await.with(200);

    let form = [("query", "1+1"), ("time", "4")];
    let answer = post(&app, "query", &ada.token, &form).await.with(200);
    let two = json!({"resultType": "scalar", "result": [4, "2"]});
    assert_eq!(answer["data"], two);
    let built = get("/prometheus/api/v1/status/buildinfo").await;
    assert!(built["data"]["version"].as_str().unwrap().starts_with("3."));

    let asked = "direction=backward&query=vector%281%29%2Bvector%281%29&time=4000000000";
    let answer = get(&format!("/loki/api/v1/query?{asked}")).await;
    assert_eq!(answer["data"]["resultType"], "vector");
    assert_eq!(answer["data"]["result"][0]["value"][1], "2");
    for path in [
        "labels?start=1&end=2000000000",
        "series?match%5B%5D=%7Ba%3D%22b%22%7D",
    ] {
        let answer = get(&format!("/loki/api/v1/{path}")).await;
        assert_eq!(answer, json!({"status": "success", "data": []}), "{path}");
    }

    let services = get("/jaeger/api/services").await;
    assert_eq!(
        (&services["data"], &services["errors"]),
        (&json!([]), &json!(null))
    );
}
