//! What was counted as spans arrived: services, operations, rate, errors and
//! durations, and who calls whom.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use schemas::scope::Scope;
use schemas::time::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::durations;
use super::red::MINUTE_NS;
use super::rows::{self, Times};
use crate::db::{Db, QueryError};

/// Kinds of spans with which work enters a service.
const ENTRIES: [&str; 2] = ["server", "consumer"];
const MOST_NAMES: i64 = 5_000;
/// Points of a series, about.
const POINTS: i64 = 120;

/// A service that sent spans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct Service {
    pub service: String,
    pub spans: i64,
    pub errors: i64,
}

/// By name.
pub async fn services(db: &Db, scope: &Scope, times: Times) -> Result<Vec<Service>, QueryError> {
    let mut tx = rows::snapshot(db, scope).await?;
    Ok(sqlx::query_as(
        "SELECT service, sum(count)::bigint AS spans, sum(errors)::bigint AS errors
         FROM telemetry.span_red
         WHERE tenant_id = $1 AND project_id = $2 AND minute BETWEEN $3 AND $4
         GROUP BY service ORDER BY service LIMIT $5",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(times.from_ns.div_euclid(MINUTE_NS))
    .bind(times.to_ns.div_euclid(MINUTE_NS))
    .bind(MOST_NAMES)
    .fetch_all(&mut *tx)
    .await?)
}

/// An operation of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct Operation {
    pub service: String,
    pub operation: String,
    /// unspecified, internal, server, client, producer, consumer
    pub kind: String,
    pub spans: i64,
    pub errors: i64,
}

/// By service and name.
pub async fn operations(
    db: &Db,
    scope: &Scope,
    times: Times,
    service: Option<&str>,
) -> Result<Vec<Operation>, QueryError> {
    let mut tx = rows::snapshot(db, scope).await?;
    Ok(sqlx::query_as(
        "SELECT service, operation, kind, sum(count)::bigint AS spans,
                sum(errors)::bigint AS errors
         FROM telemetry.span_red
         WHERE tenant_id = $1 AND project_id = $2 AND minute BETWEEN $3 AND $4
           AND ($5::text IS NULL OR service = $5)
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT $6",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(times.from_ns.div_euclid(MINUTE_NS))
    .bind(times.to_ns.div_euclid(MINUTE_NS))
    .bind(service.map(|text| text.replace('\0', "")))
    .bind(MOST_NAMES)
    .fetch_all(&mut *tx)
    .await?)
}

/// Rate, errors and durations of one thing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Red {
    pub count: i64,
    pub errors: i64,
    pub rate_per_second: f64,
    /// 0 to 1
    pub error_rate: f64,
    pub mean_ms: Option<f64>,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

/// One row of the RED table.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RedRow {
    pub service: String,
    /// None in the table of services.
    pub operation: Option<String>,
    pub kind: Option<String>,
    #[serde(flatten)]
    pub red: Red,
    pub series: Vec<RedPoint>,
}

/// A step of a row's series.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RedPoint {
    /// Where the step begins.
    pub time: DateTime<Utc>,
    #[serde(flatten)]
    pub red: Red,
}

/// The RED table of a time range.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RedTable {
    pub step_seconds: i64,
    /// The busiest first.
    pub rows: Vec<RedRow>,
}

/// What the table has a row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Work that enters a service; all its spans where nothing does.
    Service,
    Operation,
}

#[derive(Debug, Clone, Default)]
struct Sum {
    count: i64,
    errors: i64,
    sum_ns: i64,
    buckets: Vec<i64>,
}

impl Sum {
    fn add(&mut self, counted: &Counted) {
        self.count += counted.count;
        self.errors += counted.errors;
        self.sum_ns = self.sum_ns.saturating_add(counted.sum_ns);
        durations::add(&mut self.buckets, &counted.buckets);
    }

    fn red(&self, seconds: i64) -> Red {
        let ms = |q: f64| durations::quantile_ns(&self.buckets, q).map(|ns| ns / 1e6);
        let count = self.count as f64;
        Red {
            count: self.count,
            errors: self.errors,
            rate_per_second: count / seconds.max(1) as f64,
            error_rate: self.errors as f64 / count.max(1.0),
            mean_ms: (self.count > 0).then(|| self.sum_ns as f64 / count / 1e6),
            p50_ms: ms(0.5),
            p95_ms: ms(0.95),
            p99_ms: ms(0.99),
        }
    }
}

/// A minute of one operation, or of one edge.
#[derive(Debug, sqlx::FromRow)]
struct Counted {
    minute: i64,
    name: String,
    other: String,
    kind: String,
    count: i64,
    errors: i64,
    sum_ns: i64,
    buckets: Vec<i32>,
}

/// Sums of the whole range and of each step.
#[derive(Debug, Default)]
struct Series {
    whole: Sum,
    steps: BTreeMap<i64, Sum>,
}

impl Series {
    fn add(&mut self, counted: &Counted, step: i64) {
        self.whole.add(counted);
        let step = counted.minute.div_euclid(step) * step;
        self.steps.entry(step).or_default().add(counted);
    }
}

/// Minutes of a time range, and how many make a step.
#[derive(Debug, Clone, Copy)]
struct Minutes {
    from: i64,
    to: i64,
    step: i64,
}

impl Minutes {
    fn of(times: Times) -> Self {
        let from = times.from_ns.div_euclid(MINUTE_NS);
        let to = times.to_ns.div_euclid(MINUTE_NS);
        Self {
            from,
            to,
            step: (to.saturating_sub(from) / POINTS).max(1),
        }
    }

    fn seconds(self) -> i64 {
        self.to
            .saturating_sub(self.from)
            .saturating_add(1)
            .saturating_mul(60)
    }
}

/// The RED table of services or of operations.
pub async fn red(
    db: &Db,
    scope: &Scope,
    times: Times,
    by: By,
    service: Option<&str>,
) -> Result<RedTable, QueryError> {
    let minutes = Minutes::of(times);
    let mut tx = rows::snapshot(db, scope).await?;
    let found = match by {
        By::Service => by_service(&mut tx, scope, minutes, service).await?,
        By::Operation => by_operation(&mut tx, scope, minutes, service).await?,
    };
    let mut rows: Vec<_> = found
        .into_iter()
        .map(|((service, operation, kind), series)| RedRow {
            service,
            operation,
            kind,
            red: series.whole.red(minutes.seconds()),
            series: series
                .steps
                .into_iter()
                .map(|(minute, sum)| RedPoint {
                    time: Timestamp::from_micros(minute.saturating_mul(60_000_000)).datetime(),
                    red: sum.red(minutes.step * 60),
                })
                .collect(),
        })
        .collect();
    rows.sort_by(|a, b| b.red.count.cmp(&a.red.count));
    Ok(RedTable {
        step_seconds: minutes.step * 60,
        rows,
    })
}

type Named = BTreeMap<(String, Option<String>, Option<String>), Series>;

async fn by_operation(
    tx: &mut PgConnection,
    scope: &Scope,
    minutes: Minutes,
    service: Option<&str>,
) -> Result<Named, QueryError> {
    let mut found = Named::new();
    counted(tx, scope, minutes, service, |counted| {
        let key = (
            counted.name.clone(),
            Some(counted.other.clone()),
            Some(counted.kind.clone()),
        );
        found.entry(key).or_default().add(&counted, minutes.step);
    })
    .await?;
    Ok(found)
}

async fn by_service(
    tx: &mut PgConnection,
    scope: &Scope,
    minutes: Minutes,
    service: Option<&str>,
) -> Result<Named, QueryError> {
    let mut found: BTreeMap<String, [Series; 2]> = BTreeMap::new();
    counted(tx, scope, minutes, service, |counted| {
        let [entering, all] = found.entry(counted.name.clone()).or_default();
        all.add(&counted, minutes.step);
        if ENTRIES.contains(&counted.kind.as_str()) {
            entering.add(&counted, minutes.step);
        }
    })
    .await?;
    let shown = found.into_iter().map(|(service, [entering, all])| {
        let series = if entering.whole.count > 0 {
            entering
        } else {
            all
        };
        ((service, None, None), series)
    });
    Ok(shown.collect())
}

async fn counted(
    tx: &mut PgConnection,
    scope: &Scope,
    minutes: Minutes,
    service: Option<&str>,
    mut take: impl FnMut(Counted),
) -> Result<(), QueryError> {
    let mut found = sqlx::query_as::<_, Counted>(
        "SELECT minute, service AS name, operation AS other, kind, count, errors, sum_ns, buckets
         FROM telemetry.span_red
         WHERE tenant_id = $1 AND project_id = $2 AND minute BETWEEN $3 AND $4
           AND ($5::text IS NULL OR service = $5)",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(minutes.from)
    .bind(minutes.to)
    .bind(service.map(|text| text.replace('\0', "")))
    .fetch(tx);
    while let Some(counted) = found.try_next().await? {
        take(counted);
    }
    Ok(())
}

/// A node of the service map.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MapNode {
    pub name: String,
    /// service, database, queue
    pub kind: String,
    #[serde(flatten)]
    pub red: Red,
}

/// Calls from one node to another.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MapEdge {
    pub client: String,
    pub server: String,
    /// What the server is: service, database, queue.
    pub server_kind: String,
    #[serde(flatten)]
    pub red: Red,
}

/// Who calls whom.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ServiceMap {
    pub nodes: Vec<MapNode>,
    pub edges: Vec<MapEdge>,
}

/// Services with what enters them, and what they call.
pub async fn service_map(db: &Db, scope: &Scope, times: Times) -> Result<ServiceMap, QueryError> {
    let minutes = Minutes::of(times);
    let mut tx = rows::snapshot(db, scope).await?;
    let services = by_service(&mut tx, scope, minutes, None).await?;
    let node = |name: String, kind: &str, sum: &Sum| MapNode {
        name,
        kind: kind.to_owned(),
        red: sum.red(minutes.seconds()),
    };
    let mut nodes: Vec<_> = services
        .into_iter()
        .map(|((name, ..), series)| node(name, "service", &series.whole))
        .collect();
    // What sends no spans is known by its callers.
    let mut silent: BTreeMap<(String, String), Sum> = BTreeMap::new();
    let mut edges: BTreeMap<(String, String, String), Sum> = BTreeMap::new();
    for call in calls(&mut tx, scope, minutes).await? {
        if call.kind != "service" {
            let key = (call.other.clone(), call.kind.clone());
            silent.entry(key).or_default().add(&call);
        }
        let key = (call.name.clone(), call.other.clone(), call.kind.clone());
        edges.entry(key).or_default().add(&call);
    }
    nodes.extend(
        silent
            .into_iter()
            .map(|((name, kind), sum)| node(name, &kind, &sum)),
    );
    let edges = edges
        .into_iter()
        .map(|((client, server, server_kind), sum)| MapEdge {
            client,
            server,
            server_kind,
            red: sum.red(minutes.seconds()),
        })
        .collect();
    Ok(ServiceMap { nodes, edges })
}

async fn calls(
    tx: &mut PgConnection,
    scope: &Scope,
    minutes: Minutes,
) -> Result<Vec<Counted>, QueryError> {
    Ok(sqlx::query_as(
        "SELECT minute, client AS name, server AS other, server_kind AS kind, count, errors,
                sum_ns, buckets
         FROM telemetry.service_edges
         WHERE tenant_id = $1 AND project_id = $2 AND minute BETWEEN $3 AND $4",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(minutes.from)
    .bind(minutes.to)
    .fetch_all(tx)
    .await?)
}
