//! What was counted as spans arrived: services, operations, rate, errors and
//! durations, and who calls whom.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use schemas::scope::Scope;
use schemas::time::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::durations;
use super::red::{MINUTE_NS, cut};
use super::rows::{self, Times};
use crate::db::{Db, QueryError};

/// Kinds of spans with which work enters a service.
const ENTRIES: [&str; 2] = ["server", "consumer"];
const MOST_NAMES: i64 = 5_000;

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
    pub kinds: Vec<String>,
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
        "SELECT service, operation, array_agg(DISTINCT kind ORDER BY kind) AS kinds,
                sum(count)::bigint AS spans, sum(errors)::bigint AS errors
         FROM telemetry.span_red
         WHERE tenant_id = $1 AND project_id = $2 AND minute BETWEEN $3 AND $4
           AND ($5::text IS NULL OR service = $5)
         GROUP BY 1, 2 ORDER BY 1, 2 LIMIT $6",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(times.from_ns.div_euclid(MINUTE_NS))
    .bind(times.to_ns.div_euclid(MINUTE_NS))
    .bind(service.map(cut))
    .bind(MOST_NAMES)
    .fetch_all(&mut *tx)
    .await?)
}

/// Rate, errors and durations of one thing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Red {
    pub count: i64,
    pub errors: i64,
    /// Per second.
    pub rate: f64,
    /// 0 to 1
    pub error_rate: f64,
    pub mean_ms: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
}

/// One row of the RED table.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RedRow {
    pub service: String,
    /// Empty in the table of services.
    pub operation: String,
    #[serde(flatten)]
    pub red: Red,
    /// The range in equal pieces, the oldest first.
    pub points: Vec<RedPoint>,
}

/// A piece of the range.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RedPoint {
    /// Where the piece begins.
    pub time: DateTime<Utc>,
    pub rate: f64,
    pub error_rate: f64,
    /// None where nothing was counted.
    pub p95_ms: Option<f64>,
}

/// The RED table of a time range. Of a service that is called it counts what enters
/// it (kinds server and consumer), of others all spans.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RedTable {
    /// Length of a piece.
    pub step_seconds: i64,
    /// The busiest first.
    pub items: Vec<RedRow>,
}

/// What the table has a row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
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
        let ms = |q: f64| self.quantile_ms(q).unwrap_or(0.0);
        let count = self.count.max(1) as f64;
        Red {
            count: self.count,
            errors: self.errors,
            rate: self.rate(seconds),
            error_rate: self.error_rate(),
            mean_ms: self.sum_ns as f64 / count / 1e6,
            p50_ms: ms(0.5),
            p95_ms: ms(0.95),
            p99_ms: ms(0.99),
        }
    }

    fn rate(&self, seconds: i64) -> f64 {
        self.count as f64 / seconds.max(1) as f64
    }

    fn error_rate(&self) -> f64 {
        self.errors as f64 / self.count.max(1) as f64
    }

    fn quantile_ms(&self, q: f64) -> Option<f64> {
        durations::quantile_ns(&self.buckets, q).map(|ns| ns / 1e6)
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

/// Sums of the whole range and of each piece, by its number.
#[derive(Debug, Default)]
struct Series {
    whole: Sum,
    pieces: BTreeMap<i64, Sum>,
}

impl Series {
    fn add(&mut self, counted: &Counted, minutes: Minutes) {
        self.whole.add(counted);
        let piece = (counted.minute - minutes.from) / minutes.step;
        self.pieces.entry(piece).or_default().add(counted);
    }

    fn row(&self, service: String, operation: String, minutes: Minutes) -> RedRow {
        let nothing = Sum::default();
        let pieces = (minutes.to - minutes.from) / minutes.step + 1;
        let point = |piece: i64| {
            let sum = self.pieces.get(&piece).unwrap_or(&nothing);
            let minute = minutes.from + piece * minutes.step;
            RedPoint {
                time: Timestamp::from_micros(minute.saturating_mul(60_000_000)).datetime(),
                rate: sum.rate(minutes.step * 60),
                error_rate: sum.error_rate(),
                p95_ms: sum.quantile_ms(0.95),
            }
        };
        RedRow {
            service,
            operation,
            red: self.whole.red(minutes.seconds()),
            points: (0..pieces).map(point).collect(),
        }
    }
}

/// Minutes of a time range, both ends included, and how many make a piece.
#[derive(Debug, Clone, Copy)]
struct Minutes {
    from: i64,
    to: i64,
    step: i64,
}

impl Minutes {
    fn of(times: Times, pieces: u32) -> Self {
        let from = times.from_ns.div_euclid(MINUTE_NS);
        let to = times.to_ns.div_euclid(MINUTE_NS).max(from);
        let step = (to - from + 1).div_euclid(i64::from(pieces).max(1)) + 1;
        Self { from, to, step }
    }

    fn seconds(self) -> i64 {
        (self.to - self.from + 1).saturating_mul(60)
    }
}

/// The RED table of services or of operations, each with about `pieces` points.
pub async fn red(
    db: &Db,
    scope: &Scope,
    times: Times,
    by: By,
    service: Option<&str>,
    pieces: u32,
) -> Result<RedTable, QueryError> {
    let minutes = Minutes::of(times, pieces);
    let mut tx = rows::snapshot(db, scope).await?;
    let mut items: Vec<_> = named(&mut tx, scope, minutes, by, service)
        .await?
        .into_iter()
        .map(|((service, operation), series)| series.row(service, operation, minutes))
        .collect();
    items.sort_by_key(|row| Reverse(row.red.count));
    Ok(RedTable {
        step_seconds: minutes.step * 60,
        items,
    })
}

/// By service, and by operation or the empty name.
async fn named(
    tx: &mut PgConnection,
    scope: &Scope,
    minutes: Minutes,
    by: By,
    service: Option<&str>,
) -> Result<BTreeMap<(String, String), Series>, QueryError> {
    // What enters, and all.
    let mut found: BTreeMap<String, [BTreeMap<String, Series>; 2]> = BTreeMap::new();
    counted(tx, scope, minutes, service, |counted| {
        let operation = match by {
            By::Service => "",
            By::Operation => counted.other.as_str(),
        };
        let [entering, all] = found.entry(counted.name.clone()).or_default();
        let add = |to: &mut BTreeMap<String, Series>| {
            let of = to.entry(operation.to_owned()).or_default();
            of.add(&counted, minutes);
        };
        add(all);
        if ENTRIES.contains(&counted.kind.as_str()) {
            add(entering);
        }
    })
    .await?;
    let mut shown = BTreeMap::new();
    for (service, [entering, all]) in found {
        let of_service = if entering.is_empty() { all } else { entering };
        for (operation, series) in of_service {
            shown.insert((service.clone(), operation), series);
        }
    }
    Ok(shown)
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
    .bind(service.map(cut))
    .fetch(tx);
    while let Some(counted) = found.try_next().await? {
        take(counted);
    }
    Ok(())
}

/// A node of the service map.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MapNode {
    pub service: String,
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
    let minutes = Minutes::of(times, 1);
    let mut tx = rows::snapshot(db, scope).await?;
    let services = named(&mut tx, scope, minutes, By::Service, None).await?;
    let node = |service: String, kind: &str, sum: &Sum| MapNode {
        service,
        kind: kind.to_owned(),
        red: sum.red(minutes.seconds()),
    };
    let mut nodes: Vec<_> = services
        .into_iter()
        .map(|((service, _), series)| node(service, "service", &series.whole))
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
