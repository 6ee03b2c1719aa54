//! `/loki/api/v1`: what Grafana's Loki source asks, over the logs of a project. Of
//! LogQL: stream selectors, line filters, `| json`, `| logfmt`, label filters, and
//! counts over time by level.

mod answer;
mod lines;
mod logql;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, body::Body};
use chrono::DateTime;
use projections::telemetry::logs::{self, Filter, LogsError, Query, label_name};
use serde_json::{Value, json};

use crate::Gateway;
use crate::operations::Allowed;
use logql::{Counting, LogQl, Selection};

const NS: i64 = 1_000_000_000;
const DEFAULT_RANGE_NS: i64 = 3_600 * NS;
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 5_000;
const MOST_STEPS: i64 = 11_000;
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

/// Parameters as they came.
struct Asked {
    pairs: Vec<(String, String)>,
    now_ns: i64,
}

impl Asked {
    fn of(gateway: &Gateway, query: Option<String>) -> Self {
        let query = query.unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        Self {
            pairs: pairs.into_owned().collect(),
            now_ns: gateway.clock.now().micros().saturating_mul(1_000),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        let found = pairs.find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    fn time(&self, name: &str) -> Result<Option<i64>, Failure> {
        let wrong = |text: &str| Failure::Bad(format!("{name}: `{text}` is not a time"));
        let text = self.text(name);
        text.map(|text| time(text).ok_or_else(|| wrong(text)))
            .transpose()
    }

    /// `start` and `end`, the last hour unless told.
    fn range(&self) -> Result<(i64, i64), Failure> {
        let to_ns = self.time("end")?.unwrap_or(self.now_ns);
        let from_ns = self
            .time("start")?
            .unwrap_or(to_ns.saturating_sub(DEFAULT_RANGE_NS));
        match from_ns <= to_ns {
            true => Ok((from_ns, to_ns.saturating_add(1))),
            false => Err(Failure::Bad("end is before start".to_owned())),
        }
    }

    fn limit(&self) -> Result<usize, Failure> {
        let Some(text) = self.text("limit") else {
            return Ok(DEFAULT_LIMIT);
        };
        let limit = text.parse::<usize>();
        let limit = limit.map_err(|_| Failure::Bad(format!("limit: `{text}` is not a number")))?;
        Ok(limit.clamp(1, MAX_LIMIT))
    }

    fn step_ns(&self, range_ns: i64) -> Result<i64, Failure> {
        let step = match self.text("step") {
            None => (range_ns / 250).max(NS),
            Some(text) => logql::duration_ns(text)
                .ok_or_else(|| Failure::Bad(format!("step: `{text}` is not a duration")))?,
        };
        match step >= NS && range_ns / step <= MOST_STEPS {
            true => Ok(step / NS * NS),
            false => Err(Failure::Bad("step: too short for the range".to_owned())),
        }
    }

    fn everything(&self) -> Result<Query, Failure> {
        let (from_ns, to_ns) = self.range()?;
        Ok(Query {
            filter: Filter::default(),
            from_ns,
            to_ns,
        })
    }
}

/// Nanoseconds since 1970, seconds with decimals, or RFC 3339.
fn time(text: &str) -> Option<i64> {
    if let Ok(whole) = text.parse::<i64>() {
        // Loki reads ten digits or fewer as seconds.
        return match text.trim_start_matches('-').len() <= 10 {
            true => whole.checked_mul(NS),
            false => Some(whole),
        };
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds.abs() < 9e9).then_some((seconds * 1e9) as i64);
    }
    DateTime::parse_from_rfc3339(text)
        .ok()?
        .timestamp_nanos_opt()
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
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let asked = Asked::of(&gateway, query);
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

/// Counts at one moment, in LogQL
#[utoipa::path(get, path = "/loki/api/v1/query", operation_id = "loki_query", tag = "loki",
    params(("query" = String, Query), ("time" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn query(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let asked = Asked::of(&gateway, query);
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

/// Names of labels
#[utoipa::path(get, path = "/loki/api/v1/labels", operation_id = "loki_labels", tag = "loki",
    params(("start" = Option<String>, Query), ("end" = Option<String>, Query)),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn labels(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let query = Asked::of(&gateway, query).everything()?;
    let found = logs::names(&gateway.db, allowed.scope(), &query).await?;
    let resource = found
        .items
        .iter()
        .filter_map(|field| field.name.strip_prefix("resource."));
    let mut names: Vec<String> = resource.map(label_name).collect();
    if found.sampled > 0 {
        names.extend(["service_name".to_owned(), "detected_level".to_owned()]);
    }
    names.sort_unstable();
    names.dedup();
    Ok(success(names))
}

/// Values of a label
#[utoipa::path(get, path = "/loki/api/v1/label/{name}/values", operation_id = "loki_label_values", tag = "loki",
    params(("name" = String, Path), ("start" = Option<String>, Query), ("end" = Option<String>, Query)),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn label_values(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let query = Asked::of(&gateway, query).everything()?;
    let (db, scope) = (&gateway.db, allowed.scope());
    let fields = match &name[..] {
        "detected_level" | "level" => vec!["level".to_owned()],
        "service_name" => vec!["service".to_owned()],
        _ => {
            let found = logs::names(db, scope, &query).await?;
            let names = found.items.into_iter().map(|field| field.name);
            let fits = |field: &String| {
                field
                    .strip_prefix("resource.")
                    .is_some_and(|field| label_name(field) == name)
            };
            names.filter(fits).collect()
        }
    };
    let mut values = Vec::new();
    for field in fields {
        let found = logs::values(db, scope, &query, &field, MAX_LIMIT).await?;
        values.extend(found.items.into_iter().map(|item| item.value));
    }
    values.sort_unstable();
    values.dedup();
    Ok(success(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_loki_reads_them() {
        assert_eq!(time("1700000000"), Some(1_700_000_000 * NS));
        assert_eq!(time("1700000000000000001"), Some(1_700_000_000_000_000_001));
        assert_eq!(time("1700000000.5"), Some(1_700_000_000_500_000_000));
        assert_eq!(time("1970-01-01T00:00:01Z"), Some(NS));
        assert_eq!(time("x"), None);
    }
}
