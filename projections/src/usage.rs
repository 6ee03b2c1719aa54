//! Read model `usage`: what a tenant has used, day by day.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::scope::Scope;
use schemas::topic::Topic;
use schemas::usage::UsageNote;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::runtime::{
    ApplyError, Changed, Expiry, Home, Projection, Writing, decode_scoped, expire, scope_of, upsert,
};

/// The projection.
#[derive(Debug)]
pub struct Usage;

/// A row of table `usage_counts`, column by column.
#[derive(Debug, Serialize)]
struct Row {
    tenant_id: Uuid,
    day: i32,
    used: String,
    key_id: Uuid,
    rule: String,
    requests: i64,
    items: i64,
    bytes: i64,
    at_offset: i64,
    partition: i32,
    appended_at: DateTime<Utc>,
}

type Key = (String, Uuid, String);

#[async_trait]
impl Projection for Usage {
    fn name(&self) -> &'static str {
        "usage"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::AuditOperations]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["usage_counts"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/usage.sql"),
        }
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        // One after the other, so that each is added once however often it comes.
        for record in batch {
            upsert(to.rows, WRITE, &rows_of(record)?).await?;
        }
        expire(to.rows, "usage_counts", &Expiry::of(batch)).await?;
        Ok(Vec::new())
    }
}

/// The rows of one note, one a key.
fn rows_of(record: &Record) -> Result<Vec<Row>, ApplyError> {
    let mut rows: BTreeMap<Key, Row> = BTreeMap::new();
    let Some((envelope, UsageNote::UsageCounted(note))) = decode_scoped(record)? else {
        return Ok(Vec::new());
    };
    let tenant_id = scope_of(&envelope)?.0.0;
    let appended_at = record.appended_at.datetime();
    for count in note.counts {
        let key_id = count.key.map_or(Uuid::nil(), |key| key.0);
        let rule = count.rule.unwrap_or_default();
        let key = (count.used.clone(), key_id, rule.clone());
        let row = rows.entry(key).or_insert(Row {
            tenant_id,
            day: note.day,
            used: count.used,
            key_id,
            rule,
            requests: 0,
            items: 0,
            bytes: 0,
            at_offset: record.position.offset,
            partition: record.position.partition,
            appended_at,
        });
        row.requests += count.requests;
        row.items += count.items;
        row.bytes += count.bytes;
    }
    Ok(rows.into_values().collect())
}

const WRITE: &str = "INSERT INTO usage_counts AS held
    SELECT * FROM json_populate_recordset(NULL::usage_counts, $1::json)
    ON CONFLICT (tenant_id, day, used, key_id, rule) DO UPDATE SET
        requests = held.requests + excluded.requests, items = held.items + excluded.items,
        bytes = held.bytes + excluded.bytes, at_offset = excluded.at_offset,
        appended_at = excluded.appended_at
    WHERE held.at_offset < excluded.at_offset";

/// Rows of keys and refusals that are shown.
const MOST: i64 = 200;

/// One day (UTC) of one kind of use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct UsageOfDay {
    /// `2026-11-28`
    pub day: String,
    /// `api`, `metrics`, `logs`, `traces` or `webhooks`
    pub used: String,
    /// Those that were done.
    pub requests: i64,
    /// Samples, log records or spans.
    pub items: i64,
    /// As sent.
    pub bytes: i64,
    pub refused_requests: i64,
    pub refused_items: i64,
}

/// One key, or all people together, by what became of it; over all the days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct UsageOfKey {
    /// Null = people, and keys beyond those that are counted apart.
    pub key_id: Option<Uuid>,
    pub key_name: Option<String>,
    pub used: String,
    /// The rule that refused it; null = done.
    pub rule: Option<String>,
    pub requests: i64,
    pub items: i64,
    pub bytes: i64,
}

/// The days from `from_day` (days since 1970), newest first.
pub async fn by_day(db: &Db, scope: &Scope, from_day: i32) -> Result<Vec<UsageOfDay>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found = sqlx::query_as(
        "SELECT (date '1970-01-01' + day)::text AS day, used,
            coalesce(sum(requests) FILTER (WHERE rule = ''), 0)::bigint AS requests,
            coalesce(sum(items) FILTER (WHERE rule = ''), 0)::bigint AS items,
            sum(bytes)::bigint AS bytes,
            coalesce(sum(requests) FILTER (WHERE rule <> ''), 0)::bigint AS refused_requests,
            coalesce(sum(items) FILTER (WHERE rule <> ''), 0)::bigint AS refused_items
         FROM usage_counts WHERE tenant_id = $1 AND day >= $2
         GROUP BY usage_counts.day, used ORDER BY usage_counts.day DESC, used",
    )
    .bind(scope.tenant().0)
    .bind(from_day)
    .fetch_all(&mut *tx)
    .await?;
    Ok(found)
}

/// What was used most comes first.
pub async fn by_key(db: &Db, scope: &Scope, from_day: i32) -> Result<Vec<UsageOfKey>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found = sqlx::query_as(
        "SELECT nullif(key_id, '00000000-0000-0000-0000-000000000000') AS key_id,
            (SELECT name FROM api_keys WHERE tenant_id = $1 AND id = key_id) AS key_name,
            used, nullif(rule, '') AS rule, sum(requests)::bigint AS requests,
            sum(items)::bigint AS items, sum(bytes)::bigint AS bytes
         FROM usage_counts AS counted WHERE tenant_id = $1 AND day >= $2
         GROUP BY counted.key_id, used, counted.rule
         ORDER BY requests DESC, items DESC, used, rule, key_id LIMIT $3",
    )
    .bind(scope.tenant().0)
    .bind(from_day)
    .bind(MOST)
    .fetch_all(&mut *tx)
    .await?;
    Ok(found)
}
