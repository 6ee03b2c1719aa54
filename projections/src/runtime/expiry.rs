//! Rows of topics that keep their records for some days only. What is too old is
//! counted from the newest record of the partition, never from a clock, so that
//! folding anew gives the same rows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use eventlog::{Partition, Record};
use schemas::topic::Retention;
use sqlx::PgConnection;

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

/// Runs `sql`, whose `$1` and `$2` are partitions and times.
pub(crate) async fn expire(
    rows: &mut PgConnection,
    sql: &'static str,
    expiry: &Expiry,
) -> Result<(), ApplyError> {
    let partitions: Vec<Partition> = expiry.0.keys().copied().collect();
    let times: Vec<DateTime<Utc>> = expiry.0.values().copied().collect();
    sqlx::query(sql)
        .bind(partitions)
        .bind(times)
        .execute(rows)
        .await?;
    Ok(())
}
