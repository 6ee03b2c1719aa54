//! Reading incidents.

use chrono::{DateTime, Utc};
use schemas::ids::{IncidentId, UserId};
use schemas::incident::{IncidentStatus, transitions};
use schemas::scope::Scope;
use schemas::severity::Severity;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use super::fold::Row;
use crate::db::{Db, QueryError};
use crate::page::Page;
use crate::people::{Names, Person};

/// An incident as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Incident {
    pub id: Uuid,
    /// Counted per project; null for the moment before it is given.
    pub number: Option<i64>,
    /// `INC-12`
    pub key: Option<String>,
    pub project_id: Uuid,
    pub title: String,
    pub description: Option<String>,
    /// detected, acknowledged, investigating, mitigated, resolved, learned, merged
    pub status: String,
    /// SEV1 (worst) to SEV4
    pub severity: String,
    /// alertmanager, manual
    pub source: String,
    pub group_key: Option<String>,
    pub opened_at: DateTime<Utc>,
    pub acknowledged_at: Option<DateTime<Utc>>,
    pub investigating_at: Option<DateTime<Utc>>,
    pub mitigated_at: Option<DateTime<Utc>>,
    pub resolved_at: Option<DateTime<Utc>>,
    pub learned_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
    pub opened_by: Option<Person>,
    pub assignee: Option<Person>,
    pub merged_into: Option<Uuid>,
    /// Alerts that fire now, those of incidents merged into this one included.
    pub alerts_open: i64,
    pub alerts_total: i64,
    /// Alerts that the newest notifications left out, as Alertmanager does with more than
    /// `max_alerts`: nothing else is known of them.
    pub alerts_left_out: i64,
    pub version: i64,
    /// Some events could not be applied yet; see the operator's `replay`.
    pub stale: bool,
    pub allowed_next: Vec<String>,
}

/// Which incidents a list shows; empty parts do not filter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub status: Vec<IncidentStatus>,
    pub severity: Vec<Severity>,
    /// Part of the title, or a number such as `INC-12`.
    pub q: Option<String>,
    pub assignee: Option<UserId>,
    /// Opened at or after.
    pub from: Option<DateTime<Utc>>,
    /// Opened before.
    pub to: Option<DateTime<Utc>>,
    /// Resolved at or after, and not opened again since.
    pub resolved_from: Option<DateTime<Utc>>,
    /// Resolved before, and not opened again since.
    pub resolved_to: Option<DateTime<Utc>>,
}

/// Which incidents come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
    /// By severity; the newest of one severity first.
    WorstFirst,
}

/// The last incident of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    severity: String,
    opened_at: DateTime<Utc>,
    id: Uuid,
}

/// A page in `order`; `after` must be a cursor of the same order.
pub async fn list(
    db: &Db,
    scope: &Scope,
    filter: &Filter,
    order: Order,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<Incident, Cursor>, QueryError> {
    // A part of a title is in no index.
    let (mut tx, _turn) = db.reading_long(scope, filter.q.is_some()).await?;
    let mut sql = select(scope);
    narrow(&mut sql, filter);
    if let Some(after) = after {
        order.go_on(&mut sql, after);
    }
    sql.push(order.clause())
        .push(" LIMIT ")
        .push_bind(i64::from(limit) + 1)
        .push(COUNTED)
        .push(order.clause());
    let found: Vec<Joined> = sql.build_query_as().fetch_all(&mut *tx).await?;
    let page = Page::cut(found, limit, |last| Cursor {
        severity: last.row.severity.clone(),
        opened_at: last.row.opened_at,
        id: last.row.id,
    });
    let names = names(&mut tx, scope, &page.items).await?;
    Ok(page.map(|joined| joined.shown(&names)))
}

/// One incident; None where it does not exist in this scope.
pub async fn get(db: &Db, scope: &Scope, id: IncidentId) -> Result<Option<Incident>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let mut sql = select(scope);
    sql.push(" AND i.id = ").push_bind(id.0).push(COUNTED);
    let found: Option<Joined> = sql.build_query_as().fetch_optional(&mut *tx).await?;
    let names = names(&mut tx, scope, found.as_slice()).await?;
    Ok(found.map(|joined| joined.shown(&names)))
}

/// The incident of a number; None where there is none in this scope.
pub async fn numbered(
    db: &Db,
    scope: &Scope,
    number: i64,
) -> Result<Option<IncidentId>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Option<Uuid> = sqlx::query_scalar(
        "SELECT incident_id FROM incident_numbers
         WHERE tenant_id = $1 AND project_id = $2 AND number = $3",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(number)
    .fetch_optional(&mut *tx)
    .await?;
    Ok(found.map(IncidentId))
}

/// A row with what is joined to it.
#[derive(Debug, sqlx::FromRow)]
struct Joined {
    #[sqlx(flatten)]
    row: Row,
    number: Option<i64>,
    alerts_open: i64,
    alerts_total: i64,
    alerts_left_out: i64,
    stale: bool,
}

/// The page first: what follows then costs as much as the page, whatever the planner
/// believes of the tables.
const SELECT: &str = "WITH RECURSIVE page AS MATERIALIZED (
    SELECT i.*, n.number
    FROM incidents i LEFT JOIN incident_numbers n ON n.incident_id = i.id
    WHERE i.tenant_id = ";

/// Alerts count for the incident that absorbed theirs.
const COUNTED: &str = "), family (root, id) AS (
        SELECT id, id FROM page
        UNION SELECT f.root, m.id FROM incidents m JOIN family f ON m.merged_into = f.id),
    counts AS (
        SELECT root, count(*) FILTER (WHERE alerts.status = 'firing') AS alerts_open,
               count(*) AS alerts_total
        FROM family JOIN alerts ON alerts.incident_id = family.id GROUP BY root),
    firing AS (
        SELECT DISTINCT root, group_id
        FROM family JOIN alerts ON alerts.incident_id = family.id AND alerts.status = 'firing'),
    left_out AS (
        SELECT root, sum(g.left_out)::bigint AS alerts
        FROM firing JOIN alert_groups g ON g.id = firing.group_id GROUP BY root)
    SELECT i.*, coalesce(a.alerts_open, 0) AS alerts_open,
        coalesce(a.alerts_total, 0) AS alerts_total,
        coalesce(o.alerts, 0) AS alerts_left_out, EXISTS (
            SELECT FROM parked p
            WHERE p.projection = 'incidents' AND p.key = convert_to(i.id::text, 'UTF8')) AS stale
    FROM page i LEFT JOIN counts a ON a.root = i.id
        LEFT JOIN left_out o ON o.root = i.id";

impl Order {
    /// Severities are spelt so that the worst comes first.
    fn clause(self) -> &'static str {
        match self {
            Self::NewestFirst => " ORDER BY i.opened_at DESC, i.id DESC",
            Self::OldestFirst => " ORDER BY i.opened_at, i.id",
            Self::WorstFirst => " ORDER BY i.severity, i.opened_at DESC, i.id DESC",
        }
    }

    /// Only what comes after `last`.
    fn go_on(self, sql: &mut QueryBuilder<Postgres>, last: Cursor) {
        if self == Self::WorstFirst {
            sql.push(" AND i.severity >= ")
                .push_bind(last.severity.clone())
                .push(" AND (i.severity > ")
                .push_bind(last.severity)
                .push(" OR (i.opened_at, i.id) < (");
        } else {
            sql.push(match self {
                Self::OldestFirst => " AND ((i.opened_at, i.id) > (",
                _ => " AND ((i.opened_at, i.id) < (",
            });
        }
        sql.push_bind(last.opened_at)
            .push(", ")
            .push_bind(last.id)
            .push("))");
    }
}

fn select(scope: &Scope) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(SELECT);
    sql.push_bind(scope.tenant().0)
        .push(" AND i.project_id = ")
        .push_bind(scope.project().0);
    sql
}

fn narrow(sql: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if !filter.status.is_empty() {
        // Spelt out: only so does Postgres know that the index of what is open has them all.
        let names: Vec<_> = filter.status.iter().map(|s| quoted(s.name())).collect();
        sql.push(" AND i.status IN (")
            .push(names.join(", "))
            .push(")");
    }
    if !filter.severity.is_empty() {
        let names: Vec<_> = filter
            .severity
            .iter()
            .map(|s| s.name().to_owned())
            .collect();
        sql.push(" AND i.severity = ANY (")
            .push_bind(names)
            .push(")");
    }
    if let Some(assignee) = filter.assignee {
        sql.push(" AND i.assignee = ").push_bind(assignee.0);
    }
    if let Some(from) = filter.from {
        sql.push(" AND i.opened_at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        sql.push(" AND i.opened_at < ").push_bind(to);
    }
    if let Some(from) = filter.resolved_from {
        sql.push(" AND i.resolved_at >= ").push_bind(from);
    }
    if let Some(to) = filter.resolved_to {
        sql.push(" AND i.resolved_at < ").push_bind(to);
    }
    if let Some(q) = &filter.q {
        sql.push(" AND (strpos(lower(i.title), lower(")
            .push_bind(q.replace('\0', ""))
            .push(")) > 0 OR n.number = ")
            .push_bind(number_of(q))
            .push(")");
    }
}

/// A name of ours, which has nothing to escape.
fn quoted(name: &'static str) -> String {
    format!("'{name}'")
}

/// `INC-12`, `inc-12` and `12` all mean the number 12.
pub fn number_of(q: &str) -> Option<i64> {
    let q = q.trim().to_ascii_lowercase();
    q.strip_prefix("inc-").unwrap_or(&q).parse().ok()
}

async fn names(
    tx: &mut PgConnection,
    scope: &Scope,
    found: &[Joined],
) -> Result<Names, QueryError> {
    let openers = found.iter().map(|joined| joined.row.opened_by.clone());
    let assignees = found
        .iter()
        .filter_map(|joined| Some(format!("user:{}", joined.row.assignee?)));
    Names::load(tx, scope, openers.chain(assignees)).await
}

impl Joined {
    fn shown(self, names: &Names) -> Incident {
        let allowed_next = self.allowed_next();
        let row = self.row;
        Incident {
            id: row.id,
            number: self.number,
            key: self.number.map(|number| format!("INC-{number}")),
            project_id: row.project_id,
            title: row.title,
            description: row.description,
            status: row.status,
            severity: row.severity,
            source: row.source,
            group_key: row.group_key,
            opened_at: row.opened_at,
            acknowledged_at: row.acknowledged_at,
            investigating_at: row.investigating_at,
            mitigated_at: row.mitigated_at,
            resolved_at: row.resolved_at,
            learned_at: row.learned_at,
            updated_at: row.updated_at,
            opened_by: names.person(&row.opened_by),
            assignee: row
                .assignee
                .and_then(|user| names.person(&format!("user:{user}"))),
            merged_into: row.merged_into,
            alerts_open: self.alerts_open,
            alerts_total: self.alerts_total,
            alerts_left_out: self.alerts_left_out,
            version: row.version,
            stale: self.stale,
            allowed_next,
        }
    }

    /// Nothing is allowed while a merge is under way.
    fn allowed_next(&self) -> Vec<String> {
        match IncidentStatus::parse(&self.row.status) {
            Some(status) if self.row.merging_into.is_none() => transitions::allowed_next(status),
            _ => Vec::new(),
        }
    }
}
