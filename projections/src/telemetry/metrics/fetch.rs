//! The rows of both levels that a selection needs, in the caller's snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use futures::TryStreamExt;
use promql::budget::Share;
use promql::source::SourceError;
use schemas::scope::Scope;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::SIGNAL;
use super::registry::day_of;
use super::segment::Segment;
use super::segments::SegmentKey;
use super::selected::Selected;
use super::store::SourceUnavailable;
use crate::telemetry::level0;

/// More intervals of ids than this are asked for as fewer, wider ones.
const MOST_INTERVALS: usize = 64;

/// What a sample that is put back for a coarse one takes, about.
const SAMPLE_BYTES: usize = 2;

/// A segment is held as it was sent, then opened: so many times its bytes, about.
const OPENED: usize = 2;

/// A row of level 0 (series by ordinal) or level 1 (series by id), or, as levels 2 and
/// 3, of coarse metrics by 5 minutes and by hour.
#[derive(Debug)]
pub(crate) struct SegmentRow {
    pub(crate) key: SegmentKey,
    /// None where the segment is held already.
    pub(crate) data: Option<Vec<u8>>,
}

/// What rows there are, behind `level0::fresh`. Coarse rows stand in for samples that are
/// gone, the finer ones first; samples that came after all that a coarse row was made of are
/// late ones, and stand for nothing else. `items` are the samples that such a row stands for.
///
/// Here and below `OFFSET 0` keeps a part of a statement apart, so that it is looked up by
/// the key, row by row: Postgres plans joins for one row a partition, and would go
/// through all rows of a project for each row.
const LIST: &str = "
    SELECT 1::smallint AS level, day, window_start, tier, class, partition, from_offset, to_offset, part,
           xmin::text::bigint AS written, 0 AS items
    FROM telemetry.metrics_l1
    WHERE tenant_id = $1 AND project_id = $2 AND day BETWEEN $3 AND $4
      AND max_time > $5 AND min_time <= $6
      AND EXISTS (SELECT FROM unnest($7::uuid[], $8::uuid[]) AS wanted (lowest, highest)
                  WHERE id_from <= highest AND id_to >= lowest)
    UNION ALL
    SELECT 0::smallint, l0.day, 0::bigint, 0::smallint, 0::smallint, l0.partition, l0.from_offset,
           l0.to_offset, l0.section, 0::bigint, 0
    FROM fresh CROSS JOIN LATERAL (
        SELECT s.day, s.partition, s.from_offset, s.to_offset, s.section
        FROM telemetry.metrics_l0 s
        WHERE s.tenant_id = $1 AND s.project_id = $2 AND s.partition = fresh.partition
          AND s.from_offset >= fresh.next_offset AND s.day BETWEEN $3 AND $4
          AND s.max_time > $5 AND s.min_time <= $6
        OFFSET 0) l0
    UNION ALL
    SELECT CASE resolution WHEN 300 THEN 2 ELSE 3 END::smallint, coarse.day, coarse.window_start,
           0::smallint, coarse.class, coarse.partition, coarse.from_offset, coarse.to_offset, coarse.part,
           coarse.xmin::text::bigint, coarse.items
    FROM telemetry.metrics_coarse coarse
    WHERE tenant_id = $1 AND project_id = $2 AND coarse.day BETWEEN $3 AND $4
      AND max_time > $5 AND min_time <= $6
      AND EXISTS (SELECT FROM unnest($7::uuid[], $8::uuid[]) AS wanted (lowest, highest)
                  WHERE id_from <= highest AND id_to >= lowest)
      AND NOT EXISTS (SELECT FROM telemetry.metrics_l1 whole
                      WHERE whole.tenant_id = $1 AND whole.project_id = $2
                        AND whole.day = coarse.day AND whole.class = coarse.class
                        AND whole.window_start = coarse.window_start
                        AND whole.partition = coarse.partition
                        AND whole.from_offset < coarse.to_offset
                      OFFSET 0)
      AND NOT EXISTS (SELECT FROM telemetry.metrics_coarse finer
                      WHERE finer.tenant_id = $1 AND finer.project_id = $2
                        AND finer.day = coarse.day AND finer.class = coarse.class
                        AND finer.window_start = coarse.window_start
                        AND finer.partition = coarse.partition
                        AND finer.resolution < coarse.resolution
                      OFFSET 0)";

/// The rows of level 0 that are wanted, with their places among these.
const LEVEL_0: &str = "
    SELECT wanted.place, found.data
    FROM unnest($3::int[], $4::bigint[], $5::bigint[], $6::int[])
         WITH ORDINALITY AS wanted (partition, from_offset, to_offset, part, place)
    CROSS JOIN LATERAL (
        SELECT l0.data FROM telemetry.metrics_l0 l0
        WHERE l0.tenant_id = $1 AND l0.project_id = $2 AND l0.partition = wanted.partition
          AND l0.from_offset = wanted.from_offset AND l0.section = wanted.part
          AND l0.to_offset = wanted.to_offset
        OFFSET 0) found";

/// The same of level 1.
const LEVEL_1: &str = "
    SELECT wanted.place, found.data
    FROM unnest($3::int[], $4::bigint[], $5::bigint[], $6::int[], $7::int[], $8::bigint[],
                $9::smallint[], $10::smallint[])
         WITH ORDINALITY
         AS wanted (partition, from_offset, to_offset, part, day, window_start, tier, class, place)
    CROSS JOIN LATERAL (
        SELECT l1.data FROM telemetry.metrics_l1 l1
        WHERE l1.tenant_id = $1 AND l1.project_id = $2 AND l1.day = wanted.day
          AND l1.class = wanted.class AND l1.window_start = wanted.window_start
          AND l1.partition = wanted.partition AND l1.from_offset = wanted.from_offset
          AND l1.to_offset = wanted.to_offset AND l1.part = wanted.part
          AND l1.tier = wanted.tier
        OFFSET 0) found";

/// The same of the coarse levels.
const COARSE: &str = "
    SELECT wanted.place, found.data
    FROM unnest($3::int[], $4::bigint[], $5::bigint[], $6::int[], $7::int[], $8::bigint[],
                $9::smallint[], $10::smallint[])
         WITH ORDINALITY
         AS wanted (partition, from_offset, to_offset, part, day, window_start, level, class, place)
    CROSS JOIN LATERAL (
        SELECT coarse.data FROM telemetry.metrics_coarse coarse
        WHERE coarse.tenant_id = $1 AND coarse.project_id = $2 AND coarse.day = wanted.day
          AND coarse.window_start = wanted.window_start AND coarse.partition = wanted.partition
          AND coarse.resolution = CASE wanted.level WHEN 2 THEN 300 ELSE 3600 END
          AND coarse.class = wanted.class AND coarse.part = wanted.part
          AND coarse.from_offset = wanted.from_offset AND coarse.to_offset = wanted.to_offset
        OFFSET 0) found";

/// All rows that may hold a sample, in the order of the log. Only those that are not
/// `held` are sent: they are told apart here, because Postgres would look for each of the
/// held ones among all rows.
pub(crate) async fn fetch(
    tx: &mut PgConnection,
    scope: &Scope,
    selected: &Selected,
    held: &HashMap<SegmentKey, Arc<Segment>>,
    most_bytes: usize,
    share: &Share,
) -> Result<Vec<SegmentRow>, SourceUnavailable> {
    let mut room = Room {
        bytes: 0,
        most_bytes,
        share,
    };
    let (mut rows, mut missing) = (Vec::new(), Missing::default());
    for listed in list(tx, scope, selected).await? {
        let key = listed.key();
        match held.get(&key) {
            Some(segment) => room.take(segment.bytes()).await?,
            None => {
                room.take(listed.items.unsigned_abs() as usize * SAMPLE_BYTES)
                    .await?;
                missing.note(&key, rows.len());
            }
        }
        rows.push(SegmentRow { key, data: None });
    }
    let missing = [
        (LEVEL_0, missing.level_0),
        (LEVEL_1, missing.level_1),
        (COARSE, missing.coarse),
    ];
    for (sql, places) in missing {
        if !places.is_empty() {
            read(tx, scope, sql, &places, &mut rows, &mut room).await?;
        }
    }
    rows.sort_by_key(|SegmentRow { key, .. }| {
        (key.from_offset, key.partition, key.window_start, key.part)
    });
    Ok(rows)
}

/// How much a query may read.
struct Room<'a> {
    bytes: usize,
    most_bytes: usize,
    /// Of the memory of all queries.
    share: &'a Share,
}

impl Room<'_> {
    async fn take(&mut self, bytes: usize) -> Result<(), SourceUnavailable> {
        self.bytes += bytes;
        if self.bytes > self.most_bytes {
            let most_bytes = self.most_bytes;
            let why = format!(
                "the query would read more than {most_bytes} bytes; narrow it by labels or time"
            );
            return Err(SourceUnavailable(SourceError::TooMuch(why)));
        }
        let held = self.share.take(bytes.saturating_mul(OPENED)).await;
        held.map_err(|why| SourceUnavailable(why.into()))
    }
}

/// Places of rows whose data is to be read, by the table that has it.
#[derive(Default)]
struct Missing {
    level_0: Vec<usize>,
    level_1: Vec<usize>,
    coarse: Vec<usize>,
}

impl Missing {
    fn note(&mut self, key: &SegmentKey, place: usize) {
        let places = match key.level {
            0 => &mut self.level_0,
            1 => &mut self.level_1,
            _ => &mut self.coarse,
        };
        places.push(place);
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Listed {
    level: i16,
    day: i32,
    window_start: i64,
    tier: i16,
    class: i16,
    partition: i32,
    from_offset: i64,
    to_offset: i64,
    part: i32,
    written: i64,
    items: i32,
}

impl Listed {
    fn key(&self) -> SegmentKey {
        SegmentKey {
            level: self.level,
            day: self.day,
            window_start: self.window_start,
            tier: self.tier,
            class: self.class,
            partition: self.partition,
            from_offset: self.from_offset,
            to_offset: self.to_offset,
            part: self.part,
            written: self.written,
        }
    }
}

async fn list(
    tx: &mut PgConnection,
    scope: &Scope,
    selected: &Selected,
) -> Result<Vec<Listed>, SourceUnavailable> {
    let (from_ms, to_ms) = selected.times();
    let (lowest, highest): (Vec<Uuid>, Vec<Uuid>) = intervals(selected.ids())
        .into_iter()
        .map(|(from, to)| (Uuid::from_u128(from), Uuid::from_u128(to)))
        .unzip();
    let sql = format!("{}{LIST}", level0::fresh(SIGNAL));
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(scope.tenant().0)
        .bind(scope.project().0)
        .bind(day_of(from_ms))
        .bind(day_of(to_ms))
        .bind(from_ms)
        .bind(to_ms)
        .bind(lowest)
        .bind(highest)
        .fetch_all(tx)
        .await?)
}

/// Gives the rows at `places` their data.
async fn read(
    tx: &mut PgConnection,
    scope: &Scope,
    sql: &'static str,
    places: &[usize],
    rows: &mut [SegmentRow],
    room: &mut Room<'_>,
) -> Result<(), SourceUnavailable> {
    let keys = || places.iter().map(|place| rows[*place].key);
    let mut query = sqlx::query_as::<_, (i64, Vec<u8>)>(sql)
        .bind(scope.tenant().0)
        .bind(scope.project().0)
        .bind(keys().map(|key| key.partition).collect::<Vec<_>>())
        .bind(keys().map(|key| key.from_offset).collect::<Vec<_>>())
        .bind(keys().map(|key| key.to_offset).collect::<Vec<_>>())
        .bind(keys().map(|key| key.part).collect::<Vec<_>>());
    if sql != LEVEL_0 {
        let tier_or_level = |key: SegmentKey| match key.level {
            1 => key.tier,
            level => level,
        };
        query = query
            .bind(keys().map(|key| key.day).collect::<Vec<_>>())
            .bind(keys().map(|key| key.window_start).collect::<Vec<_>>())
            .bind(keys().map(tier_or_level).collect::<Vec<_>>())
            .bind(keys().map(|key| key.class).collect::<Vec<_>>());
    }
    let mut found = query.fetch(tx);
    while let Some((place, data)) = found.try_next().await? {
        room.take(data.len()).await?;
        // Numbered from 1.
        let place = usize::try_from(place - 1).ok();
        if let Some(row) = place.and_then(|place| rows.get_mut(*places.get(place)?)) {
            row.data = Some(data);
        }
    }
    Ok(())
}

/// Few intervals that hold all of the ids: those of one metric lie together.
fn intervals(mut ids: Vec<u128>) -> Vec<(u128, u128)> {
    ids.sort_unstable();
    let mut joined: Vec<(u128, u128)> = ids.into_iter().map(|id| (id, id)).collect();
    let mut shift = 0;
    while joined.len() > MOST_INTERVALS {
        // Neighbours whose upper bits are equal become one.
        shift = (shift + 8).max(96);
        joined.dedup_by(|later, first| {
            let near = shift > 127 || later.0 >> shift == first.1 >> shift;
            if near {
                first.1 = later.1;
            }
            near
        });
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn few_intervals_hold_every_id(ids in prop::collection::vec(any::<u128>(), 0..300)) {
            let joined = intervals(ids.clone());
            prop_assert!(joined.len() <= MOST_INTERVALS);
            for id in ids {
                prop_assert!(joined.iter().any(|(from, to)| (*from..=*to).contains(&id)));
            }
        }
    }
}
