//! What clients ask of the server itself. Rules are not evaluated here; alerts come
//! from Alertmanagers and are incidents' (`/api/v1/alerts`).

use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::reply::{PrometheusAnswer, success};
use crate::operations::Allowed;

/// The release of Prometheus whose API this is: clients choose what they ask by it.
const API_VERSION: &str = "3.5.0";

/// What clients choose their questions by.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildInfo {
    version: &'static str,
    revision: &'static str,
    branch: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
}

/// Version of the API
#[utoipa::path(get, path = "/prometheus/api/v1/status/buildinfo", operation_id = "prometheus_buildinfo", tag = "prometheus",
    responses((status = 200, body = PrometheusAnswer)))]
pub async fn build_info(_: Allowed) -> Response {
    success(BuildInfo {
        version: API_VERSION,
        revision: env!("CARGO_PKG_VERSION"),
        branch: "sre-copilot",
        build_user: "",
        build_date: "",
        go_version: "",
    })
}

/// Groups of rules: none
#[utoipa::path(get, path = "/prometheus/api/v1/rules", operation_id = "prometheus_rules", tag = "prometheus",
    responses((status = 200, body = PrometheusAnswer)))]
pub async fn rules(_: Allowed) -> Response {
    success(json!({"groups": []}))
}

/// Alerts of rules: none
#[utoipa::path(get, path = "/prometheus/api/v1/alerts", operation_id = "prometheus_alerts", tag = "prometheus",
    responses((status = 200, body = PrometheusAnswer)))]
pub async fn alerts(_: Allowed) -> Response {
    success(json!({"alerts": []}))
}
