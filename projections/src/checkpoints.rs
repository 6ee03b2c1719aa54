//! How far the read models have come, for those who wait for their own writes
//! and those who look for holes in the announcements.

use std::time::Duration;

use eventlog::{Offset, Position};
use schemas::topic::Topic;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::db::{Db, QueryError};

const POLL: Duration = Duration::from_millis(10);

/// One partition of one projection whose rows readers see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Checkpoint {
    pub projection: String,
    pub topic: String,
    pub partition: i32,
    /// Counts replays.
    pub generation: i64,
    pub next_offset: Offset,
}

/// All checkpoints.
pub async fn all(db: &Db) -> Result<Vec<Checkpoint>, QueryError> {
    let found = sqlx::query_as(
        "SELECT projection, topic, partition, generation, next_offset FROM checkpoint
         UNION ALL
         SELECT projection, topic, partition, generation, next_offset FROM telemetry.checkpoint
         ORDER BY projection, topic, partition",
    )
    .fetch_all(db.reader())
    .await?;
    Ok(found)
}

/// The checkpoints of one projection.
pub async fn get(db: &Db, projection: &str) -> Result<Vec<Checkpoint>, QueryError> {
    let found = sqlx::query_as(
        "SELECT projection, topic, partition, generation, next_offset FROM checkpoint
         WHERE projection = $1
         UNION ALL
         SELECT projection, topic, partition, generation, next_offset FROM telemetry.checkpoint
         WHERE projection = $1
         ORDER BY topic, partition",
    )
    .bind(projection)
    .fetch_all(db.reader())
    .await?;
    Ok(found)
}

/// Waits until `projection` has applied the records at `positions`; false when
/// `limit` passes first. Positions of topics that it does not read are ignored.
pub async fn wait_until(
    db: &Db,
    projection: &str,
    positions: &[Position],
    limit: Duration,
) -> Result<bool, QueryError> {
    let deadline = Instant::now() + limit;
    let topics = topics_of(projection);
    // A projection that has never run has no checkpoints, but will read its topics.
    let read: Vec<_> = positions
        .iter()
        .filter(|p| topics.contains(&p.topic))
        .collect();
    loop {
        let checkpoints = get(db, projection).await?;
        if read.iter().all(|position| passed(&checkpoints, position)) {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(POLL).await;
    }
}

fn topics_of(projection: &str) -> Vec<Topic> {
    let all = crate::registry();
    let found = all.iter().find(|known| known.name() == projection);
    found
        .map(|known| known.topics().to_vec())
        .unwrap_or_default()
}

fn passed(checkpoints: &[Checkpoint], position: &Position) -> bool {
    checkpoints.iter().any(|c| {
        c.topic == position.topic.name()
            && c.partition == position.partition
            && c.next_offset > position.offset
    })
}
