//! `/loki/api/v1`: what Grafana's Loki source, its Logs Drilldown and `logcli` ask, over
//! the logs of a project. Crate `logql` is the language; here is where lines come from
//! and what the answers look like.

mod answer;
mod asked;
pub mod detected;
pub mod labels;
mod lines;
mod numbers;
pub mod patterns;
mod record;
mod stats;
pub mod status;
pub mod tail;
pub mod volume;

use std::time::Instant;

use access::body::BodyError;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use logql::ast::{Expr, LogExpr, Metric};
use logql::metric::Grid;
use projections::telemetry::logs::LogsError;
use promql::Answer;
use promql::render::Pieces;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Gateway;
use crate::error::Error;
use crate::operations::Allowed;
use crate::streamed;
use asked::{Asked, DEFAULT_RANGE_NS};
use lines::Wanted;

const NS: i64 = 1_000_000_000;

/// Why a request was not answered; Loki says it in plain text.
#[derive(Debug)]
pub enum Failure {
    Bad(String),
    /// A form that could not be read, or was not.
    Form(BodyError),
    /// Another time it may be answered.
    Busy(String),
    Unavailable,
    Failed,
}

/// Loki answers 400 where a limit is met.
fn too_much(why: String) -> Failure {
    metrics::counter!("gateway_loki_limits_total").increment(1);
    Failure::Bad(why)
}

impl From<LogsError> for Failure {
    fn from(error: LogsError) -> Self {
        match error {
            LogsError::TookTooLong => too_much(error.to_string()),
            LogsError::NoMemory(why) => why.into(),
            LogsError::Query(projections::QueryError::Unavailable(_)) => Self::Unavailable,
            error => {
                tracing::error!(%error, "a query of logs failed inside");
                Self::Failed
            }
        }
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        Self::Form(error)
    }
}

impl From<logql::ParseError> for Failure {
    fn from(error: logql::ParseError) -> Self {
        Self::Bad(error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response<Body> {
        match self {
            Self::Bad(why) => (StatusCode::BAD_REQUEST, why).into_response(),
            Self::Form(error) => {
                let why = error.to_string();
                (Error::from(error).status(), why).into_response()
            }
            Self::Busy(why) => (StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
            Self::Unavailable => {
                let why = "the logs are not available";
                (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
            }
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "internal error").into_response(),
        }
    }
}

fn success(data: impl Serialize) -> Json<Value> {
    Json(json!({"status": "success", "data": data}))
}

/// What was found, in the order that decoders of older Grafana need: they read a result
/// by the type that came before it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    result_type: &'static str,
    result: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding_flags: Option<[&'static str; 1]>,
    stats: Value,
}

#[derive(Debug, Serialize)]
struct Success {
    status: &'static str,
    data: Found,
}

/// What is held for it is given back when its reader has it.
fn found(
    result_type: &'static str,
    result: Vec<Value>,
    encoding_flags: Option<[&'static str; 1]>,
    stats: Value,
    held: impl Send + 'static,
) -> Response {
    let data = Found {
        result_type,
        result,
        encoding_flags,
        stats,
    };
    let status = "success";
    streamed::json(&Success { status, data }, held)
}

/// Log lines or numbers over time, in LogQL
#[utoipa::path(get, path = "/loki/api/v1/query_range", operation_id = "loki_query_range", tag = "loki",
    params(("query" = String, Query), ("start" = Option<String>, Query), ("end" = Option<String>, Query),
        ("since" = Option<String>, Query, description = "How long before the end, where no start is given"),
        ("limit" = Option<u32>, Query), ("step" = Option<String>, Query),
        ("interval" = Option<String>, Query, description = "How far apart lines are at least; all are answered unless told"),
        ("direction" = Option<String>, Query, description = "backward (unless told) or forward")),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn query_range(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Response, Failure> {
    let (from_ns, to_ns) = asked.range()?;
    let interval_ns = asked.interval_ns()?;
    match parsed(&asked)? {
        Expr::Log(log) => {
            // Loki's end is not part of the range: clients page back by the oldest time they have.
            let to_ns = (to_ns - 1).max(from_ns + 1);
            let times = (from_ns, to_ns);
            lines(&gateway, &allowed, &asked, &log, times, interval_ns).await
        }
        Expr::Metric(metric) => {
            let grid = asked.grid(from_ns, to_ns - 1)?;
            numbers(&gateway, &allowed, &metric, grid).await
        }
    }
}

/// Log lines or numbers over time, in LogQL; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/query_range", operation_id = "loki_query_range_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_query_range(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Response, Failure> {
    query_range(gateway, allowed, asked).await
}

/// Numbers at one moment, in LogQL
#[utoipa::path(get, path = "/loki/api/v1/query", operation_id = "loki_query", tag = "loki",
    params(("query" = String, Query), ("time" = Option<String>, Query), ("limit" = Option<u32>, Query),
        ("direction" = Option<String>, Query, description = "backward (unless told) or forward")),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn query(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Response, Failure> {
    let at_ns = asked.time("time")?.unwrap_or(asked.now_ns);
    match parsed(&asked)? {
        Expr::Log(log) => {
            let from_ns = at_ns.saturating_sub(DEFAULT_RANGE_NS);
            let to_ns = at_ns.saturating_add(1);
            lines(&gateway, &allowed, &asked, &log, (from_ns, to_ns), 0).await
        }
        Expr::Metric(metric) => {
            let grid = Grid {
                start_ns: at_ns,
                step_ns: 0,
                count: 1,
            };
            numbers(&gateway, &allowed, &metric, grid).await
        }
    }
}

/// Numbers at one moment, in LogQL; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/query", operation_id = "loki_query_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_query(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Response, Failure> {
    query(gateway, allowed, asked).await
}

fn parsed(asked: &Asked) -> Result<Expr, Failure> {
    Ok(logql::parse(asked.text("query").unwrap_or_default())?)
}

async fn lines(
    gateway: &Gateway,
    allowed: &Allowed,
    asked: &Asked,
    log: &LogExpr,
    (from_ns, to_ns): (i64, i64),
    interval_ns: u64,
) -> Result<Response, Failure> {
    let wanted = Wanted {
        log,
        from_ns,
        to_ns,
        forward: asked.forward()?,
        limit: asked.limit()?,
        interval_ns,
    };
    let begun = Instant::now();
    let passed = lines::find(gateway, allowed.scope(), &wanted).await?;
    let stats = stats::stats(begun, passed.scanned, passed.lines.len());
    let streams = answer::streams(passed.lines, asked.categorized);
    let flags = asked.categorized.then_some([answer::CATEGORIZED]);
    Ok(found("streams", streams, flags, stats, passed.held))
}

async fn numbers(
    gateway: &Gateway,
    allowed: &Allowed,
    metric: &Metric,
    grid: Grid,
) -> Result<Response, Failure> {
    let begun = Instant::now();
    let evaluated = numbers::evaluate(gateway, allowed.scope(), metric, grid).await?;
    let (answer, scanned, held) = evaluated;
    let stats = stats::stats(begun, scanned, stats::entries(&answer));
    // Notes are about the PromQL that nobody has written.
    let answer = Answer {
        warnings: Vec::new(),
        infos: Vec::new(),
        ..answer
    };
    Ok(streamed::answer(Pieces::plain(answer, Some(&stats)), held))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_result_comes_before_it() {
        let data = Found {
            result_type: "streams",
            result: Vec::new(),
            encoding_flags: None,
            stats: json!({}),
        };
        let status = "success";
        let text = serde_json::to_string(&Success { status, data }).unwrap();
        let expected =
            r#"{"status":"success","data":{"resultType":"streams","result":[],"stats":{}}}"#;
        assert_eq!(text, expected);
    }
}
