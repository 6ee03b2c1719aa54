//! Who answers, what it may be asked, and queries written well.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::asked::{Asked, MAX_LIMIT};
use super::numbers::MOST_SERIES;
use super::{Failure, success};
use crate::Gateway;
use crate::operations::Allowed;
use crate::ready::Readiness;

/// The Loki whose query language and answers these are.
const SPOKEN: &str = "3.5.0";

fn built() -> Value {
    json!({
        "version": SPOKEN,
        "revision": env!("CARGO_PKG_VERSION"),
        "branch": "sre-copilot",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    })
}

/// The version of Loki whose language is spoken, for Grafana
#[utoipa::path(get, path = "/loki/api/v1/status/buildinfo", operation_id = "loki_build_info", tag = "loki",
    responses((status = 200, body = serde_json::Value)))]
pub async fn build_info(_: Allowed) -> Json<Value> {
    Json(built())
}

/// Whether queries are answered
#[utoipa::path(get, path = "/loki/ready", operation_id = "loki_ready", tag = "loki",
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = 503, body = String, content_type = "text/plain")))]
pub async fn ready(State(gateway): State<Gateway>) -> Result<&'static str, Failure> {
    match Readiness::of(&gateway).await.ready {
        true => Ok("ready\n"),
        false => Err(Failure::Unavailable),
    }
}

/// A query, written well
#[utoipa::path(get, path = "/loki/api/v1/format_query", operation_id = "loki_format_query", tag = "loki",
    params(("query" = String, Query)),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn format_query(_: Allowed, asked: Asked) -> Result<Json<Value>, Failure> {
    let read = logql::parse(asked.text("query").unwrap_or_default())?;
    Ok(success(logql::pretty(&read)))
}

/// A query, written well; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/format_query", operation_id = "loki_format_query_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_format_query(allowed: Allowed, asked: Asked) -> Result<Json<Value>, Failure> {
    format_query(allowed, asked).await
}

/// What Grafana's Logs Drilldown may ask for
#[utoipa::path(get, path = "/loki/api/v1/drilldown-limits", operation_id = "loki_drilldown_limits", tag = "loki",
    responses((status = 200, body = serde_json::Value)))]
pub async fn drilldown_limits(_: Allowed) -> Json<Value> {
    Json(json!({
        "limits": {
            "discover_log_levels": true,
            "discover_service_name": protocols::loki::SERVICE_LABELS,
            "log_level_fields": ["level", "detected_level", "severity", "lvl"],
            "max_entries_limit_per_query": MAX_LIMIT,
            "max_line_size_truncate": false,
            "max_query_bytes_read": "0B",
            "max_query_length": "0s",
            "max_query_lookback": "0s",
            "max_query_range": "0s",
            "max_query_series": MOST_SERIES,
            "metric_aggregation_enabled": false,
            "pattern_persistence_enabled": false,
            "query_timeout": "15s",
            "retention_period": "0s",
            "volume_enabled": true,
            "volume_max_series": 1_000,
        },
        "pattern_ingester_enabled": true,
        "version": SPOKEN,
    }))
}
