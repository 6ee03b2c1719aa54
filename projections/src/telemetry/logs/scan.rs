//! Segments of both levels at one moment, some at a time in the order of their
//! times, as far as a query goes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use parking_lot::Mutex;
use protocols::logs::Level;
use schemas::ids::ProjectId;
use schemas::scope::Scope;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, Postgres, QueryBuilder, Transaction};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;

use super::bloom;
use super::blooms::{Blooms, Key};
use super::filter::Filter;
use super::fold::day_of;
use super::segment::{Column, Directory, Segment};
use super::{SIGNAL, TIME_LIMIT};
use crate::db::{Db, QueryError};
use crate::telemetry::bytes::Damaged;
use crate::telemetry::snapshot;

/// Records of the first segments that are fetched together; later ones doubled.
const FIRST_GROUP: usize = 20_000;
const LARGEST_GROUP: usize = 160_000;
/// Words that one segment in so many has, or fewer, are rare: most of what is left is read.
const RARE: usize = 16;
/// Token filters that are read together.
const FILLED_AT_ONCE: usize = 64;

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

/// A segment that may have what is wanted.
#[derive(Debug, Clone, FromRow)]
struct Listed {
    level: i16,
    partition: i32,
    from_offset: i64,
    to_offset: i64,
    /// Level 0: section. Level 1: part.
    part: i32,
    slot: DateTime<Utc>,
    day: i32,
    class: i16,
    window_start: i64,
    min_time: i64,
    max_time: i64,
    items: i32,
    tier: i16,
    rules: i64,
    bloom_at: i32,
    bloom_bytes: i32,
    bloom_probes: i16,
    directory: Option<Vec<u8>>,
}

impl Listed {
    fn key(&self, project: ProjectId, generation: i64) -> Key {
        Key {
            project,
            generation,
            day: self.day,
            class: self.class,
            window_start: self.window_start,
            tier: self.tier,
            rules: self.rules,
            partition: self.partition,
            from_offset: self.from_offset,
            to_offset: self.to_offset,
            part: self.part,
            items: self.items,
            bloom_bytes: self.bloom_bytes,
            bloom_probes: self.bloom_probes,
        }
    }
}

/// A segment at hand.
pub(super) struct Piece {
    pub(super) partition: i32,
    pub(super) segment: Segment<'static>,
    listed: Listed,
}

/// A query under way.
pub(super) struct Scan {
    tx: Transaction<'static, Postgres>,
    scope: Scope,
    filter: Arc<Filter>,
    /// The next is the last.
    listed: Vec<Listed>,
    order: Order,
    group: usize,
    deadline: Instant,
    _turn: SemaphorePermit<'static>,
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
        let tokens = query.filter.tokens();
        let in_columns = !query.filter.reads_everything();
        let at_once = in_columns && tokens.is_empty();
        let mut listed = list(&mut tx, scope, query, at_once).await?;
        let all = listed.len();
        if !tokens.is_empty() {
            listed = sifted(db, &mut tx, scope, listed, &tokens).await?;
        }
        if in_columns && !at_once {
            directories(&mut tx, scope, &mut listed).await?;
        }
        match order {
            Order::NewestFirst => listed.sort_by_key(|one| (one.max_time, one.min_time)),
            Order::OldestFirst => {
                listed.sort_by_key(|one| std::cmp::Reverse((one.min_time, one.max_time)));
            }
        }
        let group = match listed.len() * RARE <= all {
            true => LARGEST_GROUP,
            false => FIRST_GROUP,
        };
        Ok(Self {
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
        let mut group = Vec::new();
        let mut records = 0;
        while records < self.group
            && let Some(one) = self.listed.pop()
        {
            records += usize::try_from(one.items).unwrap_or(0);
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
        for (number, one) in (0..).zip(group) {
            let directory = match &one.directory {
                Some(bytes) if !whole => Some(Directory::read(bytes)?),
                _ => None,
            };
            let pieces = if one.level == 0 { &mut young } else { &mut old };
            match &directory {
                None => pieces.push(number, one, None),
                Some(directory) => {
                    for frame in self.frames(directory, wanted) {
                        pieces.push(number, one, Some(frame));
                    }
                }
            }
            directories.push(directory);
        }
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

async fn turn() -> Result<SemaphorePermit<'static>, QueryError> {
    let turn = timeout(PATIENCE, TURNS.acquire()).await;
    let busy = || QueryError::Unavailable("too many queries over logs at once".to_owned());
    turn.ok().and_then(Result::ok).ok_or_else(busy)
}

/// Level 0 that is not compacted yet, and level 1, between the query's times; of
/// level 1 only what may have the services and levels, with its directories or without.
async fn list(
    tx: &mut Transaction<'static, Postgres>,
    scope: &Scope,
    query: &Query,
    directories: bool,
) -> Result<Vec<Listed>, LogsError> {
    let mut sql = QueryBuilder::new("");
    let narrow = |sql: &mut QueryBuilder<Postgres>| {
        sql.push(" WHERE s.tenant_id = ")
            .push_bind(scope.tenant().0)
            .push(" AND s.project_id = ")
            .push_bind(scope.project().0)
            .push(" AND s.max_time >= ")
            .push_bind(query.from_ns)
            .push(" AND s.min_time < ")
            .push_bind(query.to_ns);
    };
    sql.push(
        "SELECT 0::smallint AS level, s.partition, s.from_offset, s.to_offset, s.section AS part,
             s.slot, s.day, 0::smallint AS class, 0::bigint AS window_start, s.min_time,
             s.max_time, s.items, 0::smallint AS tier, 0::bigint AS rules, 0 AS bloom_at,
             0 AS bloom_bytes, 0::smallint AS bloom_probes, NULL::bytea AS directory
         FROM telemetry.logs_l0 s LEFT JOIN telemetry.compacted c
           ON c.signal = 'logs' AND c.tenant_id = s.tenant_id
          AND c.project_id = s.project_id AND c.partition = s.partition",
    );
    narrow(&mut sql);
    sql.push(
        " AND s.from_offset >= coalesce(c.next_offset, 0)
         UNION ALL
         SELECT 1::smallint, s.partition, s.from_offset, s.to_offset, s.part, 'epoch'::timestamptz,
             s.day, s.class, s.window_start, s.min_time, s.max_time, s.items, s.tier, s.rules,
             s.bloom_at, s.bloom_bytes, s.bloom_probes, ",
    );
    sql.push(if directories { DIRECTORY } else { "NULL" });
    sql.push(" FROM telemetry.logs_l1 s");
    narrow(&mut sql);
    sql.push(" AND s.day >= ")
        .push_bind(day_of(query.from_ns))
        .push(" AND s.day <= ")
        .push_bind(day_of(query.to_ns));
    for services in query.filter.services() {
        // A segment of very many services lists none.
        sql.push(" AND (s.services = '{}' OR s.services && ")
            .push_bind(services)
            .push(")");
    }
    for levels in query.filter.levels() {
        sql.push(" AND (s.levels & ")
            .push_bind(levels)
            .push(") <> 0");
    }
    Ok(sql.build_query_as().fetch_all(&mut **tx).await?)
}

/// Without the segments of level 1 that surely lack one of the tokens. Those whose
/// filters are not in memory are asked about in Postgres, and read for the next time.
async fn sifted(
    db: &Db,
    tx: &mut Transaction<'static, Postgres>,
    scope: &Scope,
    listed: Vec<Listed>,
    tokens: &[u64],
) -> Result<Vec<Listed>, LogsError> {
    let generation = snapshot::generation(tx, SIGNAL).await?;
    let (mut left, old): (Vec<_>, Vec<_>) = listed.into_iter().partition(|one| one.level == 0);
    let keys: Vec<Key> = old
        .iter()
        .map(|one| one.key(scope.project(), generation))
        .collect();
    let mut unknown = Vec::new();
    for (answer, one) in db.blooms().may_hold(&keys, tokens).into_iter().zip(old) {
        match answer {
            Some(true) => left.push(one),
            Some(false) => {}
            None => unknown.push(one),
        }
    }
    if unknown.is_empty() {
        return Ok(left);
    }
    let mut asked = Pieces::default();
    for (number, one) in (0..).zip(&unknown) {
        asked.push(number, one, Some(0..0));
    }
    let probes: String = tokens.iter().map(|hash| bloom::sql(*hash)).collect();
    let join = format!("{LEVEL_1} WHERE s.bloom_bytes > 0 {probes}");
    let found = asked.fetch(tx, scope, BYTES, &join).await?;
    left.extend(
        found
            .iter()
            .map(|(number, ..)| unknown[*number as usize].clone()),
    );
    tokio::spawn(fill(db.clone(), scope.clone(), unknown, generation));
    Ok(left)
}

/// Reads token filters into memory, some at a time.
async fn fill(db: Db, scope: Scope, mut missing: Vec<Listed>, generation: i64) {
    let Some(_turn) = db.blooms().filling() else {
        return;
    };
    let key = |one: &Listed| one.key(scope.project(), generation);
    missing.sort_by_key(|one| std::cmp::Reverse(one.max_time));
    missing.truncate(Blooms::worth_reading(
        &missing.iter().map(key).collect::<Vec<_>>(),
    ));
    for some in missing.chunks(FILLED_AT_ONCE) {
        let read = async {
            let mut tx = snapshot::begin(&db, SIGNAL, &scope, TIME_LIMIT).await?;
            let mut pieces = Pieces::default();
            for (number, one) in (0..).zip(some) {
                let at = usize::try_from(one.bloom_at).unwrap_or_default();
                let len = usize::try_from(one.bloom_bytes).unwrap_or_default();
                pieces.push(number, one, Some(at..at + len));
            }
            pieces.fetch(&mut tx, &scope, BYTES, LEVEL_1).await
        };
        match read.await {
            Ok(found) => {
                let filters = found.into_iter();
                let filters =
                    filters.map(|(number, _, filter)| (key(&some[number as usize]), filter));
                db.blooms().keep(filters.collect());
            }
            Err(why) => return tracing::debug!(%why, "token filters were not read"),
        }
    }
}

/// Fetches the directories of level 1, for who reads some columns only.
async fn directories(
    tx: &mut Transaction<'static, Postgres>,
    scope: &Scope,
    listed: &mut [Listed],
) -> Result<(), LogsError> {
    let mut pieces = Pieces::default();
    for (number, one) in (0..).zip(listed.iter()).filter(|(_, one)| one.level == 1) {
        pieces.push(number, one, Some(0..0));
    }
    for (number, _, directory) in pieces.fetch(tx, scope, DIRECTORY, LEVEL_1).await? {
        listed[number as usize].directory = Some(directory);
    }
    Ok(())
}

/// Pieces of segments to be fetched, column by column.
#[derive(Default)]
struct Pieces {
    number: Vec<i32>,
    at: Vec<i32>,
    len: Vec<i32>,
    partition: Vec<i32>,
    from_offset: Vec<i64>,
    to_offset: Vec<i64>,
    part: Vec<i32>,
    slot: Vec<DateTime<Utc>>,
    day: Vec<i32>,
    class: Vec<i16>,
    window_start: Vec<i64>,
}

const BYTES: &str = "substring(s.data FROM w.at + 1 FOR w.len)";
const DIRECTORY: &str = "s.directory";
const WANTED: &str =
    "FROM unnest($3::int[], $4::int[], $5::int[], $6::int[], $7::bigint[], $8::bigint[], $9::int[],
             $10::timestamptz[], $11::int[], $12::smallint[], $13::bigint[])
         AS w (number, at, len, partition, from_offset, to_offset, part, slot, day, class,
               window_start)";
const LEVEL_0: &str = "JOIN telemetry.logs_l0 s
      ON s.tenant_id = $1 AND s.project_id = $2 AND s.partition = w.partition
     AND s.from_offset = w.from_offset AND s.section = w.part AND s.slot = w.slot";
const LEVEL_1: &str = "JOIN telemetry.logs_l1 s
      ON s.tenant_id = $1 AND s.project_id = $2 AND s.day = w.day AND s.class = w.class
     AND s.window_start = w.window_start AND s.partition = w.partition
     AND s.from_offset = w.from_offset AND s.to_offset = w.to_offset AND s.part = w.part";

impl Pieces {
    /// All of the segment where no frame is named, but for its filter, which is last.
    fn push(&mut self, number: i32, one: &Listed, frame: Option<Range<usize>>) {
        let narrow = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let frame = frame.unwrap_or_else(|| match one.bloom_bytes {
            0 => 0..(1 << 30),
            _ => 0..usize::try_from(one.bloom_at).unwrap_or_default(),
        });
        self.number.push(number);
        self.at.push(narrow(frame.start));
        self.len.push(narrow(frame.len()));
        self.partition.push(one.partition);
        self.from_offset.push(one.from_offset);
        self.to_offset.push(one.to_offset);
        self.part.push(one.part);
        self.slot.push(one.slot);
        self.day.push(one.day);
        self.class.push(one.class);
        self.window_start.push(one.window_start);
    }

    /// Number, place and bytes of each that is there.
    async fn fetch(
        self,
        tx: &mut Transaction<'static, Postgres>,
        scope: &Scope,
        bytes: &'static str,
        join: &str,
    ) -> Result<Vec<(i32, i32, Vec<u8>)>, LogsError> {
        if self.number.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT w.number, w.at, {bytes} {WANTED} {join}");
        let sql = sqlx::AssertSqlSafe(sql);
        Ok(sqlx::query_as(sql)
            .bind(scope.tenant().0)
            .bind(scope.project().0)
            .bind(self.number)
            .bind(self.at)
            .bind(self.len)
            .bind(self.partition)
            .bind(self.from_offset)
            .bind(self.to_offset)
            .bind(self.part)
            .bind(self.slot)
            .bind(self.day)
            .bind(self.class)
            .bind(self.window_start)
            .fetch_all(&mut **tx)
            .await?)
    }
}

impl Filter {
    /// Columns that the filter asks for, besides those of fields.
    fn columns(&self) -> Vec<Column> {
        use super::filter::Test;
        let mut columns = vec![Column::Time];
        for clause in &self.clauses {
            columns.extend_from_slice(match &clause.test {
                Test::Level(_) => &[Column::Level],
                Test::Service(_) | Test::Resource(..) | Test::Stream(_) | Test::Field(..) => {
                    &[Column::Streams, Column::Stream]
                }
                Test::TraceId(_) => &[Column::TraceId],
                Test::SpanId(_) => &[Column::SpanId],
                Test::Label(..) => &[Column::Streams, Column::Stream, Column::Level],
                Test::Body(_) | Test::Line(_) | Test::LineMatches(_) => {
                    &[Column::BodyLength, Column::Body]
                }
                Test::Word(_) | Test::Phrase(_) => &[],
            });
        }
        columns
    }

    /// For each condition that names services: their names.
    fn services(&self) -> Vec<Vec<String>> {
        use super::filter::Test;
        let wanted = self.clauses.iter().filter(|clause| !clause.negated);
        let listed = wanted.filter_map(|clause| match &clause.test {
            Test::Service(value) => value.listed(),
            _ => None,
        });
        listed
            .map(|names| names.into_iter().map(super::counts::stored).collect())
            .collect()
    }

    /// For each condition on levels: a bit for each that is wanted.
    fn levels(&self) -> Vec<i16> {
        use super::filter::Test;
        let bit = |level: &Level| 1i16 << *level as u8;
        let levels = self.clauses.iter().filter_map(|clause| match &clause.test {
            Test::Level(levels) if !clause.negated => Some(levels.iter().map(bit).sum()),
            _ => None,
        });
        levels.collect()
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
