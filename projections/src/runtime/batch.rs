//! One transaction: checkpoint and rows together, record by record where the
//! batch as a whole fails.

use std::collections::{BTreeMap, BTreeSet};

use eventlog::{Fetched, Offset, Partition, Record};
use schemas::topic::Topic;
use sqlx::{Acquire, PgConnection};

use super::checkpoint::{self, Checkpoints, Move};
use super::{ApplyError, Changed, Parked, Projection, Writing};
use crate::vault::SubjectKeys;
use crate::vault::erased_tenants::Erased;

/// What a committed batch has done.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) moves: Vec<Move>,
    pub(crate) changes: Vec<Changed>,
    /// Partitions that must not go on, with the reason.
    pub(crate) stopped: BTreeMap<(Topic, Partition), (Offset, String)>,
}

/// Why nothing was committed. Both are answered by reading the checkpoints anew.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotCommitted {
    #[error("{0}")]
    Transient(String),
    #[error("the checkpoints have been moved by another runner or a replay")]
    Overtaken,
}

impl From<sqlx::Error> for NotCommitted {
    fn from(error: sqlx::Error) -> Self {
        Self::Transient(error.to_string())
    }
}

/// Applies what was fetched and moves the checkpoints, or does nothing.
pub(crate) async fn apply_batch(
    projection: &dyn Projection,
    rows: &mut PgConnection,
    people: &SubjectKeys,
    checkpoints: &mut Checkpoints,
    fetched: Vec<Fetched>,
) -> Result<Progress, NotCommitted> {
    let mut moves = moves(checkpoints, &fetched);
    let mut records: Vec<Record> = fetched.into_iter().flat_map(|f| f.records).collect();
    let mut tx = rows.begin().await?;
    // First, so that a runner that was overtaken fails before it has worked.
    if !checkpoint::advance(&mut tx, projection.name(), checkpoints.generation, &moves).await? {
        return Err(NotCommitted::Overtaken);
    }
    let erased = Erased::among(&mut tx, &records).await?;
    records.retain(|record| !erased.covers(record));
    let mut applying = Applying {
        projection,
        people,
        parked: Parked::load(&mut tx, projection.name()).await?,
        progress: Progress::default(),
    };
    applying.all(&mut tx, &records).await?;
    let mut progress = applying.progress;
    let back = set_back(&mut moves, &progress.stopped);
    checkpoint::advance(&mut tx, projection.name(), checkpoints.generation, &back).await?;
    tx.commit().await?;
    checkpoints.advance(&moves);
    moves.retain(|step| step.to > step.from);
    progress.moves = moves;
    Ok(progress)
}

/// Fetches of one partition are joined into one move.
fn moves(checkpoints: &Checkpoints, fetched: &[Fetched]) -> Vec<Move> {
    let mut next = BTreeMap::new();
    for part in fetched {
        let to = next
            .entry((part.topic, part.partition))
            .or_insert(part.next_offset);
        *to = part.next_offset.max(*to);
    }
    next.into_iter()
        .map(|((topic, partition), to)| Move {
            topic,
            partition,
            from: checkpoints
                .next
                .get(&(topic, partition))
                .copied()
                .unwrap_or(0),
            to,
        })
        .collect()
}

/// Ends the moves of stopped partitions before the record that stopped them;
/// returns the corrections of what the transaction has already moved.
fn set_back(
    moves: &mut [Move],
    stopped: &BTreeMap<(Topic, Partition), (Offset, String)>,
) -> Vec<Move> {
    let mut back = Vec::new();
    for step in moves {
        if let Some((offset, _)) = stopped.get(&(step.topic, step.partition)) {
            back.push(Move {
                from: step.to,
                to: *offset,
                ..*step
            });
            step.to = *offset;
        }
    }
    back
}

struct Applying<'a> {
    projection: &'a dyn Projection,
    people: &'a SubjectKeys,
    parked: Parked,
    progress: Progress,
}

impl Applying<'_> {
    async fn all(&mut self, tx: &mut PgConnection, records: &[Record]) -> Result<(), NotCommitted> {
        let (held, free): (Vec<_>, Vec<_>) = records
            .iter()
            .cloned()
            .partition(|record| self.parked.holds(record));
        match self.attempt(tx, &free).await {
            Ok(changes) => {
                self.progress.changes = changes;
                for record in &held {
                    self.hold(tx, record).await?;
                }
                Ok(())
            }
            Err(ApplyError::Transient(why)) => Err(NotCommitted::Transient(why)),
            Err(ApplyError::Permanent(_) | ApplyError::Stop(_)) => {
                self.one_by_one(tx, records).await
            }
        }
    }

    async fn one_by_one(
        &mut self,
        tx: &mut PgConnection,
        records: &[Record],
    ) -> Result<(), NotCommitted> {
        let mut stopped = BTreeSet::new();
        for record in records {
            let place = (record.position.topic, record.position.partition);
            if stopped.contains(&place) {
                continue;
            }
            if self.parked.holds(record) {
                self.hold(tx, record).await?;
                continue;
            }
            match self.attempt(tx, std::slice::from_ref(record)).await {
                Ok(changes) => self.progress.changes.extend(changes),
                Err(ApplyError::Transient(why)) => return Err(NotCommitted::Transient(why)),
                Err(ApplyError::Permanent(why)) => self.park(tx, record, &why).await?,
                Err(ApplyError::Stop(why)) => {
                    stopped.insert(place);
                    self.progress
                        .stopped
                        .insert(place, (record.position.offset, why));
                }
            }
        }
        Ok(())
    }

    /// Applies under a savepoint, so that a failure leaves the transaction usable.
    async fn attempt(
        &self,
        tx: &mut PgConnection,
        records: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let mut savepoint = tx.begin().await?;
        let mut writing = Writing {
            rows: &mut savepoint,
            people: self.people,
        };
        let outcome = self.projection.apply(&mut writing, records).await;
        match &outcome {
            Ok(_) => savepoint.commit().await?,
            Err(_) => {
                savepoint.rollback().await?;
                self.projection.forget();
            }
        }
        outcome
    }

    async fn hold(&mut self, tx: &mut PgConnection, record: &Record) -> Result<(), sqlx::Error> {
        let why = "an earlier record of this key is parked";
        self.parked
            .park(tx, self.projection.name(), record, why)
            .await
    }

    async fn park(
        &mut self,
        tx: &mut PgConnection,
        record: &Record,
        why: &str,
    ) -> Result<(), sqlx::Error> {
        let name = self.projection.name();
        tracing::error!(projection = name, position = %record.position, why, "record parked");
        self.parked.park(tx, name, record, why).await
    }
}

#[cfg(test)]
mod tests;
