//! Records set aside: what could not be applied, and everything after it of the
//! same key, so that a key's order is never broken.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use eventlog::{Position, Record};
use schemas::topic::Topic;
use sqlx::PgConnection;

use super::headers::{pack, unpack};

/// The keys of one projection that are parked.
#[derive(Debug, Default)]
pub(crate) struct Parked(HashSet<(Topic, Vec<u8>)>);

impl Parked {
    pub(crate) async fn load(
        rows: &mut PgConnection,
        projection: &str,
    ) -> Result<Self, sqlx::Error> {
        let keys: Vec<(String, Vec<u8>)> =
            sqlx::query_as("SELECT DISTINCT topic, key FROM parked WHERE projection = $1")
                .bind(projection)
                .fetch_all(rows)
                .await?;
        let known = |(topic, key): (String, Vec<u8>)| Some((Topic::by_name(&topic)?, key));
        Ok(Self(keys.into_iter().filter_map(known).collect()))
    }

    pub(crate) fn holds(&self, record: &Record) -> bool {
        !self.0.is_empty()
            && self
                .0
                .contains(&(record.position.topic, record.key.to_vec()))
    }

    /// Sets `record` aside, and from now on its key.
    pub(crate) async fn park(
        &mut self,
        rows: &mut PgConnection,
        projection: &'static str,
        record: &Record,
        reason: &str,
    ) -> Result<(), sqlx::Error> {
        let envelope = record.envelope().ok();
        sqlx::query(
            "INSERT INTO parked (projection, topic, partition, log_offset, key, tenant_id, project_id,
                                 reason, appended_at, headers, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT DO NOTHING",
        )
        .bind(projection)
        .bind(record.position.topic.name())
        .bind(record.position.partition)
        .bind(record.position.offset)
        .bind(record.key.as_ref())
        .bind(envelope.as_ref().and_then(|e| e.tenant).map(|id| id.0))
        .bind(envelope.as_ref().and_then(|e| e.project).map(|id| id.0))
        .bind(reason.replace('\0', ""))
        .bind(record.appended_at.datetime())
        .bind(pack(&record.headers))
        .bind(record.body.as_ref())
        .execute(rows)
        .await?;
        metrics::counter!("projection_parked_total", "projection" => projection).increment(1);
        self.0.insert((record.position.topic, record.key.to_vec()));
        Ok(())
    }
}

/// The parked records of a key, oldest first.
pub(crate) async fn parked_of_key(
    rows: &mut PgConnection,
    projection: &str,
    key: &[u8],
) -> Result<Vec<Record>, sqlx::Error> {
    type Row = (String, i32, i64, DateTime<Utc>, Vec<u8>, Vec<u8>);
    let found: Vec<Row> = sqlx::query_as(
        "SELECT topic, partition, log_offset, appended_at, headers, body FROM parked
         WHERE projection = $1 AND key = $2 ORDER BY topic, partition, log_offset",
    )
    .bind(projection)
    .bind(key)
    .fetch_all(rows)
    .await?;
    found
        .into_iter()
        .map(|(topic, partition, offset, appended_at, headers, body)| {
            let topic = Topic::by_name(&topic)
                .ok_or_else(|| sqlx::Error::Decode(format!("unknown topic {topic}").into()))?;
            Ok(Record {
                position: Position {
                    topic,
                    partition,
                    offset,
                },
                appended_at: appended_at.into(),
                key: key.to_vec().into(),
                headers: unpack(&headers)
                    .ok_or_else(|| sqlx::Error::Decode("headers were not packed here".into()))?,
                body: body.into(),
            })
        })
        .collect()
}

/// Forgets a record that has been applied.
pub(crate) async fn remove(
    rows: &mut PgConnection,
    projection: &str,
    position: Position,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM parked
         WHERE projection = $1 AND topic = $2 AND partition = $3 AND log_offset = $4",
    )
    .bind(projection)
    .bind(position.topic.name())
    .bind(position.partition)
    .bind(position.offset)
    .execute(rows)
    .await
    .map(drop)
}
