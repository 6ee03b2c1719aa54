//! Counts and mean times for the overview.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use schemas::incident::IncidentStatus;
use schemas::scope::Scope;
use schemas::severity::Severity;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::db::{Db, QueryError};

/// What is open now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OpenIncidents {
    pub by_severity: BTreeMap<String, i64>,
    pub by_status: BTreeMap<String, i64>,
    pub total: i64,
}

/// Incidents that were opened and resolved on one day (UTC).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema, sqlx::FromRow)]
pub struct Day {
    pub day: NaiveDate,
    pub opened: i64,
    pub resolved: i64,
}

/// The overview of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stats {
    pub open: OpenIncidents,
    pub resolved_in_range: i64,
    /// Mean time from opened to acknowledged, of incidents opened in the range.
    pub mtta_seconds: Option<f64>,
    /// Mean time from opened to resolved, of incidents resolved in the range.
    pub mttr_seconds: Option<f64>,
    pub per_day: Vec<Day>,
}

/// Counts over `[from, to)`; what is open is as of now.
pub async fn stats(
    db: &Db,
    scope: &Scope,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Stats, QueryError> {
    let mut tx = db.reading(scope).await?;
    let open = open(&mut tx, scope).await?;
    let (resolved_in_range, mtta_seconds, mttr_seconds) = means(&mut tx, scope, from, to).await?;
    Ok(Stats {
        open,
        resolved_in_range,
        mtta_seconds,
        mttr_seconds,
        per_day: per_day(&mut tx, scope, from, to).await?,
    })
}

async fn open(tx: &mut PgConnection, scope: &Scope) -> Result<OpenIncidents, QueryError> {
    let counts: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT severity, status, count(*) FROM incidents
         WHERE tenant_id = $1 AND project_id = $2
           AND status IN ('detected', 'acknowledged', 'investigating', 'mitigated')
         GROUP BY severity, status",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .fetch_all(tx)
    .await?;
    let mut open = OpenIncidents {
        by_severity: Severity::ALL.map(|s| (s.name().to_owned(), 0)).into(),
        by_status: IncidentStatus::ALL
            .into_iter()
            .filter(|status| status.is_open())
            .map(|status| (status.name().to_owned(), 0))
            .collect(),
        total: 0,
    };
    for (severity, status, count) in counts {
        *open.by_severity.entry(severity).or_default() += count;
        *open.by_status.entry(status).or_default() += count;
        open.total += count;
    }
    Ok(open)
}

async fn means(
    tx: &mut PgConnection,
    scope: &Scope,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<(i64, Option<f64>, Option<f64>), QueryError> {
    let means = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE resolved_at >= $3 AND resolved_at < $4),
                (avg(extract(epoch FROM acknowledged_at - opened_at))
                    FILTER (WHERE opened_at >= $3 AND opened_at < $4))::float8,
                (avg(extract(epoch FROM resolved_at - opened_at))
                    FILTER (WHERE resolved_at >= $3 AND resolved_at < $4))::float8
         FROM incidents
         WHERE tenant_id = $1 AND project_id = $2 AND status <> 'merged'
           AND (opened_at >= $3 AND opened_at < $4 OR resolved_at >= $3 AND resolved_at < $4)",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(from)
    .bind(to)
    .fetch_one(tx)
    .await?;
    Ok(means)
}

/// At most 400 days (sessions are in UTC), the newest. Days are counted before they are
/// joined, or each incident would be compared with each day.
async fn per_day(
    tx: &mut PgConnection,
    scope: &Scope,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Day>, QueryError> {
    let days = sqlx::query_as(
        "WITH happened AS (
             SELECT opened_at AS at, 1 AS opened, 0 AS resolved FROM incidents
             WHERE tenant_id = $1 AND project_id = $2 AND opened_at >= $3 AND opened_at < $4
             UNION ALL
             SELECT resolved_at, 0, 1 FROM incidents
             WHERE tenant_id = $1 AND project_id = $2 AND resolved_at >= $3 AND resolved_at < $4),
         counted AS (
             SELECT at::date AS day, sum(opened) AS opened, sum(resolved) AS resolved
             FROM happened GROUP BY 1)
         SELECT days.day::date AS day, coalesce(counted.opened, 0) AS opened,
                coalesce(counted.resolved, 0) AS resolved
         FROM generate_series(greatest($3, $4 - interval '400 days')::date,
                              ($4 - interval '1 microsecond')::date, interval '1 day') AS days (day)
         LEFT JOIN counted ON counted.day = days.day::date
         ORDER BY days.day",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(from)
    .bind(to)
    .fetch_all(tx)
    .await?;
    Ok(days)
}
