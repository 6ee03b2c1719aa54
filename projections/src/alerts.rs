//! Read model `alerts`: one row is one firing of one alert.

mod fold;

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::alert_group::AlertGroupEvent;
use schemas::change::ChangeKind;
use schemas::envelope::Envelope;
use schemas::ids::{AlertId, IncidentId};
use schemas::scope::Scope;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::page::Page;
use crate::runtime::{ApplyError, Changed, Home, Projection, Writing, decode_scoped, upsert};
use fold::{AlertEvent, GroupEvent, GroupRow, Row};

/// The projection.
#[derive(Debug)]
pub struct Alerts;

#[async_trait]
impl Projection for Alerts {
    fn name(&self) -> &'static str {
        "alerts"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IncidentEvents]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["alerts", "alert_groups"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/alerts.sql"),
        }
    }

    fn indexes(&self) -> &'static str {
        include_str!("../../migrations/read/indexes/alerts.sql")
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let (mut alerts, mut groups) = (Vec::new(), Vec::new());
        for record in batch {
            let Some((envelope, event)) = decode_scoped(record)? else {
                continue;
            };
            match event {
                AlertGroupEvent::AlertFired(event) => {
                    alerts.push((record, envelope, AlertEvent::Fired(event)));
                }
                AlertGroupEvent::AlertResolved(event) => {
                    alerts.push((record, envelope, AlertEvent::Resolved(event)));
                }
                AlertGroupEvent::EpisodeBegan(event) => {
                    groups.push((record, envelope, GroupEvent::Began(event)));
                }
                AlertGroupEvent::AlertsTruncated(event) => {
                    groups.push((record, envelope, GroupEvent::Truncated(event)));
                }
                _ => {}
            }
        }
        let mut changes = apply_to_alerts(to.rows, alerts).await?;
        changes.extend(apply_to_groups(to.rows, groups).await?);
        Ok(changes)
    }
}

async fn apply_to_alerts(
    connection: &mut PgConnection,
    events: Vec<(&Record, Envelope, AlertEvent)>,
) -> Result<Vec<Changed>, ApplyError> {
    let ids = events.iter().map(|(_, _, event)| event.alert()).collect();
    let found: Vec<Row> = load(connection, "alerts", ids).await?;
    let mut rows: BTreeMap<_, _> = found.into_iter().map(|row| (row.id, row)).collect();
    let mut changes = Vec::new();
    for (record, envelope, event) in events {
        let (alert, incident) = (event.alert(), event.incident());
        let kind = event.change();
        changes.extend(Changed::in_project(record, &envelope, kind, alert));
        changes.extend(shown_by(record, &envelope, incident));
        let row = fold::evolve(rows.remove(&alert), &envelope, event)?;
        rows.insert(alert, row);
    }
    upsert(connection, WRITE, &rows.into_values().collect::<Vec<_>>()).await?;
    Ok(changes)
}

async fn apply_to_groups(
    connection: &mut PgConnection,
    events: Vec<(&Record, Envelope, GroupEvent)>,
) -> Result<Vec<Changed>, ApplyError> {
    let ids = events
        .iter()
        .map(|(_, envelope, _)| fold::group_of(envelope))
        .collect::<Result<_, _>>()?;
    let found: Vec<GroupRow> = load(connection, "alert_groups", ids).await?;
    let mut rows: BTreeMap<_, _> = found.into_iter().map(|row| (row.id, row)).collect();
    let mut changes = Vec::new();
    for (record, envelope, event) in events {
        let known = rows.remove(&fold::group_of(&envelope)?);
        let row = fold::evolve_group(known, &envelope, &event)?;
        if let (GroupEvent::Truncated(_), Some(incident)) = (&event, row.incident_id) {
            changes.extend(shown_by(record, &envelope, incident));
        }
        rows.insert(row.id, row);
    }
    upsert(
        connection,
        WRITE_GROUPS,
        &rows.into_values().collect::<Vec<_>>(),
    )
    .await?;
    Ok(changes)
}

/// The incident shows how many of its alerts fire, and how many were left out.
fn shown_by(record: &Record, envelope: &Envelope, incident: Uuid) -> Option<Changed> {
    Changed::in_project(record, envelope, ChangeKind::IncidentUpdated, incident)
}

const WRITE: &str = "INSERT INTO alerts
    SELECT * FROM json_populate_recordset(NULL::alerts, $1::json)
    ON CONFLICT (id) DO UPDATE SET
        version = excluded.version, status = excluded.status, ends_at = excluded.ends_at,
        updated_at = excluded.updated_at";

const WRITE_GROUPS: &str = "INSERT INTO alert_groups
    SELECT * FROM json_populate_recordset(NULL::alert_groups, $1::json)
    ON CONFLICT (id) DO UPDATE SET
        version = excluded.version, incident_id = excluded.incident_id,
        left_out = excluded.left_out";

/// The rows of `table` with these ids.
async fn load<R>(
    connection: &mut PgConnection,
    table: &'static str,
    ids: Vec<Uuid>,
) -> Result<Vec<R>, ApplyError>
where
    R: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    let mut sql = QueryBuilder::new("SELECT * FROM ");
    sql.push(table)
        .push(" WHERE id = ANY (")
        .push_bind(ids)
        .push(")");
    Ok(sql.build_query_as().fetch_all(connection).await?)
}

/// An alert as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema, sqlx::FromRow)]
pub struct Alert {
    pub id: Uuid,
    pub fingerprint: String,
    pub name: String,
    /// firing, resolved
    pub status: String,
    pub severity: String,
    #[sqlx(json)]
    pub labels: BTreeMap<String, String>,
    #[sqlx(json)]
    pub annotations: BTreeMap<String, String>,
    pub starts_at: DateTime<Utc>,
    pub ends_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The incident that stands for it now, also after a merge.
    pub incident_id: Option<Uuid>,
    pub group_id: Uuid,
    pub group_key: String,
    pub generator_url: Option<String>,
    pub receiver: String,
}

/// Which alerts a list shows; empty parts do not filter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// firing, resolved
    pub status: Option<String>,
    /// With those of incidents that were merged into it.
    pub incident: Option<IncidentId>,
    /// Part of the name or of a label's value.
    pub q: Option<String>,
}

/// The last alert of a page.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    received_at: DateTime<Utc>,
    id: Uuid,
}

/// Newest first.
pub async fn list(
    db: &Db,
    scope: &Scope,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<Alert, Cursor>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let mut sql = select(scope);
    narrow(&mut sql, filter);
    if let Some(after) = after {
        sql.push(" AND (a.received_at, a.id) < (")
            .push_bind(after.received_at)
            .push(", ")
            .push_bind(after.id)
            .push(")");
    }
    sql.push(" ORDER BY a.received_at DESC, a.id DESC LIMIT ")
        .push_bind(i64::from(limit) + 1)
        .push(STANDING);
    let found: Vec<Alert> = sql.build_query_as().fetch_all(&mut *tx).await?;
    Ok(Page::cut(found, limit, |last| Cursor {
        received_at: last.received_at,
        id: last.id,
    }))
}

/// One alert; None where it does not exist in this scope.
pub async fn get(db: &Db, scope: &Scope, id: AlertId) -> Result<Option<Alert>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let mut sql = select(scope);
    sql.push(" AND a.id = ").push_bind(id.0).push(STANDING);
    Ok(sql.build_query_as().fetch_optional(&mut *tx).await?)
}

/// The page first: what follows then costs as much as the page, whatever the planner
/// believes of the tables.
const SELECT: &str = "WITH RECURSIVE page AS MATERIALIZED (
    SELECT a.* FROM alerts a WHERE a.tenant_id = ";

/// The incident at the end of the chain of merges stands for the alert.
const STANDING: &str = "), chain (first, id, depth) AS (
        SELECT DISTINCT incident_id, incident_id, 0 FROM page
        UNION ALL SELECT chain.first, i.merged_into, chain.depth + 1
        FROM incidents i JOIN chain ON i.id = chain.id
        WHERE i.merged_into IS NOT NULL AND chain.depth < 100),
    stands AS (SELECT DISTINCT ON (first) first, id FROM chain ORDER BY first, depth DESC)
    SELECT a.id, a.fingerprint, a.name, a.status, a.severity, a.labels,
        a.annotations, a.starts_at, a.ends_at, a.received_at, a.updated_at, a.group_id,
        a.group_key, a.generator_url, a.receiver, stands.id AS incident_id
    FROM page a JOIN stands ON stands.first = a.incident_id
    ORDER BY a.received_at DESC, a.id DESC";

fn select(scope: &Scope) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(SELECT);
    sql.push_bind(scope.tenant().0)
        .push(" AND a.project_id = ")
        .push_bind(scope.project().0);
    sql
}

fn narrow(sql: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(status) = &filter.status {
        sql.push(" AND a.status = ").push_bind(status.clone());
    }
    if let Some(incident) = filter.incident {
        // As an array they are known before the alerts are looked for, so by the index.
        sql.push(
            " AND a.incident_id = ANY (ARRAY(
                WITH RECURSIVE family (id) AS (
                    SELECT ",
        )
        .push_bind(incident.0)
        .push(
            " UNION SELECT m.id FROM incidents m JOIN family f ON m.merged_into = f.id)
                SELECT id FROM family))",
        );
    }
    if let Some(q) = &filter.q {
        let q = q.replace('\0', "");
        sql.push(" AND (strpos(lower(a.name), lower(")
            .push_bind(q.clone())
            .push(")) > 0 OR EXISTS (SELECT FROM jsonb_each_text(a.labels) label WHERE strpos(lower(label.value), lower(")
            .push_bind(q)
            .push(")) > 0))");
    }
}
