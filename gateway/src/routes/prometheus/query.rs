//! Queries at an instant and over a range, and expressions laid out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Response;
use promql::budget::Share;
use promql::render::Pieces;
use promql::{Answer, Cost, Value};
use serde_json::json;

use super::parameters::{AS_OF, Parameters};
use super::reply::{Failure, PrometheusAnswer, PrometheusFailure, success};
use super::store;
use crate::Gateway;
use crate::metric_stores::{AT_ONCE, PATIENCE};
use crate::operations::Allowed;
use crate::streamed;

/// Evaluate an expression at an instant
#[utoipa::path(get, path = "/prometheus/api/v1/query", operation_id = "prometheus_query", tag = "prometheus",
    params(("query" = String, Query, description = "PromQL"),
        ("time" = Option<String>, Query, description = "Seconds since 1970 or RFC 3339; `as_of`, else now, unless given"),
        ("timeout" = Option<String>, Query, description = "A duration such as 30s, or seconds"),
        ("limit" = Option<u64>, Query, description = "How many series at most; 0 for all"),
        ("stats" = Option<String>, Query, description = "Whatever it is: also how long it took and how many samples were read"),
        ("lookback_delta" = Option<String>, Query, description = "How old a sample may be to stand for its series"),
        ("as_of" = Option<String>, Query, description = "Only what had arrived by then; seconds since 1970 or RFC 3339")),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure),
        (status = 422, body = PrometheusFailure), (status = 503, body = PrometheusFailure)))]
pub async fn instant(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    parameters: Parameters,
) -> Result<Response, Failure> {
    let now = gateway.clock.now().datetime().timestamp_millis();
    let as_of = parameters.time(AS_OF)?;
    let time = parameters.time("time")?.or(as_of).unwrap_or(now);
    let (options, limit) = (parameters.options()?, parameters.limit()?);
    let store = store(&gateway, &allowed, as_of)?;
    let watch = Watch::start(&parameters);
    let _turn = turn(&gateway).await?;
    let watch = watch.begun();
    let engine = gateway.queries.engine;
    let answer = engine.instant(store.as_ref(), parameters.query(), time, options);
    Ok(answered(answer.await?, limit, watch, store.share()))
}

/// Evaluate an expression at an instant; parameters in a form
#[utoipa::path(post, path = "/prometheus/api/v1/query", operation_id = "prometheus_query_post", tag = "prometheus",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure),
        (status = 422, body = PrometheusFailure), (status = 503, body = PrometheusFailure)))]
pub async fn post_instant(
    gateway: State<Gateway>,
    allowed: Allowed,
    parameters: Parameters,
) -> Result<Response, Failure> {
    instant(gateway, allowed, parameters).await
}

/// Evaluate an expression over a range of time
#[utoipa::path(get, path = "/prometheus/api/v1/query_range", operation_id = "prometheus_query_range", tag = "prometheus",
    params(("query" = String, Query, description = "PromQL"),
        ("start" = String, Query, description = "Seconds since 1970 or RFC 3339"),
        ("end" = String, Query, description = "Seconds since 1970 or RFC 3339"),
        ("step" = String, Query, description = "A duration such as 15s, or seconds"),
        ("timeout" = Option<String>, Query, description = "A duration such as 30s, or seconds"),
        ("limit" = Option<u64>, Query, description = "How many series at most; 0 for all"),
        ("stats" = Option<String>, Query, description = "Whatever it is: also how long it took and how many samples were read"),
        ("lookback_delta" = Option<String>, Query, description = "How old a sample may be to stand for its series"),
        ("as_of" = Option<String>, Query, description = "Only what had arrived by then; seconds since 1970 or RFC 3339")),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure),
        (status = 422, body = PrometheusFailure), (status = 503, body = PrometheusFailure)))]
pub async fn range(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    parameters: Parameters,
) -> Result<Response, Failure> {
    let times = (
        parameters.needed_time("start")?,
        parameters.needed_time("end")?,
    );
    let step = parameters.step()?;
    let (options, limit) = (parameters.options()?, parameters.limit()?);
    let store = store(&gateway, &allowed, parameters.time(AS_OF)?)?;
    let watch = Watch::start(&parameters);
    let _turn = turn(&gateway).await?;
    let watch = watch.begun();
    let engine = gateway.queries.engine;
    let source = store.as_ref();
    let answer = engine.range(source, parameters.query(), times, step, options);
    Ok(answered(answer.await?, limit, watch, store.share()))
}

/// Evaluate an expression over a range of time; parameters in a form
#[utoipa::path(post, path = "/prometheus/api/v1/query_range", operation_id = "prometheus_query_range_post", tag = "prometheus",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure),
        (status = 422, body = PrometheusFailure), (status = 503, body = PrometheusFailure)))]
pub async fn post_range(
    gateway: State<Gateway>,
    allowed: Allowed,
    parameters: Parameters,
) -> Result<Response, Failure> {
    range(gateway, allowed, parameters).await
}

/// Lay an expression out
#[utoipa::path(get, path = "/prometheus/api/v1/format_query", operation_id = "prometheus_format_query", tag = "prometheus",
    params(("query" = String, Query, description = "PromQL")),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure)))]
pub async fn format(_: Allowed, parameters: Parameters) -> Result<Response, Failure> {
    let formatted = promql::format(parameters.query());
    Ok(success(formatted.map_err(promql::QueryError::from)?))
}

/// Lay an expression out; parameters in a form
#[utoipa::path(post, path = "/prometheus/api/v1/format_query", operation_id = "prometheus_format_query_post", tag = "prometheus",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = PrometheusAnswer), (status = 400, body = PrometheusFailure)))]
pub async fn post_format(allowed: Allowed, parameters: Parameters) -> Result<Response, Failure> {
    format(allowed, parameters).await
}

async fn turn(gateway: &Gateway) -> Result<tokio::sync::SemaphorePermit<'_>, Failure> {
    let turn = gateway.queries.turn().await;
    turn.ok_or_else(|| {
        Failure::Timeout(format!(
            "query timed out in query queue after {PATIENCE:?}: {AT_ONCE} others run"
        ))
    })
}

/// When a query came and when it had its turn, for `stats`.
struct Watch {
    wanted: bool,
    came: Instant,
    begun: Instant,
}

impl Watch {
    fn start(parameters: &Parameters) -> Self {
        let now = Instant::now();
        Self {
            wanted: parameters.text("stats").is_some(),
            came: now,
            begun: now,
        }
    }

    fn begun(self) -> Self {
        let begun = Instant::now();
        Self { begun, ..self }
    }

    /// Names as Prometheus has them. Of an evaluation that reads and folds as it goes, what
    /// was read and what was held are known; not how long each of its parts took.
    fn stats(&self, cost: Cost) -> Option<serde_json::Value> {
        let (queued, evaluated) = (self.begun - self.came, self.begun.elapsed());
        let seconds = |time: Duration| time.as_secs_f64();
        self.wanted.then(|| {
            json!({
                "timings": {
                    "evalTotalTime": seconds(evaluated),
                    "resultSortTime": 0,
                    "queryPreparationTime": 0,
                    "innerEvalTime": seconds(evaluated),
                    "execQueueTime": seconds(queued),
                    "execTotalTime": seconds(queued + evaluated),
                },
                "samples": {"totalQueryableSamples": cost.read, "peakSamples": cost.held},
            })
        })
    }
}

/// How many notes of a kind are told: there may be one of each metric.
const MOST_NOTES: usize = 10;

/// The first of them, and how many more there are, in Prometheus' words.
fn told(mut notes: Vec<String>, kind: &str) -> Vec<String> {
    let more = notes.len().saturating_sub(MOST_NOTES);
    notes.truncate(MOST_NOTES);
    if more > 0 {
        notes.push(format!("{more} more {kind} annotations omitted"));
    }
    notes
}

fn answered(mut answer: Answer, limit: usize, watch: Watch, held: Arc<Share>) -> Response {
    let stats = watch.stats(answer.cost);
    answer.warnings = told(answer.warnings, "warning");
    answer.infos = told(answer.infos, "info");
    let cut = match &mut answer.value {
        Value::Vector(_, series) => cut(series, limit),
        Value::Matrix(series) => cut(series, limit),
        Value::Scalar(..) | Value::Text(..) => false,
    };
    if cut {
        let warning = "results truncated due to limit";
        answer.warnings.push(warning.to_owned());
    }
    streamed::answer(Pieces::new(answer, stats.as_ref()), held)
}

fn cut<T>(series: &mut Vec<T>, limit: usize) -> bool {
    let longer = series.len() > limit;
    series.truncate(limit);
    longer
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn ten_notes_are_told_and_the_others_are_counted() {
        let notes = |count: usize| -> Vec<String> { (0..count).map(|at| at.to_string()).collect() };
        assert_eq!(told(notes(10), "info"), notes(10));
        let many = told(notes(13), "info");
        assert_eq!(many[..10], notes(10));
        assert_eq!(many[10..], ["3 more info annotations omitted"]);
    }
}
