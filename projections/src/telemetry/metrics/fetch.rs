//! The rows of both levels that a selection needs, in the caller's snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use futures::TryStreamExt;
use promql::source::SourceError;
use schemas::scope::Scope;
use sqlx::PgConnection;
use uuid::Uuid;

use super::registry::day_of;
use super::segment::Segment;
use super::segments::SegmentKey;
use super::selected::Selected;
use super::store::SourceUnavailable;

/// More intervals of ids than this are asked for as fewer, wider ones.
const MOST_INTERVALS: usize = 64;

/// What a sample that is put back for a coarse one takes, about.
const SAMPLE_BYTES: usize = 2;

/// A row of level 0 (series by ordinal) or level 1 (series by id), or, as levels 2 and
/// 3, of coarse metrics by 5 minutes and by hour.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct SegmentRow {
    level: i16,
    day: i32,
    window_start: i64,
    tier: i16,
    class: i16,
    partition: i32,
    from_offset: i64,
    to_offset: i64,
    part: i32,
    /// Samples that a coarse row stands for.
    items: i32,
    /// None where the segment is held already.
    pub(crate) data: Option<Vec<u8>>,
}

impl SegmentRow {
    pub(crate) fn key(&self) -> SegmentKey {
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
        }
    }
}

/// `held` says which rows need not be sent: their data stays where it is. Coarse rows
/// stand in for samples that are gone, the finer ones first.
const SQL: &str = "
    WITH held AS (
        SELECT * FROM unnest($9::smallint[], $10::int[], $11::bigint[], $12::int[], $13::bigint[],
                             $14::bigint[], $15::int[], $16::smallint[], $17::smallint[])
            AS held (level, day, window_start, partition, from_offset, to_offset, part, tier, class))
    SELECT 1::smallint AS level, day, window_start, tier, class, partition, from_offset, to_offset, part,
           0 AS items,
           CASE WHEN held.level IS NULL THEN data END AS data
    FROM telemetry.metrics_l1
    LEFT JOIN (SELECT * FROM held WHERE level = 1) held
              USING (day, window_start, tier, class, partition, from_offset, to_offset, part)
    WHERE tenant_id = $1 AND project_id = $2 AND day BETWEEN $3 AND $4
      AND max_time > $5 AND min_time <= $6
      AND EXISTS (SELECT FROM unnest($7::uuid[], $8::uuid[]) AS wanted (lowest, highest)
                  WHERE id_from <= highest AND id_to >= lowest)
    UNION ALL
    SELECT 0::smallint, l0.day, 0::bigint, 0::smallint, 0::smallint, l0.partition, l0.from_offset, l0.to_offset, l0.section, 0,
           CASE WHEN held.level IS NULL THEN data END
    FROM telemetry.metrics_l0 l0
    LEFT JOIN telemetry.compacted c
           ON c.tenant_id = $1 AND c.project_id = $2 AND c.signal = 'metrics'
          AND c.partition = l0.partition
    LEFT JOIN (SELECT * FROM held WHERE level = 0) held
           ON held.day = l0.day AND held.partition = l0.partition
          AND held.from_offset = l0.from_offset AND held.to_offset = l0.to_offset
          AND held.part = l0.section
    WHERE l0.tenant_id = $1 AND l0.project_id = $2 AND l0.day BETWEEN $3 AND $4
      AND max_time > $5 AND min_time <= $6
      AND l0.from_offset >= coalesce(c.next_offset, 0)
    UNION ALL
    SELECT CASE resolution WHEN 300 THEN 2 ELSE 3 END::smallint, coarse.day, coarse.window_start,
           0::smallint, coarse.class, coarse.partition, coarse.from_offset, coarse.to_offset, coarse.part,
           coarse.items,
           CASE WHEN held.level IS NULL THEN data END
    FROM telemetry.metrics_coarse coarse
    LEFT JOIN (SELECT * FROM held WHERE level > 1) held
              ON held.level = CASE resolution WHEN 300 THEN 2 ELSE 3 END
             AND held.day = coarse.day AND held.window_start = coarse.window_start
             AND held.class = coarse.class
             AND held.partition = coarse.partition AND held.from_offset = coarse.from_offset
             AND held.to_offset = coarse.to_offset AND held.part = coarse.part
    WHERE tenant_id = $1 AND project_id = $2 AND coarse.day BETWEEN $3 AND $4
      AND max_time > $5 AND min_time <= $6
      AND EXISTS (SELECT FROM unnest($7::uuid[], $8::uuid[]) AS wanted (lowest, highest)
                  WHERE id_from <= highest AND id_to >= lowest)
      AND NOT EXISTS (SELECT FROM telemetry.metrics_l1 whole
                      WHERE whole.tenant_id = $1 AND whole.project_id = $2
                        AND whole.day = coarse.day AND whole.class = coarse.class
                        AND whole.window_start = coarse.window_start
                        AND whole.partition = coarse.partition)
      AND NOT EXISTS (SELECT FROM telemetry.metrics_coarse finer
                      WHERE finer.tenant_id = $1 AND finer.project_id = $2
                        AND finer.day = coarse.day AND finer.class = coarse.class
                        AND finer.window_start = coarse.window_start
                        AND finer.partition = coarse.partition
                        AND finer.resolution < coarse.resolution)";

/// All rows that may hold a sample, in the order of the log.
pub(crate) async fn fetch(
    tx: &mut PgConnection,
    scope: &Scope,
    selected: &Selected,
    held: &HashMap<SegmentKey, Arc<Segment>>,
    most_bytes: usize,
) -> Result<Vec<SegmentRow>, SourceUnavailable> {
    let (from_ms, to_ms) = selected.times();
    let (lowest, highest): (Vec<Uuid>, Vec<Uuid>) = intervals(selected.ids())
        .into_iter()
        .map(|(from, to)| (Uuid::from_u128(from), Uuid::from_u128(to)))
        .unzip();
    let mut found = sqlx::query_as::<_, SegmentRow>(SQL)
        .bind(scope.tenant().0)
        .bind(scope.project().0)
        .bind(day_of(from_ms))
        .bind(day_of(to_ms))
        .bind(from_ms)
        .bind(to_ms)
        .bind(lowest)
        .bind(highest)
        .bind(held.keys().map(|key| key.level).collect::<Vec<_>>())
        .bind(held.keys().map(|key| key.day).collect::<Vec<_>>())
        .bind(held.keys().map(|key| key.window_start).collect::<Vec<_>>())
        .bind(held.keys().map(|key| key.partition).collect::<Vec<_>>())
        .bind(held.keys().map(|key| key.from_offset).collect::<Vec<_>>())
        .bind(held.keys().map(|key| key.to_offset).collect::<Vec<_>>())
        .bind(held.keys().map(|key| key.part).collect::<Vec<_>>())
        .bind(held.keys().map(|key| key.tier).collect::<Vec<_>>())
        .bind(held.keys().map(|key| key.class).collect::<Vec<_>>())
        .fetch(tx);
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while let Some(row) = found.try_next().await? {
        bytes += match (&row.data, held.get(&row.key())) {
            (Some(data), _) => data.len() + row.items.unsigned_abs() as usize * SAMPLE_BYTES,
            (None, segment) => segment.map_or(0, |segment| segment.bytes()),
        };
        if bytes > most_bytes {
            let why = format!("the query would read more than {most_bytes} bytes");
            return Err(SourceUnavailable(SourceError::TooMuch(why)));
        }
        rows.push(row);
    }
    rows.sort_by_key(|row| (row.from_offset, row.partition, row.window_start, row.part));
    Ok(rows)
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
