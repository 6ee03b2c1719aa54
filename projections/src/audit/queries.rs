//! What the API asks: lists, the history of one thing, counts.

use chrono::{DateTime, Utc};
use schemas::scope::Scope;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use super::fold::{Row, most_days};
use crate::db::{Db, QueryError};
use crate::page::Page;
use crate::people::{ActorShown, Names};

/// How many actions and actors the counts name.
const MOST_COUNTED: i64 = 20;

impl Row {
    fn shown(self, names: &Names) -> AuditEntry {
        let refused = self.rule.is_some();
        let changes: Option<Value> = self
            .changes
            .and_then(|changes| serde_json::from_str(&changes).ok());
        let part = |name: &str| {
            let part = changes.as_ref()?.get(name)?;
            (!part.is_null()).then(|| part.clone())
        };
        AuditEntry {
            id: self.id,
            seq: self.seq,
            at: self.at,
            kind: self.kind,
            actor: names.actor(&self.actor),
            action: self.action,
            target: Target {
                kind: self.target_type,
                id: self.target_id,
            },
            result: if refused { "refused" } else { "accepted" }.to_owned(),
            rule: self.rule,
            request_id: self.request_id,
            before: part("before"),
            after: part("after"),
        }
    }
}

/// One operation as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    pub id: Uuid,
    /// Its place in the tenant's chain, from 1.
    pub seq: i64,
    pub at: DateTime<Utc>,
    /// change, read, denied
    pub kind: String,
    pub actor: ActorShown,
    /// The command's type, for instance `AcknowledgeIncident`, or the action of the
    /// table of permissions that was used or is missing.
    pub action: String,
    pub target: Target,
    /// accepted, refused
    pub result: String,
    pub rule: Option<String>,
    pub request_id: Uuid,
    /// The fields that changed, as they were; none where the target is new.
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>)]
    pub before: Option<Value>,
    /// The same fields as they are now, and what was said with it.
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>)]
    pub after: Option<Value>,
}

/// What an operation was about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Target {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
}

/// Which operations; empty parts do not filter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In text form, `user:<id>`.
    pub actor: Option<String>,
    pub action: Option<String>,
    pub target_type: Option<String>,
    pub target_id: Option<String>,
    /// change, read, denied
    pub kind: Option<String>,
    pub refused: Option<bool>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    /// Anywhere in action, target, rule or changes.
    pub text: Option<String>,
}

impl Filter {
    /// Whether it leaves nothing out.
    pub fn is_empty(&self) -> bool {
        self.actor.is_none()
            && self.action.is_none()
            && self.target_type.is_none()
            && self.target_id.is_none()
            && self.kind.is_none()
            && self.refused.is_none()
            && self.from.is_none()
            && self.to.is_none()
            && self.text.is_none()
    }
}

/// The last operation of a page.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    seq: i64,
}

/// Newest first.
pub async fn list(
    db: &Db,
    scope: &Scope,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<AuditEntry, Cursor>, QueryError> {
    // A text is in no index: all entries that the rest of the filter leaves are read for it.
    let (mut tx, _turn) = db.reading_long(scope, filter.text.is_some()).await?;
    let mut sql = select("*", scope, filter);
    if let Some(after) = after {
        sql.push(" AND seq < ").push_bind(after.seq);
    }
    sql.push(" ORDER BY seq DESC LIMIT ")
        .push_bind(i64::from(limit) + 1);
    let found: Vec<Row> = sql.build_query_as().fetch_all(&mut *tx).await?;
    let page = Page::cut(found, limit, |last| Cursor { seq: last.seq });
    let actors = page.items.iter().map(|row| row.actor.clone());
    let names = Names::load(&mut tx, scope, actors).await?;
    Ok(page.map(|row| row.shown(&names)))
}

/// How often something is in the audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditCount {
    /// A day (UTC), an action, or an actor.
    pub name: String,
    pub accepted: i64,
    pub refused: i64,
}

/// Counts of a time range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditStats {
    pub total: i64,
    pub changes: i64,
    pub reads: i64,
    pub denied: i64,
    /// Oldest first; days without entries are left out.
    pub days: Vec<AuditCount>,
    /// The most frequent, at most 20.
    pub actions: Vec<AuditCount>,
    /// The most frequent, at most 20; by name.
    pub actors: Vec<AuditCount>,
}

/// What a row of counts is about, by which of day, action and actor it leaves out.
const OF_ALL: i32 = 0b111;
const OF_DAY: i32 = 0b011;
const OF_ACTION: i32 = 0b101;
const OF_ACTOR: i32 = 0b110;

#[derive(Debug, sqlx::FromRow)]
struct Counted {
    leaves: i32,
    name: Option<String>,
    accepted: i64,
    refused: i64,
    total: i64,
    changes: i64,
    reads: i64,
    denied: i64,
}

/// The entries are read once for all counts, and a day is written once, not for each of its
/// entries. `OFFSET 0` hides from Postgres what days are made of: it would take each time
/// for a day of its own, and sort.
const ENTRIES: &str = "WITH counted AS (
    SELECT grouping(day, action, actor) AS leaves,
        CASE grouping(day, action, actor)
            WHEN 3 THEN to_char(day, 'YYYY-MM-DD')
            WHEN 5 THEN action WHEN 6 THEN actor END AS name,
        count(*) FILTER (WHERE rule IS NULL) AS accepted,
        count(*) FILTER (WHERE rule IS NOT NULL) AS refused,
        count(*) AS total,
        count(*) FILTER (WHERE kind = 'change') AS changes,
        count(*) FILTER (WHERE kind = 'read') AS reads,
        count(*) FILTER (WHERE kind = 'denied') AS denied
    FROM (SELECT (at AT TIME ZONE 'UTC')::date AS day, action, actor, rule, kind
          FROM audit WHERE tenant_id = ";

/// The newest days; of the rest what is most frequent.
const RANKED: &str = " OFFSET 0) entry GROUP BY GROUPING SETS ((), (day), (action), (actor))),
    ranked AS (
        SELECT *, row_number() OVER (
            PARTITION BY leaves
            ORDER BY CASE leaves WHEN 3 THEN name END DESC, total DESC, name) AS place
        FROM counted)
    SELECT leaves, name, accepted, refused, total, changes, reads, denied FROM ranked
    WHERE place <= CASE leaves WHEN 3 THEN 400 ELSE ";

pub async fn stats(db: &Db, scope: &Scope, filter: &Filter) -> Result<AuditStats, QueryError> {
    let (mut tx, _turn) = db.reading_long(scope, true).await?;
    let mut sql = QueryBuilder::new(ENTRIES);
    narrow(&mut sql, scope, filter);
    sql.push(RANKED)
        .push_bind(MOST_COUNTED)
        .push(" END ORDER BY leaves, place");
    let found: Vec<Counted> = sql.build_query_as().fetch_all(&mut *tx).await?;
    let counts = |leaves: i32| {
        let counts = found.iter().filter(move |counted| counted.leaves == leaves);
        counts.map(|counted| AuditCount {
            name: counted.name.clone().unwrap_or_default(),
            accepted: counted.accepted,
            refused: counted.refused,
        })
    };
    let mut actors: Vec<_> = counts(OF_ACTOR).collect();
    let texts = actors.iter().map(|count| count.name.clone());
    let names = Names::load(&mut tx, scope, texts).await?;
    for count in &mut actors {
        count.name = names.actor(&count.name).name;
    }
    let mut days: Vec<_> = counts(OF_DAY).collect();
    days.reverse();
    let all = found.iter().find(|counted| counted.leaves == OF_ALL);
    Ok(AuditStats {
        total: all.map_or(0, |all| all.total),
        changes: all.map_or(0, |all| all.changes),
        reads: all.map_or(0, |all| all.reads),
        denied: all.map_or(0, |all| all.denied),
        days,
        actions: counts(OF_ACTION).collect(),
        actors,
    })
}

/// For how many days the tenant's entries are kept.
pub async fn retention_days(db: &Db, scope: &Scope) -> Result<i32, QueryError> {
    let mut tx = db.reading(scope).await?;
    let days: Option<i32> =
        sqlx::query_scalar("SELECT retention_days FROM audit_chains WHERE tenant_id = $1")
            .bind(scope.tenant().0)
            .fetch_optional(&mut *tx)
            .await?;
    Ok(days.unwrap_or_else(most_days))
}

/// Rows that the scope reaches and the filter finds.
pub(super) fn select(columns: &str, scope: &Scope, filter: &Filter) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(format!("SELECT {columns} FROM audit WHERE tenant_id = "));
    narrow(&mut sql, scope, filter);
    sql
}

/// After `WHERE tenant_id = `.
fn narrow(sql: &mut QueryBuilder<Postgres>, scope: &Scope, filter: &Filter) {
    sql.push_bind(scope.tenant().0)
        .push(" AND (project_id IS NULL OR project_id = ")
        .push_bind(scope.project().0)
        .push(")");
    let texts = [
        ("actor", &filter.actor),
        ("action", &filter.action),
        ("target_type", &filter.target_type),
        ("target_id", &filter.target_id),
        ("kind", &filter.kind),
    ];
    for (column, value) in texts {
        if let Some(value) = value {
            sql.push(format!(" AND {column} = "))
                .push_bind(value.replace('\0', ""));
        }
    }
    if let Some(refused) = filter.refused {
        sql.push(if refused {
            " AND rule IS NOT NULL"
        } else {
            " AND rule IS NULL"
        });
    }
    if let Some(from) = filter.from {
        sql.push(" AND at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        sql.push(" AND at < ").push_bind(to);
    }
    if let Some(text) = &filter.text {
        sql.push(
            " AND concat_ws(' ', action, target_type, target_id, rule, actor, request_id, changes) ILIKE ",
        )
        .push_bind(format!("%{}%", escaped(&text.replace('\0', ""))));
    }
}

/// Text in which `%`, `_` and `\` stand for themselves.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_for_the_text_itself() {
        assert_eq!(escaped("50%_\\a"), "50\\%\\_\\\\a");
    }
}
