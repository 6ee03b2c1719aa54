//! Segments of both levels at one moment, some at a time in the order of their
//! times, as far as a query goes.

mod hours;
mod listed;
mod pieces;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use parking_lot::Mutex;
use promql::budget::{NoMemory, Share};
use schemas::scope::Scope;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;

use super::filter::{Filter, Test};
use super::segment::{Column, Directory, Segment};
use super::{SIGNAL, TIME_LIMIT};
use crate::db::{Db, QueryError};
use crate::telemetry::bytes::Damaged;
use crate::telemetry::snapshot::{self, Snapshot};
pub(crate) use hours::Hours;
use listed::{Left, Listed};
use pieces::{BYTES, LEVEL_0, LEVEL_1, Pieces};

/// Records of the first segments that are fetched together; later ones doubled.
const FIRST_GROUP: usize = 20_000;
const LARGEST_GROUP: usize = 160_000;
/// Bytes of segments that are fetched together, about; of what queries may hold no more
/// than a part.
const LARGEST_BYTES: usize = 32 << 20;
const PART_OF_ALL: u64 = 8;
/// A segment is held as it lies there, then some of it unpacked: so many times its bytes,
/// about.
const OPENED: usize = 2;
/// Words that one segment in so many has, or fewer, are rare: most of what is left is read.
const RARE: usize = 16;

/// Queries that read segments at once; each holds a connection of all readers'.
static TURNS: Semaphore = Semaphore::const_new(6);
/// How long a query may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which records a query is about.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pub filter: Filter,
    /// Nanoseconds since 1970; the end not included.
    pub from_ns: i64,
    pub to_ns: i64,
}

/// Why a query over logs has no answer.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
    #[error("the query took more than {} s; ask for a shorter time or fewer records", TIME_LIMIT.as_secs())]
    TookTooLong,
    #[error("{0}")]
    Damaged(String),
    #[error("the query ended: {0}")]
    Ended(String),
}

impl From<Damaged> for LogsError {
    fn from(error: Damaged) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<sqlx::Error> for LogsError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|e| e.code()) {
            // The statement's time limit.
            Some(code) if code == "57014" => Self::TookTooLong,
            _ => Self::Query(error.into()),
        }
    }
}

/// What a query has looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogsScanned)]
pub struct Scanned {
    pub segments: u64,
    pub records: u64,
    pub bytes: u64,
}

impl std::ops::AddAssign for Scanned {
    fn add_assign(&mut self, more: Self) {
        self.segments += more.segments;
        self.records += more.records;
        self.bytes += more.bytes;
    }
}

/// Which end is read first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    NewestFirst,
    OldestFirst,
}

/// What is fetched of a segment.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    Everything,
    /// What the filter asks for, besides these.
    Columns(Vec<Column>, Vec<String>),
}

/// A segment at hand.
pub(super) struct Piece {
    pub(super) partition: i32,
    pub(super) segment: Segment<'static>,
    listed: Listed,
}

/// A query under way.
pub(super) struct Scan {
    tx: Snapshot,
    scope: Scope,
    filter: Arc<Filter>,
    /// The next is the last.
    listed: Vec<Listed>,
    order: Order,
    group: usize,
    deadline: Instant,
    _turn: SemaphorePermit<'static>,
    share: Arc<Share>,
    /// Bytes that are held of what was found.
    kept: usize,
    most_bytes: usize,
    pub(super) scanned: Scanned,
}

impl Scan {
    pub(super) async fn begin(
        db: &Db,
        scope: &Scope,
        query: &Query,
        order: Order,
    ) -> Result<Self, LogsError> {
        let turn = turn().await?;
        let mut tx = snapshot::begin(db, SIGNAL, scope, TIME_LIMIT).await?;
        let Left { mut listed, of } = listed::list(db, &mut tx, scope, query).await?;
        match order {
            Order::NewestFirst => listed.sort_by_key(|one| (one.max_time, one.min_time)),
            Order::OldestFirst => {
                listed.sort_by_key(|one| std::cmp::Reverse((one.min_time, one.max_time)));
            }
        }
        let group = match listed.len() * RARE <= of {
            true => LARGEST_GROUP,
            false => FIRST_GROUP,
        };
        let share = db.share();
        Ok(Self {
            most_bytes: most_bytes(share.most()),
            share,
            kept: 0,
            tx,
            scope: scope.clone(),
            filter: Arc::new(query.filter.clone()),
            listed,
            order,
            group,
            deadline: Instant::now() + TIME_LIMIT,
            _turn: turn,
            scanned: Scanned::default(),
        })
    }

    pub(super) fn filter(&self) -> Arc<Filter> {
        self.filter.clone()
    }

    /// What the query holds of the memory that all may hold.
    pub(super) fn share(&self) -> Arc<Share> {
        self.share.clone()
    }

    /// The query holds no more than so many bytes of what was found; what was fetched is
    /// gone.
    pub(super) fn keep(&mut self, bytes: usize) {
        self.kept = bytes;
        self.share.keep(bytes);
    }

    /// The first time that what was not read yet may have; None at the end.
    pub(super) fn next_time(&self) -> Option<i64> {
        self.listed.last().map(|one| match self.order {
            Order::NewestFirst => one.max_time,
            Order::OldestFirst => one.min_time,
        })
    }

    /// The next segments; none at the end.
    pub(super) async fn next(&mut self, wanted: &Wanted) -> Result<Vec<Piece>, LogsError> {
        if Instant::now() > self.deadline {
            return Err(LogsError::TookTooLong);
        }
        self.share.keep(self.kept);
        let mut group = Vec::new();
        let (mut records, mut bytes) = (0_usize, 0_usize);
        while records < self.group
            && bytes < self.most_bytes
            && let Some(one) = self.listed.pop()
        {
            records += usize::try_from(one.items).unwrap_or(0);
            bytes += one.bytes();
            group.push(one);
        }
        self.group = (self.group * 2).min(LARGEST_GROUP);
        let whole = matches!(wanted, Wanted::Everything) || self.filter.reads_everything();
        let fetched = self.fetch(&group, wanted, whole).await?;
        self.scanned.segments += group.len() as u64;
        self.scanned.records += records as u64;
        Ok(fetched)
    }

    /// The same segments with all of their columns.
    pub(super) async fn whole(&mut self, pieces: Vec<Piece>) -> Result<Vec<Piece>, LogsError> {
        let (mut whole, some): (Vec<_>, Vec<_>) = pieces
            .into_iter()
            .partition(|piece| piece.segment.is_whole());
        let listed: Vec<Listed> = some.into_iter().map(|piece| piece.listed).collect();
        whole.extend(self.fetch(&listed, &Wanted::Everything, true).await?);
        Ok(whole)
    }

    async fn fetch(
        &mut self,
        group: &[Listed],
        wanted: &Wanted,
        whole: bool,
    ) -> Result<Vec<Piece>, LogsError> {
        let mut directories = Vec::with_capacity(group.len());
        let (mut young, mut old) = (Pieces::default(), Pieces::default());
        let mut bytes = 0_usize;
        for (number, one) in (0..).zip(group) {
            let directory = match &one.directory {
                Some(bytes) if !whole => Some(Directory::read(bytes)?),
                _ => None,
            };
            let pieces = if one.level == 0 { &mut young } else { &mut old };
            match &directory {
                None => {
                    bytes += one.bytes();
                    pieces.push(number, one, None);
                }
                Some(directory) => {
                    for frame in self.frames(directory, wanted) {
                        bytes += frame.len();
                        pieces.push(number, one, Some(frame));
                    }
                }
            }
            directories.push(directory);
        }
        self.share.take(bytes.saturating_mul(OPENED)).await?;
        let (tx, scope) = (&mut self.tx, &self.scope);
        let mut found = young.fetch(tx, scope, BYTES, LEVEL_0).await?;
        found.extend(old.fetch(tx, scope, BYTES, LEVEL_1).await?);
        let mut frames: Vec<BTreeMap<usize, Vec<u8>>> = vec![BTreeMap::new(); group.len()];
        for (number, begin, bytes) in found {
            self.scanned.bytes += bytes.len() as u64;
            frames[number as usize].insert(begin as usize, bytes);
        }
        let parts = directories.into_iter().zip(frames).zip(group);
        parts
            .map(|((directory, mut frames), one)| {
                let segment = match directory {
                    Some(directory) => Segment::partial(directory, frames),
                    None => Segment::open(frames.remove(&0).unwrap_or_default())?,
                };
                Ok(Piece {
                    partition: one.partition,
                    segment: segment.keeping_columns(),
                    listed: one.clone(),
                })
            })
            .collect()
    }

    fn frames(&self, directory: &Directory, wanted: &Wanted) -> Vec<Range<usize>> {
        let mut columns = self.filter.columns();
        let mut fields = self.filter.fields();
        if let Wanted::Columns(more, named) = wanted {
            columns.extend(more);
            fields.extend(named.iter().map(String::as_str));
        }
        if !fields.is_empty() {
            columns.push(Column::OtherFields);
        }
        directory.frames(&columns, &fields)
    }
}

/// Of segments that are fetched together, where all queries may hold so much.
fn most_bytes(of_all: Option<u64>) -> usize {
    let part = of_all.map(|most| usize::try_from(most / PART_OF_ALL).unwrap_or(usize::MAX));
    part.map_or(LARGEST_BYTES, |part| part.min(LARGEST_BYTES))
}

async fn turn() -> Result<SemaphorePermit<'static>, QueryError> {
    let turn = timeout(PATIENCE, TURNS.acquire()).await;
    let busy = || QueryError::Unavailable("too many queries over logs at once".to_owned());
    turn.ok().and_then(Result::ok).ok_or_else(busy)
}

impl Filter {
    /// Columns that the filter asks for, besides those of fields.
    fn columns(&self) -> Vec<Column> {
        let mut columns = vec![Column::Time];
        for test in self.tests() {
            columns.extend_from_slice(match test {
                Test::Level(_) => &[Column::Level],
                Test::Service(_) | Test::Resource(..) | Test::Stream(_) | Test::Field(..) => {
                    &[Column::Streams, Column::Stream]
                }
                Test::KnownAt(_) => &[Column::Late],
                Test::TraceId(_) => &[Column::TraceId],
                Test::SpanId(_) => &[Column::SpanId],
                Test::Label(..) => &[Column::Streams, Column::Stream, Column::Level],
                Test::Body(_) | Test::Line(_) | Test::LineMatches(_) => {
                    &[Column::BodyLength, Column::Body]
                }
                Test::Word(_) | Test::Phrase(_) | Test::Any(_) => &[],
            });
        }
        columns
    }
}

/// Does the same with each of many, on all cores, and keeps their order.
pub(super) async fn each<I: Send + 'static, T: Send + 'static>(
    items: Vec<I>,
    work: impl Fn(I) -> Result<T, Damaged> + Send + Sync + 'static,
) -> Result<Vec<T>, LogsError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(items.len());
    let work = Arc::new(work);
    let left = Arc::new(Mutex::new(items.into_iter().enumerate()));
    let one_thread = || {
        let (work, left) = (work.clone(), left.clone());
        blocking(move || {
            let mut done = Vec::new();
            loop {
                let item = left.lock().next();
                let Some((number, item)) = item else {
                    return Ok(done);
                };
                done.push((number, work(item)?));
            }
        })
    };
    let done = try_join_all((0..threads).map(|_| one_thread())).await?;
    let mut done: Vec<_> = done.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, found)| found).collect())
}

/// Runs what takes long away from the threads that serve others.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Damaged> + Send + 'static,
) -> Result<T, LogsError> {
    let worked = tokio::task::spawn_blocking(work).await;
    Ok(worked.map_err(|e| LogsError::Ended(e.to_string()))??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_that_are_read_together_are_a_part_of_what_queries_may_hold() {
        assert_eq!(most_bytes(None), LARGEST_BYTES);
        assert_eq!(most_bytes(Some(u64::MAX)), LARGEST_BYTES);
        assert_eq!(most_bytes(Some(8 << 20)), 1 << 20);
    }
}
