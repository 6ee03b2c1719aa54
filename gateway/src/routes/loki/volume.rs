//! How much there is: streams, entries and bytes, by labels and over time, from the
//! columns that hold times and sizes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use logql::LabelSet;
use logql::ast::LogExpr;
use logql::narrow::narrow;
use projections::telemetry::logs::{self, LogStream, Query, Scanned};
use promql::number::plain;
use serde_json::{Value, json};

use super::asked::{Asked, Streams};
use super::record::{self, stream_labels};
use super::{Failure, NS, found, stats, too_much};
use crate::Gateway;
use crate::operations::Allowed;

const DEFAULT_VOLUMES: usize = 100;
/// Sums that are held at once.
const MOST_SUMS: usize = 200_000;

fn queried(asked: &Asked, log: &LogExpr) -> Result<Query, Failure> {
    let (from_ns, to_ns) = asked.range()?;
    Ok(Query {
        filter: record::filter(&narrow(log))?,
        from_ns,
        to_ns,
    })
}

/// Streams, entries and bytes that a selector fits
///
/// `chunks` are the segments that were looked at.
#[utoipa::path(get, path = "/loki/api/v1/index/stats", operation_id = "loki_index_stats", tag = "loki",
    params(Streams),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn stats(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    let query = queried(&asked, &asked.log(asked.text("query"))?)?;
    let mut streams = BTreeSet::<LogStream>::new();
    let (mut entries, mut bytes) = (0, 0);
    let work = |found: Vec<logs::Sized>| found;
    let scanned = logs::sizes(&gateway.db, allowed.scope(), &query, work, |found| {
        for sized in found {
            entries += sized.records.len() as u64;
            bytes += total(&sized.records);
            streams.insert(sized.stream);
        }
        true
    });
    let chunks = scanned.await?.segments;
    let streams = streams.len();
    Ok(Json(
        json!({"streams": streams, "chunks": chunks, "entries": entries, "bytes": bytes}),
    ))
}

/// Streams, entries and bytes that a selector fits; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/index/stats", operation_id = "loki_index_stats_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_stats(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Json<Value>, Failure> {
    stats(gateway, allowed, asked).await
}

fn total(records: &[(i64, u32)]) -> u64 {
    records.iter().map(|(_, bytes)| u64::from(*bytes)).sum()
}

/// Bytes by labels
#[utoipa::path(get, path = "/loki/api/v1/index/volume", operation_id = "loki_index_volume", tag = "loki",
    params(Streams,
        ("limit" = Option<u32>, Query, description = "How many volumes at most, the largest first; 100 unless told"),
        ("targetLabels" = Option<String>, Query, description = "Labels that the bytes are told apart by, with commas between; those of the selector unless told"),
        ("aggregateBy" = Option<String>, Query, description = "series (unless told) or labels")),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn volume(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Response, Failure> {
    let (_, to_ns) = asked.range()?;
    let begun = Instant::now();
    let (volumes, scanned) = volumes(&gateway, &allowed, &asked, None).await?;
    let result: Vec<Value> = volumes
        .into_iter()
        .map(|(metric, sums)| {
            let bytes: u64 = sums.values().sum();
            json!({"metric": metric, "value": value(to_ns - 1, bytes)})
        })
        .collect();
    let stats = stats::stats(begun, scanned, result.len());
    Ok(found("vector", result, None, stats, ()))
}

/// Bytes by labels; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/index/volume", operation_id = "loki_index_volume_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_volume(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Response, Failure> {
    volume(gateway, allowed, asked).await
}

/// Bytes by labels over time
#[utoipa::path(get, path = "/loki/api/v1/index/volume_range", operation_id = "loki_index_volume_range", tag = "loki",
    params(Streams,
        ("step" = Option<String>, Query, description = "How long the stretches of time are that are counted apart"),
        ("limit" = Option<u32>, Query, description = "How many series at most, the largest first; 100 unless told"),
        ("targetLabels" = Option<String>, Query, description = "Labels that the bytes are told apart by, with commas between; those of the selector unless told"),
        ("aggregateBy" = Option<String>, Query, description = "series (unless told) or labels")),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn volume_range(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Response, Failure> {
    let (from_ns, to_ns) = asked.range()?;
    let step_ns = asked.step_ns(to_ns.saturating_sub(from_ns))?;
    let begun = Instant::now();
    let (volumes, scanned) = volumes(&gateway, &allowed, &asked, Some(step_ns)).await?;
    let entries = volumes.iter().map(|(_, sums)| sums.len()).sum();
    let result: Vec<Value> = volumes
        .into_iter()
        .map(|(metric, sums)| {
            let values: Vec<Value> = sums.iter().map(|(at, bytes)| value(*at, *bytes)).collect();
            json!({"metric": metric, "values": values})
        })
        .collect();
    let stats = stats::stats(begun, scanned, entries);
    Ok(found("matrix", result, None, stats, ()))
}

/// Bytes by labels over time; parameters in a form
#[utoipa::path(post, path = "/loki/api/v1/index/volume_range", operation_id = "loki_index_volume_range_post", tag = "loki",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value), (status = 400, body = String, content_type = "text/plain")))]
pub async fn post_volume_range(
    gateway: State<Gateway>,
    allowed: Allowed,
    asked: Asked,
) -> Result<Response, Failure> {
    volume_range(gateway, allowed, asked).await
}

fn value(at_ns: i64, bytes: u64) -> Value {
    json!([at_ns / 1_000_000 * 1_000_000 / NS, plain(bytes as f64)])
}

type Metric = BTreeMap<String, String>;
/// Bytes by the beginning of a stretch of time.
type Sums = BTreeMap<i64, u64>;

/// The largest first, and what was read for them.
async fn volumes(
    gateway: &Gateway,
    allowed: &Allowed,
    asked: &Asked,
    step_ns: Option<i64>,
) -> Result<(Vec<(Metric, Sums)>, Scanned), Failure> {
    let log = asked.log(asked.text("query"))?;
    let (query, split) = (queried(asked, &log)?, Split::of(asked, &log)?);
    let limit = asked.count("limit")?.unwrap_or(DEFAULT_VOLUMES);
    let from_ns = query.from_ns;
    let begin = move |time_ns: i64| match step_ns {
        None => from_ns,
        Some(step) => time_ns.div_euclid(step).saturating_mul(step),
    };
    let work = move |found: Vec<logs::Sized>| {
        let mut volumes = BTreeMap::<Metric, Sums>::new();
        for sized in found {
            for metric in split.metrics(&stream_labels(&sized.stream)) {
                let sums = volumes.entry(metric).or_default();
                for (time_ns, bytes) in &sized.records {
                    *sums.entry(begin(*time_ns)).or_default() += u64::from(*bytes);
                }
            }
        }
        volumes
    };
    let mut total = BTreeMap::<Metric, Sums>::new();
    let mut held = 0;
    let scope = allowed.scope();
    let scanned = logs::sizes(
        &gateway.db,
        scope,
        &query,
        work,
        |found: BTreeMap<Metric, Sums>| {
            for (metric, sums) in found {
                let known = total.entry(metric).or_default();
                let before = known.len();
                for (at, bytes) in sums {
                    *known.entry(at).or_default() += bytes;
                }
                held += known.len() - before;
            }
            held <= MOST_SUMS
        },
    )
    .await?;
    if held > MOST_SUMS {
        return Err(too_much(format!(
            "the volumes have more than {MOST_SUMS} values; name fewer labels or a longer step"
        )));
    }
    let mut volumes: Vec<(Metric, Sums)> = total.into_iter().collect();
    volumes.sort_by_cached_key(|(metric, sums)| {
        (
            std::cmp::Reverse(sums.values().sum::<u64>()),
            metric.clone(),
        )
    });
    volumes.truncate(limit);
    Ok((volumes, scanned))
}

/// What bytes are told apart by.
#[derive(Debug, Clone)]
struct Split {
    /// None takes all labels of a stream.
    names: Option<Vec<String>>,
    by_label: bool,
}

impl Split {
    fn of(asked: &Asked, log: &LogExpr) -> Result<Self, Failure> {
        let by_label = match asked.text("aggregateBy") {
            None | Some("series") => false,
            Some("labels") => true,
            Some(other) => {
                return Err(Failure::Bad(format!("invalid aggregation option: {other}")));
            }
        };
        let targets = asked.text("targetLabels").unwrap_or_default();
        let named = targets
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let mut names: Vec<String> = named.map(str::to_owned).collect();
        if names.is_empty() && !by_label {
            names = log
                .matchers
                .iter()
                .map(|matcher| matcher.name.clone())
                .collect();
        }
        Ok(Self {
            names: Some(names).filter(|names| !names.is_empty()),
            by_label,
        })
    }

    /// None where a stream lacks what is asked for.
    fn metrics(&self, labels: &LabelSet) -> Vec<Metric> {
        let wanted = |name: &str| match &self.names {
            None => true,
            Some(names) => names.iter().any(|known| known == name),
        };
        let found = labels.iter().filter(|(name, ..)| wanted(name));
        let found: Metric = found
            .map(|(name, value, _)| (name.to_owned(), value.to_owned()))
            .collect();
        match self.by_label {
            true => found
                .into_keys()
                .map(|name| Metric::from([(name, String::new())]))
                .collect(),
            false if found.is_empty() => Vec::new(),
            false => vec![found],
        }
    }
}
