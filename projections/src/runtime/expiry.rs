//! Rows of topics that keep their records for some days only. What is too old is
//! counted from the newest record of the partition, never from a clock, so that
//! folding anew gives the same rows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use eventlog::{Partition, Record};
use schemas::topic::Retention;
use sqlx::{AssertSqlSafe, PgConnection};

use super::ApplyError;

/// Before which time a partition's rows are gone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expiry(BTreeMap<Partition, DateTime<Utc>>);

impl Expiry {
    pub(crate) fn of(batch: &[Record]) -> Self {
        let mut newest = BTreeMap::new();
        for record in batch {
            if let Retention::Days(days) = record.position.topic.retention() {
                let before = record.appended_at.datetime() - chrono::Duration::days(days.into());
                let held = newest.entry(record.position.partition).or_insert(before);
                *held = before.max(*held);
            }
        }
        Self(newest)
    }
}

/// Removes the rows of `table` that are too old; it has an index by `partition` and
/// `appended_at`.
///
/// Postgres takes a third of a table to be older than a time that it does not know, and
/// reads all of it. Asked for an interval, it takes few rows to lie in it and uses the
/// index; `OFFSET 0` keeps that question apart, and rows by place are never searched for.
pub(crate) async fn expire(
    rows: &mut PgConnection,
    table: &'static str,
    expiry: &Expiry,
) -> Result<(), ApplyError> {
    let partitions: Vec<Partition> = expiry.0.keys().copied().collect();
    let times: Vec<DateTime<Utc>> = expiry.0.values().copied().collect();
    let sql = format!(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY(
             SELECT old.place FROM unnest($1::int[], $2::timestamptz[]) AS expiry (partition, before)
             CROSS JOIN LATERAL (
                 SELECT held.ctid AS place FROM {table} held
                 WHERE held.partition = expiry.partition
                   AND held.appended_at >= '-infinity' AND held.appended_at < expiry.before
                 OFFSET 0) old))"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(partitions)
        .bind(times)
        .execute(rows)
        .await?;
    Ok(())
}
