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
    let services = get("/jaeger/api/v3/services").await;
    assert_eq!(services, json!({"services": []}));
}

/// Sources show the text that they find where their server puts it: `error` of Prometheus,
/// `msg` of Jaeger, all of what Loki says.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_gate_refuses_is_told_in_each_servers_words() {
    let Some(app) = app_with(&Arc::new(Stores::default())).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let why = "no credential was presented";

    let refused = app.get("/loki/api/v1/labels", None).await;
    assert_eq!((refused.status.as_u16(), &*refused.text), (401, why));
    let kind = refused.headers["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/plain"), "{kind}");
    assert_eq!(refused.headers["www-authenticate"], "Bearer");

    let refused = app.get("/prometheus/api/v1/labels", None).await;
    let said = json!({"status": "error", "errorType": "execution", "error": why});
    assert_eq!(refused.with(401), said);
    let refused = app.get("/jaeger/api/services", None).await;
    let said = json!({"data": null, "errors": [{"code": 401, "msg": why}]});
    assert_eq!(refused.with(401), said);
    assert_eq!(refused.headers["content-type"], "application/json");
    let refused = app.get("/jaeger/api/v3/services", None).await;
    let said = json!({"error": {"grpcCode": 16, "httpCode": 401, "message": why}});
    assert_eq!(refused.with(401), said);
    assert_eq!(refused.headers["content-type"], "application/json");

    for path in [
        "/loki/api/v1/rules",
        "/prometheus/api/v1/targets",
        "/jaeger/api/x",
        "/jaeger/api/v3/x",
    ] {
        let none = app.get(path, Some(&ada.token)).await;
        assert_eq!(
            (none.status.as_u16(), &*none.text),
            (404, "404 page not found\n")
        );
    }
    // The control: our own API says more.
    let refused = app.get("/api/v1/logs", None).await.with(401);
    assert_eq!(refused["rule"], "credential_missing");
}
