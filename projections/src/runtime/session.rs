//! Following the log until something fails, and then again from the checkpoints. In
//! a pause the connection is given back: most folds have nothing to do for hours.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use eventlog::{Fetched, LogError, Partition, Position, Subscription, Visibility};
use schemas::change::Announcement;
use schemas::topic::Topic;
use sqlx::{Connection, PgConnection};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::batch::{NotCommitted, Progress, apply_batch};
use super::checkpoint::{Checkpoints, Mismatch, Unfit};
use super::{Home, Projection, Runtime, shape};
use crate::db::lock;

/// Not the end of the process: started again, this version would make them anew in its turn.
const OTHER_SHAPE: &str = "a process of another version has made its tables anew, and only that \
    version fills them: stop this process";

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interrupted {
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error(transparent)]
    LogFailed(LogError),
    /// Begin anew after a while.
    #[error("{0}")]
    Passing(String),
}

impl From<sqlx::Error> for Interrupted {
    fn from(error: sqlx::Error) -> Self {
        Self::Passing(error.to_string())
    }
}

impl From<NotCommitted> for Interrupted {
    fn from(error: NotCommitted) -> Self {
        Self::Passing(error.to_string())
    }
}

impl From<LogError> for Interrupted {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Failed(_) | LogError::Corrupt { .. } => Self::LogFailed(error),
            passing => Self::Passing(passing.to_string()),
        }
    }
}

impl From<Unfit> for Interrupted {
    fn from(error: Unfit) -> Self {
        match error {
            Unfit::Mismatch(mismatch) => Self::Mismatch(mismatch),
            Unfit::Log(log) => log.into(),
        }
    }
}

/// The name under which a projection pins the log.
pub(crate) fn consumer_of(projection: &str) -> String {
    format!("projection {projection}")
}

/// Follows the log until shutdown; `progressed` is called after every commit.
pub(super) async fn follow(
    runtime: &Runtime,
    projection: &dyn Projection,
    shutdown: &CancellationToken,
    mut progressed: impl FnMut(),
) -> Result<(), Interrupted> {
    let Some(mut rows) = open(runtime, projection, shutdown).await? else {
        return Ok(());
    };
    projection.forget();
    let mut checkpoints = Checkpoints::load(&mut rows, projection, runtime.log.id()).await?;
    if !shape::has_known_shape(&mut rows, projection).await? {
        return Err(Interrupted::Passing(OTHER_SHAPE.to_owned()));
    }
    let mut positions = checkpoints.resume(projection, runtime.log.as_ref()).await?;
    // Retention waits for the slowest fold, one that Postgres keeps back included.
    let consumer = consumer_of(projection.name());
    runtime.log.pin(&consumer, &positions).await?;
    let mut subscription = subscribe(runtime, &positions).await?;
    let mut pace = Pace::new(projection.linger());
    loop {
        let next = pace.next(subscription.as_mut(), projection.batch_bytes());
        let awaited = Awaited {
            runtime,
            projection,
            shutdown,
        };
        let Some((kept, fetched)) = awaited.records(rows, next).await? else {
            return Ok(());
        };
        rows = kept;
        let progress = apply_batch(
            projection,
            &mut rows,
            &runtime.people,
            &mut checkpoints,
            fetched,
        )
        .await?;
        progressed();
        runtime.log.pin(&consumer, &reached(&progress)).await?;
        let stopped: Vec<_> = progress.stopped.keys().copied().collect();
        raise_alarm(projection.name(), &progress);
        announce(runtime, projection.name(), progress).await;
        if !stopped.is_empty() {
            positions = without(&checkpoints, &positions, &stopped);
            subscription = subscribe(runtime, &positions).await?;
        }
    }
}

/// Records that may be long in coming.
struct Awaited<'a> {
    runtime: &'a Runtime,
    projection: &'a dyn Projection,
    shutdown: &'a CancellationToken,
}

impl Awaited<'_> {
    /// What `next` brings, and a connection to write it with: the same one, or another
    /// where nothing came for a while. None at shutdown.
    async fn records(
        &self,
        rows: PgConnection,
        next: impl Future<Output = Result<Vec<Fetched>, LogError>>,
    ) -> Result<Option<(PgConnection, Vec<Fetched>)>, Interrupted> {
        tokio::pin!(next);
        tokio::select! {
            () = self.shutdown.cancelled() => return Ok(None),
            fetched = &mut next => return Ok(Some((rows, fetched?))),
            () = tokio::time::sleep(self.runtime.rest), if rests(self.projection) => {}
        }
        // Nobody waits for the goodbye.
        rows.close().await.ok();
        let fetched = tokio::select! {
            () = self.shutdown.cancelled() => return Ok(None),
            fetched = next => fetched?,
        };
        let rows = open(self.runtime, self.projection, self.shutdown).await?;
        Ok(rows.map(|rows| (rows, fetched)))
    }
}

/// A connection on which no other process runs this projection; None at shutdown.
async fn open(
    runtime: &Runtime,
    projection: &dyn Projection,
    shutdown: &CancellationToken,
) -> Result<Option<PgConnection>, sqlx::Error> {
    let mut rows = runtime.db.fold_session(projection.home().schema()).await?;
    tokio::select! {
        () = shutdown.cancelled() => Ok(None),
        taken = take_turn(&mut rows, projection) => taken.map(|()| Some(rows)),
    }
}

/// Whether the connection may be given back in a pause. What folds of telemetry keep
/// in memory is as long as their connection, and is dear to read anew.
fn rests(projection: &dyn Projection) -> bool {
    !matches!(projection.home(), Home::Telemetry)
}

/// Lets transactions begin no closer together than `linger`, unless there is a
/// whole batch to read.
struct Pace {
    linger: Duration,
    not_before: Instant,
}

impl Pace {
    fn new(linger: Duration) -> Self {
        Self {
            linger,
            not_before: Instant::now(),
        }
    }

    async fn next(
        &mut self,
        subscription: &mut dyn Subscription,
        batch_bytes: usize,
    ) -> Result<Vec<Fetched>, LogError> {
        tokio::time::sleep_until(self.not_before).await;
        let fetched = subscription.next(batch_bytes).await?;
        let bodies = fetched.iter().flat_map(|part| &part.records);
        let bytes: usize = bodies.map(|record| record.body.len()).sum();
        if bytes < batch_bytes / 2 {
            self.not_before = Instant::now() + self.linger;
        }
        Ok(fetched)
    }
}

/// Waits until no other process runs this projection; held as long as the
/// connection. The conditional checkpoint guards what slips through.
async fn take_turn(
    rows: &mut PgConnection,
    projection: &dyn Projection,
) -> Result<(), sqlx::Error> {
    let name = consumer_of(projection.name());
    let key = xxhash_rust::xxh3::xxh3_64(name.as_bytes()).cast_signed();
    // As long as the other one is busy, which is as it should be.
    lock::wait(rows, key, || {
        let projection = projection.name();
        tracing::info!(projection, "another process runs it; waiting for its turn");
    })
    .await
}

async fn subscribe(
    runtime: &Runtime,
    positions: &[Position],
) -> Result<Box<dyn Subscription>, LogError> {
    runtime
        .log
        .subscribe(positions.to_vec(), Visibility::Durable)
        .await
}

/// Where the partitions that moved will be read next.
fn reached(progress: &Progress) -> Vec<Position> {
    progress
        .moves
        .iter()
        .map(|step| Position {
            topic: step.topic,
            partition: step.partition,
            offset: step.to,
        })
        .collect()
}

/// The partitions that go on, from where they are now.
fn without(
    checkpoints: &Checkpoints,
    positions: &[Position],
    stopped: &[(Topic, Partition)],
) -> Vec<Position> {
    positions
        .iter()
        .filter(|at| !stopped.contains(&(at.topic, at.partition)))
        .map(|at| Position {
            offset: checkpoints
                .next
                .get(&(at.topic, at.partition))
                .copied()
                .unwrap_or(at.offset)
                .max(at.offset),
            ..*at
        })
        .collect()
}

fn raise_alarm(name: &'static str, progress: &Progress) {
    for ((topic, partition), (offset, why)) in &progress.stopped {
        metrics::gauge!("projection_partition_stopped", "projection" => name, "topic" => topic.name(), "partition" => partition.to_string()).set(1.0);
        tracing::error!(
            projection = name,
            topic = topic.name(),
            partition,
            offset,
            why,
            "partition stopped"
        );
    }
}

async fn announce(runtime: &Runtime, name: &'static str, progress: Progress) {
    let mut by_partition: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut said = HashSet::new();
    for changed in progress.changes {
        let place = (changed.topic, changed.partition);
        if said.insert((place, changed.change.clone())) {
            by_partition.entry(place).or_default().push(changed.change);
        }
    }
    let announcements = progress
        .moves
        .into_iter()
        .map(|step| Announcement {
            projection: name.to_owned(),
            topic: step.topic.name().to_owned(),
            partition: step.partition,
            from: step.from,
            to: step.to,
            changes: by_partition
                .remove(&(step.topic, step.partition))
                .unwrap_or_default(),
        })
        .collect();
    runtime.fanout.publish(announcements).await;
}
