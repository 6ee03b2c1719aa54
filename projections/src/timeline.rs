//! Read model `timeline`: what happened to an incident, in words for people.

mod entry;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::change::ChangeKind;
use schemas::ids::{CommentId, IncidentId};
use schemas::scope::Scope;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use sqlx::QueryBuilder;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::page::Page;
use crate::people::{ActorShown, Names};
use crate::runtime::{ApplyError, Changed, Home, Projection, Writing, upsert};

/// The projection.
#[derive(Debug)]
pub struct Timeline;

#[async_trait]
impl Projection for Timeline {
    fn name(&self) -> &'static str {
        "timeline"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IncidentEvents]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["timeline"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/timeline.sql"),
        }
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let (mut rows, mut changes) = (Vec::new(), Vec::new());
        for record in batch {
            if let Some((envelope, row)) = entry::of(record)? {
                let (kind, id) = (ChangeKind::TimelineUpdated, row.incident_id);
                changes.extend(Changed::in_project(record, &envelope, kind, id));
                rows.push(row);
            }
        }
        upsert(to.rows, WRITE, &rows).await?;
        Ok(changes)
    }
}

const WRITE: &str = "INSERT INTO timeline
    SELECT * FROM json_populate_recordset(NULL::timeline, $1::json)
    ON CONFLICT (id) DO NOTHING";

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineEntry {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    /// `opened`, `acknowledged`, ..., `comment`, `alert_fired`, `merged`, ...
    pub kind: String,
    pub actor: ActorShown,
    /// The note or comment.
    pub text: Option<String>,
    /// What the kind needs: `{from, to}`, `{alert_id, name, fingerprint}`, ...
    pub data: serde_json::Value,
}

/// The last entry of a page.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    at: DateTime<Utc>,
    /// Not in cursors from before it was kept.
    #[serde(default)]
    rank: i16,
    sequence: i64,
    id: Uuid,
}

/// Which entries come first.
struct Order {
    /// How an entry compares with those before it.
    goes_on: &'static str,
    clause: &'static str,
}

const OLDEST_FIRST: Order = Order {
    goes_on: ">",
    clause: " ORDER BY t.at, t.rank, t.sequence, t.id LIMIT ",
};

const NEWEST_FIRST: Order = Order {
    goes_on: "<",
    clause: " ORDER BY t.at DESC, t.rank DESC, t.sequence DESC, t.id DESC LIMIT ",
};

/// Oldest first; with the alerts of incidents that were merged into this one.
pub async fn list(
    db: &Db,
    scope: &Scope,
    incident: IncidentId,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<TimelineEntry, Cursor>, QueryError> {
    page(db, scope, incident, after, limit, OLDEST_FIRST).await
}

/// The same, newest first.
pub async fn list_newest(
    db: &Db,
    scope: &Scope,
    incident: IncidentId,
    before: Option<Cursor>,
    limit: u32,
) -> Result<Page<TimelineEntry, Cursor>, QueryError> {
    page(db, scope, incident, before, limit, NEWEST_FIRST).await
}

/// A page of each incident of the family by the index, and of these the first.
async fn page(
    db: &Db,
    scope: &Scope,
    incident: IncidentId,
    after: Option<Cursor>,
    limit: u32,
    order: Order,
) -> Result<Page<TimelineEntry, Cursor>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let mut sql = QueryBuilder::new("WITH RECURSIVE family (id) AS (SELECT ");
    sql.push_bind(incident.0)
        .push(
            " UNION SELECT m.id FROM incidents m JOIN family f ON m.merged_into = f.id)
             SELECT t.* FROM family CROSS JOIN LATERAL (
                 SELECT t.id, t.at, t.rank, t.sequence, t.kind, t.actor, t.text, t.data FROM timeline t
                 WHERE t.incident_id = family.id AND t.tenant_id = ",
        )
        .push_bind(scope.tenant().0)
        .push(" AND t.project_id = ")
        .push_bind(scope.project().0)
        .push(" AND (t.incident_id = ")
        .push_bind(incident.0)
        .push(" OR t.kind IN ('alert_fired', 'alert_resolved'))");
    if let Some(after) = after {
        sql.push(" AND (t.at, t.rank, t.sequence, t.id) ")
            .push(order.goes_on)
            .push(" (")
            .push_bind(after.at)
            .push(", ")
            .push_bind(after.rank)
            .push(", ")
            .push_bind(after.sequence)
            .push(", ")
            .push_bind(after.id)
            .push(")");
    }
    sql.push(order.clause)
        .push_bind(i64::from(limit) + 1)
        .push(") t")
        .push(order.clause)
        .push_bind(i64::from(limit) + 1);
    let found: Vec<Shown> = sql.build_query_as().fetch_all(&mut *tx).await?;
    let page = Page::cut(found, limit, |last| Cursor {
        at: last.at,
        rank: last.rank,
        sequence: last.sequence,
        id: last.id,
    });
    let actors = page.items.iter().map(|entry| entry.actor.clone());
    let names = Names::load(&mut tx, scope, actors).await?;
    Ok(page.map(|entry| entry.shown(&names)))
}

/// One comment of an incident.
pub async fn comment(
    db: &Db,
    scope: &Scope,
    incident: IncidentId,
    comment: CommentId,
) -> Result<Option<TimelineEntry>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Option<Shown> = sqlx::query_as(
        "SELECT id, at, rank, sequence, kind, actor, text, data FROM timeline
         WHERE tenant_id = $1 AND project_id = $2 AND incident_id = $3
           AND kind = 'comment' AND data ->> 'comment_id' = $4",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(incident.0)
    .bind(comment.to_string())
    .fetch_optional(&mut *tx)
    .await?;
    let actors = found.iter().map(|entry| entry.actor.clone());
    let names = Names::load(&mut tx, scope, actors).await?;
    Ok(found.map(|entry| entry.shown(&names)))
}

#[derive(Debug, sqlx::FromRow)]
struct Shown {
    id: Uuid,
    at: DateTime<Utc>,
    rank: i16,
    sequence: i64,
    kind: String,
    actor: String,
    text: Option<String>,
    data: serde_json::Value,
}

impl Shown {
    fn shown(self, names: &Names) -> TimelineEntry {
        TimelineEntry {
            id: self.id,
            at: self.at,
            kind: self.kind,
            actor: names.actor(&self.actor),
            text: self.text,
            data: self.data,
        }
    }
}
