//! `/loki/api/v1`: what Grafana's Loki source asks, over the logs of a project. Of
//! LogQL: stream selectors, line filters, `| json`, `| logfmt`, label filters, and
//! counts over time by level.

mod answer;
mod asked;
pub mod labels;
mod lines;
mod logql;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, body::Body};
use projections::telemetry::logs::{self, LogsError, Query};
use serde_json::{Value, json};

use crate::Gateway;
use crate::operations::Allowed;
use asked::{Asked, DEFAULT_RANGE_NS};
use logql::{Counting, LogQl, Selection};

const NS: i64 = 1_000_000_000;
/// What Grafana asks to see whether somebody is there.
const HEALTH: &str = "vector(1)+vector(1)";

/// Why a request was not answered; Loki says it in plain text.
#[derive(Debug)]
pub enum Failure {
    Bad(String),
    Unavailable,
    Failed,
}

impl From<LogsError> for Failure {
    fn from(error: LogsError) -> Self {
        match error {
            LogsError::TookTooLong => Self::Bad(error.to_string()),
            LogsError::Query(projections::QueryError::Unavailable(_)) => Self::Unavailable,
            error => {
                tracing::error!(%error, "a query of logs failed inside");
                Self::Failed
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response<Body> {
        match self {
            Self::Bad(why) => (StatusCode::BAD_REQUEST, why).into_response(),
            Self::Unavailable => {
                let why = "the logs are not available";
                (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
            }
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "internal error").into_response(),
        }
    }
}

fn success(data: impl serde::Serialize) -> Json<Value> {
    Json(json!({"status": "success", "data": data}))
}

/// Log lines or counts over time, in LogQL
#[utoipa::path(get, path = "/loki/api/v1/query_range", operation_id = "loki_query_range", tag = "loki",
    params(("query" = String, Query), ("start" = Option<String>, Query), ("end" = Option<String>, Query),
        ("limit" = Option<u32>, Query), ("step" = Option<String>, Query),
        ("direction" = Option<String>, Query, description = "backward (unless told) or forward")),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn query_range(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    let (from_ns, to_ns) = asked.range()?;
    match parsed(&asked)? {
        LogQl::Lines(selection) => {
            lines(&gateway, &allowed, &asked, &selection, from_ns, to_ns).await
        }
        LogQl::Count(counting) => {
            let step_ns = asked.step_ns(to_ns - from_ns)?;
            let found = counts(&gateway, &allowed, &counting, from_ns, to_ns, step_ns).await?;
            Ok(success(json!({"resultType": "matrix", "result": found})))
        }
    }
}

/// Log lines or counts over time, in LogQL; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/query_range", operation_id = "loki_query_range_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_query_range(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    query_range(gateway, allowed, asked).await
}

/// Counts at one moment, in LogQL
#[utoipa::path(get, path = "/loki/api/v1/query", operation_id = "loki_query", tag = "loki",
    params(("query" = String, Query), ("time" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn query(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    let at_ns = asked.time("time")?.unwrap_or(asked.now_ns);
    let text = asked.text("query").unwrap_or_default().replace(' ', "");
    if text == HEALTH {
        let value = json!([at_ns / NS, "2"]);
        return Ok(success(
            json!({"resultType": "vector", "result": [{"metric": {}, "value": value}]}),
        ));
    }
    match parsed(&asked)? {
        LogQl::Lines(selection) => {
            let from_ns = at_ns.saturating_sub(DEFAULT_RANGE_NS);
            lines(&gateway, &allowed, &asked, &selection, from_ns, at_ns + 1).await
        }
        LogQl::Count(counting) => {
            let series = counts(&gateway, &allowed, &counting, at_ns, at_ns + 1, NS).await?;
            let result: Vec<Value> = series.into_iter().filter_map(answer::last).collect();
            Ok(success(json!({"resultType": "vector", "result": result})))
        }
    }
}

/// Counts at one moment, in LogQL; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/query", operation_id = "loki_query_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_query(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    query(gateway, allowed, asked).await
}

fn parsed(asked: &Asked) -> Result<LogQl, Failure> {
    let text = asked.text("query").unwrap_or_default();
    logql::parse(text).map_err(|error| Failure::Bad(error.to_string()))
}

async fn lines(
    gateway: &Gateway,
    allowed: &Allowed,
    asked: &Asked,
    selection: &Selection,
    from_ns: i64,
    to_ns: i64,
) -> Result<Json<Value>, Failure> {
    let forward = match asked
        .text("direction")
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        None | Some("backward") => false,
        Some("forward") => true,
        Some(other) => return Err(Failure::Bad(format!("direction: `{other}` is none"))),
    };
    let query = Query {
        filter: selection.filter.clone(),
        from_ns,
        to_ns,
    };
    let limit = asked.limit()?;
    let found = lines::find(gateway, allowed.scope(), &query, selection, forward, limit).await?;
    let result = answer::streams(found);
    Ok(success(
        json!({"resultType": "streams", "result": result, "stats": {}}),
    ))
}

async fn counts(
    gateway: &Gateway,
    allowed: &Allowed,
    counting: &Counting,
    from_ns: i64,
    to_ns: i64,
    step_ns: i64,
) -> Result<Vec<Value>, Failure> {
    // Buckets of which both the steps and the windows are multiples.
    let bucket_ns = gcd(step_ns, counting.range_ns);
    let first = from_ns.div_euclid(step_ns) * step_ns;
    let query = Query {
        filter: counting.selection.filter.clone(),
        from_ns: first.saturating_sub(counting.range_ns),
        to_ns,
    };
    let stats = logs::stats(&gateway.db, allowed.scope(), &query, bucket_ns).await?;
    Ok(answer::matrix(counting, &stats, first, to_ns, step_ns))
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
