//! Which segments may have what a query wants: those of its times, without those whose
//! filters deny one of its words.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use protocols::logs::Level;
use schemas::ids::ProjectId;
use schemas::scope::Scope;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::super::blooms::{Blooms, Key, Place};
use super::super::filter::{Filter, Test};
use super::super::fold::day_of;
use super::super::{SIGNAL, TIME_LIMIT, bloom, counts};
use super::hours::{self, Hour};
use super::pieces::{BYTES, DIRECTORY, LEVEL_1, Pieces};
use super::{LogsError, Query};
use crate::db::Db;
use crate::telemetry::{level0, snapshot};

/// Token filters that are read together.
const FILLED_AT_ONCE: usize = 64;

/// A segment.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) level: i16,
    pub(super) partition: i32,
    pub(super) from_offset: i64,
    pub(super) to_offset: i64,
    /// Level 0: section. Level 1: part.
    pub(super) part: i32,
    pub(super) slot: DateTime<Utc>,
    pub(super) day: i32,
    pub(super) class: i16,
    pub(super) window_start: i64,
    pub(super) min_time: i64,
    pub(super) max_time: i64,
    pub(super) items: i32,
    tier: i16,
    rules: i64,
    /// A bit for each level of its records.
    levels: i16,
    /// Level 0 has none: where it would be, which is the end.
    pub(super) bloom_at: i32,
    pub(super) bloom_bytes: i32,
    bloom_probes: i16,
    /// None where it was not noted.
    content: Option<Uuid>,
    pub(super) directory: Option<Vec<u8>>,
}

/// By number: names are looked up anew in each row.
impl FromRow<'_, PgRow> for Listed {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            level: row.try_get(0)?,
            partition: row.try_get(1)?,
            from_offset: row.try_get(2)?,
            to_offset: row.try_get(3)?,
            part: row.try_get(4)?,
            slot: row.try_get(5)?,
            day: row.try_get(6)?,
            class: row.try_get(7)?,
            window_start: row.try_get(8)?,
            min_time: row.try_get(9)?,
            max_time: row.try_get(10)?,
            items: row.try_get(11)?,
            tier: row.try_get(12)?,
            rules: row.try_get(13)?,
            levels: row.try_get(14)?,
            bloom_at: row.try_get(15)?,
            bloom_bytes: row.try_get(16)?,
            bloom_probes: row.try_get(17)?,
            content: row.try_get(18)?,
            directory: row.try_get(19)?,
        })
    }
}

impl Listed {
    const OF_LEVEL_0: &str = "0::smallint, s.partition, s.from_offset, s.to_offset, s.section,
         s.slot, s.day, 0::smallint, 0::bigint, s.min_time, s.max_time, s.items, 0::smallint,
         0::bigint, 0::smallint, octet_length(s.data), 0, 0::smallint, NULL::uuid, NULL::bytea";
    /// But for the directory, which comes last.
    pub(super) const OF_LEVEL_1: &str = "1::smallint, s.partition, s.from_offset, s.to_offset,
         s.part, 'epoch'::timestamptz, s.day, s.class, s.window_start, s.min_time, s.max_time,
         s.items, s.tier, s.rules, s.levels, s.bloom_at, s.bloom_bytes, s.bloom_probes,
         s.content";

    /// All of its columns, as they lie there.
    pub(super) fn bytes(&self) -> usize {
        usize::try_from(self.bloom_at).unwrap_or_default()
    }

    fn key(&self, project: ProjectId, generation: i64) -> Key {
        if let Some(content) = self.content {
            return Key::Content(content);
        }
        Key::Place(Place {
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
        })
    }
}

/// What is left to be read, and of how many segments.
pub(super) struct Left {
    pub(super) listed: Vec<Listed>,
    pub(super) of: usize,
}

pub(super) async fn list(
    db: &Db,
    tx: &mut PgConnection,
    scope: &Scope,
    query: &Query,
) -> Result<Left, LogsError> {
    let tokens = query.filter.tokens();
    let in_columns = !query.filter.reads_everything();
    let at_once = in_columns && tokens.is_empty();
    let mut listed = young(tx, scope, query).await?;
    // One service is a token; of several Postgres knows which segments have them.
    let services = query.filter.services();
    let (hours, anew) = match at_once || services.iter().any(|names| names.len() > 1) {
        true => (Vec::new(), old(tx, scope, query, at_once).await?),
        false => (hours::of(db, tx, scope, query).await?, Vec::new()),
    };
    let mut left: Vec<&Listed> = within(&hours, query).chain(&anew).collect();
    let of = listed.len() + left.len();
    if !tokens.is_empty() && !left.is_empty() {
        left = sifted_by_any(db, tx, scope, left, &tokens).await?;
    }
    let begin = listed.len();
    listed.extend(left.into_iter().cloned());
    if in_columns && !at_once {
        directories(tx, scope, &mut listed[begin..]).await?;
    }
    Ok(Left { listed, of })
}

/// Level 0 that is not compacted yet.
async fn young(
    tx: &mut PgConnection,
    scope: &Scope,
    query: &Query,
) -> Result<Vec<Listed>, LogsError> {
    let mut sql = QueryBuilder::new(format!(
        "{} SELECT {} FROM fresh CROSS JOIN LATERAL (SELECT s.* FROM telemetry.logs_l0 s",
        level0::fresh(SIGNAL),
        Listed::OF_LEVEL_0
    ));
    // Its first two values are those that `fresh` asks for.
    narrow(&mut sql, scope, query);
    sql.push(
        " AND s.partition = fresh.partition AND s.from_offset >= fresh.next_offset
          OFFSET 0) s",
    );
    Ok(sql.build_query_as().fetch_all(&mut *tx).await?)
}

/// Level 1: what may have the services and levels, with its directories or without.
async fn old(
    tx: &mut PgConnection,
    scope: &Scope,
    query: &Query,
    directories: bool,
) -> Result<Vec<Listed>, LogsError> {
    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(Listed::OF_LEVEL_1)
        .push(if directories {
            ", s.directory"
        } else {
            ", NULL::bytea"
        })
        .push(" FROM telemetry.logs_l1 s");
    narrow(&mut sql, scope, query);
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
    Ok(sql.build_query_as().fetch_all(&mut *tx).await?)
}

fn narrow(sql: &mut QueryBuilder<Postgres>, scope: &Scope, query: &Query) {
    sql.push(" WHERE s.tenant_id = ")
        .push_bind(scope.tenant().0)
        .push(" AND s.project_id = ")
        .push_bind(scope.project().0)
        .push(" AND s.max_time >= ")
        .push_bind(query.from_ns)
        .push(" AND s.min_time < ")
        .push_bind(query.to_ns);
}

/// The segments of the query's times and levels.
fn within<'a>(hours: &'a [Arc<Hour>], query: &Query) -> impl Iterator<Item = &'a Listed> {
    let levels = query.filter.levels();
    let within = move |one: &&Listed| {
        one.max_time >= query.from_ns
            && one.min_time < query.to_ns
            && levels.iter().all(|levels| one.levels & levels != 0)
    };
    let segments = hours.iter().flat_map(|hour| &hour.segments);
    segments.filter(within)
}

/// Those that may have all tokens of one of the sets, in their order.
async fn sifted_by_any<'a>(
    db: &Db,
    tx: &mut PgConnection,
    scope: &Scope,
    old: Vec<&'a Listed>,
    sets: &[Vec<u64>],
) -> Result<Vec<&'a Listed>, LogsError> {
    if let [tokens] = sets {
        return sifted(db, tx, scope, old, tokens).await;
    }
    let (mut left, mut rest) = (Vec::new(), old);
    for tokens in sets {
        let found = sifted(db, tx, scope, rest.clone(), tokens).await?;
        rest = without(rest, &found);
        left.extend(found);
    }
    Ok(left)
}

/// Those of `all` that are none of `gone`, each of which is one of them: there may be very
/// many of both.
fn without<'a>(all: Vec<&'a Listed>, gone: &[&'a Listed]) -> Vec<&'a Listed> {
    let place = |one: &Listed| std::ptr::from_ref(one).addr();
    let gone: HashSet<usize> = gone.iter().map(|one| place(one)).collect();
    let stays = |one: &&Listed| !gone.contains(&place(one));
    all.into_iter().filter(stays).collect()
}

/// Without the segments that surely lack one of the tokens. Those whose filters are not
/// in memory are asked about in Postgres, and read for the next time.
async fn sifted<'a>(
    db: &Db,
    tx: &mut PgConnection,
    scope: &Scope,
    old: Vec<&'a Listed>,
    tokens: &[u64],
) -> Result<Vec<&'a Listed>, LogsError> {
    let generation = snapshot::generation(tx, SIGNAL).await?;
    let asked: Vec<(Key, i16)> = old
        .iter()
        .map(|one| (one.key(scope.project(), generation), one.bloom_probes))
        .collect();
    let (mut left, mut unknown) = (Vec::new(), Vec::new());
    for (answer, one) in db.blooms().may_hold(&asked, tokens).into_iter().zip(old) {
        match answer {
            Some(true) => left.push(one),
            Some(false) => {}
            None => unknown.push(one),
        }
    }
    if unknown.is_empty() {
        return Ok(left);
    }
    let probes: String = tokens.iter().map(|hash| bloom::sql(*hash)).collect();
    let join = format!("{LEVEL_1} WHERE s.bloom_bytes > 0 {probes}");
    let asked = Pieces::of(unknown.iter().copied());
    let found = asked.fetch(tx, scope, BYTES, &join).await?;
    left.extend(found.iter().map(|(number, ..)| unknown[*number as usize]));
    let unknown = unknown.into_iter().cloned().collect();
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
    let bytes = missing.iter().map(|one| one.bloom_bytes);
    missing.truncate(Blooms::worth_reading(bytes));
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
    tx: &mut PgConnection,
    scope: &Scope,
    listed: &mut [Listed],
) -> Result<(), LogsError> {
    let pieces = Pieces::of(listed.iter());
    for (number, _, directory) in pieces.fetch(tx, scope, DIRECTORY, LEVEL_1).await? {
        listed[number as usize].directory = Some(directory);
    }
    Ok(())
}

impl Filter {
    /// For each condition that names services: their names.
    fn services(&self) -> Vec<Vec<String>> {
        let wanted = self.clauses.iter().filter(|clause| !clause.negated);
        let listed = wanted.filter_map(|clause| match &clause.test {
            Test::Service(value) => value.listed(),
            _ => None,
        });
        listed
            .map(|names| names.into_iter().map(counts::stored).collect())
            .collect()
    }

    /// For each condition on levels: a bit for each that is wanted.
    fn levels(&self) -> Vec<i16> {
        let bit = |level: &Level| 1i16 << *level as u8;
        let levels = self.clauses.iter().filter_map(|clause| match &clause.test {
            // One may be named twice.
            Test::Level(levels) if !clause.negated => {
                Some(levels.iter().map(bit).fold(0, std::ops::BitOr::bitor))
            }
            _ => None,
        });
        levels.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_named_twice_is_that_level() {
        let levels = |text: &str| Filter::parse(text).expect(text).levels();
        let error = 1i16 << Level::Error as u8;
        assert_eq!(levels("level:error"), [error]);
        assert_eq!(levels("level:error,error"), [error]);
        assert_eq!(
            levels("level:error,err,warn"),
            [error | 1 << Level::Warn as u8]
        );
        let mut filter = Filter::default();
        filter.of_levels(&[Level::Fatal; 1_000]);
        assert_eq!(filter.levels(), [1 << Level::Fatal as u8]);
    }

    #[test]
    fn what_is_left_of_many_segments_is_found_at_once() {
        let one = Listed {
            level: 1,
            partition: 0,
            from_offset: 0,
            to_offset: 1,
            part: 0,
            slot: DateTime::UNIX_EPOCH,
            day: 0,
            class: 30,
            window_start: 0,
            min_time: 0,
            max_time: 0,
            items: 1,
            tier: 1,
            rules: 0,
            levels: 0,
            bloom_at: 0,
            bloom_bytes: 0,
            bloom_probes: 0,
            content: None,
            directory: None,
        };
        let segments = vec![one; 200_000];
        let all: Vec<&Listed> = segments.iter().collect();
        let even: Vec<&Listed> = segments.iter().step_by(2).collect();
        let odd = without(all, &even);
        assert_eq!(odd.len(), 100_000);
        assert!(std::ptr::eq(odd[7], &segments[15]));
        assert!(without(odd.clone(), &odd).is_empty());
    }
}
