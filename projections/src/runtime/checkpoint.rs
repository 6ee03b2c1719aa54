//! How far a projection has come, and whether that fits the log.

use std::collections::BTreeMap;

use eventlog::{EventLog, LogError, Offset, Partition, Position, Visibility};
use schemas::ids::LogId;
use schemas::topic::Topic;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Projection;

/// The next offset to read of each partition, under one generation, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoints {
    pub(crate) generation: i64,
    pub(crate) next: BTreeMap<(Topic, Partition), Offset>,
    log: LogId,
}

/// One partition's checkpoint goes from the offset that was read to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) topic: Topic,
    pub(crate) partition: Partition,
    pub(crate) from: Offset,
    pub(crate) to: Offset,
}

/// The checkpoints do not fit the log; going on would mix two histories.
#[derive(Debug, thiserror::Error)]
pub enum Mismatch {
    #[error(
        "projection {projection} was folded from log {found}, but this is log {here}: \
         start with that log's data folder, or drop schema `{schema}` to fold it anew from this one"
    )]
    OtherLog {
        projection: String,
        schema: &'static str,
        found: LogId,
        here: LogId,
    },
    #[error(
        "projection {projection} has read up to {position}, but the log ends at {end}: \
         restore the log that was cut, or drop schema `{schema}` to fold it anew from this one"
    )]
    PastEnd {
        projection: String,
        schema: &'static str,
        position: Position,
        end: Offset,
    },
}

/// A log that does not answer, or is not the one that was folded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Every partition of the topics.
pub(crate) fn partitions_of(topics: &[Topic]) -> impl Iterator<Item = (Topic, Partition)> + '_ {
    topics
        .iter()
        .flat_map(|topic| (0..topic.partitions()).map(|partition| (*topic, partition)))
}

impl Checkpoints {
    /// Reads the checkpoints of `projection`; partitions without one begin at 0.
    pub(crate) async fn load(
        rows: &mut PgConnection,
        projection: &dyn Projection,
        log: LogId,
    ) -> Result<Self, sqlx::Error> {
        create_missing(rows, projection, log).await?;
        let found: Vec<(String, i32, i64, Uuid, i64)> = sqlx::query_as(
            "SELECT topic, partition, generation, log_id, next_offset FROM checkpoint
             WHERE projection = $1",
        )
        .bind(projection.name())
        .fetch_all(rows)
        .await?;
        Ok(Self {
            generation: found.iter().map(|row| row.2).max().unwrap_or(1),
            log: found
                .iter()
                .map(|row| LogId(row.3))
                .find(|id| *id != log)
                .unwrap_or(log),
            next: found
                .into_iter()
                .filter_map(|row| Some(((Topic::by_name(&row.0)?, row.1), row.4)))
                .collect(),
        })
    }

    /// Where to read on, if the checkpoints were made from this log. Where
    /// retention has removed records that were never applied, reading begins at
    /// what is left, and the gap is counted.
    pub(crate) async fn resume(
        &self,
        projection: &dyn Projection,
        log: &dyn EventLog,
    ) -> Result<Vec<Position>, Unfit> {
        let (name, schema) = (projection.name(), projection.home().schema());
        if self.log != log.id() {
            return Err(Mismatch::OtherLog {
                projection: name.to_owned(),
                schema,
                found: self.log,
                here: log.id(),
            }
            .into());
        }
        let mut positions = Vec::with_capacity(self.next.len());
        for ((topic, partition), next) in &self.next {
            let range = log.range(*topic, *partition, Visibility::Durable).await?;
            let position = Position {
                topic: *topic,
                partition: *partition,
                offset: (*next).max(range.start),
            };
            if *next > range.end {
                return Err(Mismatch::PastEnd {
                    projection: name.to_owned(),
                    schema,
                    position,
                    end: range.end,
                }
                .into());
            }
            if *next > 0 && *next < range.start {
                metrics::counter!("projection_gaps_total", "projection" => name).increment(1);
                tracing::warn!(projection = name, %position, "retention removed records that were not applied yet");
            }
            positions.push(position);
        }
        Ok(positions)
    }

    /// Moves the checkpoints, in memory only.
    pub(crate) fn advance(&mut self, moves: &[Move]) {
        for step in moves {
            self.next.insert((step.topic, step.partition), step.to);
        }
    }
}

/// Moves checkpoints that still are where they were read and belong to the same
/// generation; false where another runner or a replay has moved them.
pub(crate) async fn advance(
    rows: &mut PgConnection,
    projection: &str,
    generation: i64,
    moves: &[Move],
) -> Result<bool, sqlx::Error> {
    if moves.is_empty() {
        return Ok(true);
    }
    let moved = sqlx::query(
        "UPDATE checkpoint SET next_offset = step.next
         FROM unnest($3::text[], $4::int[], $5::bigint[], $6::bigint[]) AS step (topic, partition, read, next)
         WHERE checkpoint.projection = $1 AND checkpoint.generation = $2
           AND checkpoint.topic = step.topic AND checkpoint.partition = step.partition
           AND checkpoint.next_offset = step.read",
    )
    .bind(projection)
    .bind(generation)
    .bind(moves.iter().map(|step| step.topic.name()).collect::<Vec<_>>())
    .bind(moves.iter().map(|step| step.partition).collect::<Vec<_>>())
    .bind(moves.iter().map(|step| step.from).collect::<Vec<_>>())
    .bind(moves.iter().map(|step| step.to).collect::<Vec<_>>())
    .execute(rows)
    .await?
    .rows_affected();
    Ok(usize::try_from(moved).is_ok_and(|moved| moved == moves.len()))
}

async fn create_missing(
    rows: &mut PgConnection,
    projection: &dyn Projection,
    log: LogId,
) -> Result<(), sqlx::Error> {
    let (topics, partitions): (Vec<_>, Vec<_>) = partitions_of(projection.topics())
        .map(|(topic, partition)| (topic.name(), partition))
        .unzip();
    sqlx::query(
        "INSERT INTO checkpoint (projection, topic, partition, generation, log_id, next_offset)
         SELECT $1, topic, partition,
                coalesce((SELECT max(generation) FROM checkpoint WHERE projection = $1), 1), $4, 0
         FROM unnest($2::text[], $3::int[]) AS wanted (topic, partition)
         ON CONFLICT DO NOTHING",
    )
    .bind(projection.name())
    .bind(topics)
    .bind(partitions)
    .bind(log.0)
    .execute(rows)
    .await
    .map(drop)
}
