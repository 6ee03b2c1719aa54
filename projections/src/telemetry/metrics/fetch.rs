//! The rows of both levels that a selection needs, in the caller's snapshot.

use futures::TryStreamExt;
use promql::source::SourceError;
use schemas::scope::Scope;
use sqlx::PgConnection;
use uuid::Uuid;

use super::registry::day_of;
use super::selected::Selected;
use super::store::SourceUnavailable;

/// More intervals of ids than this are asked for as fewer, wider ones.
const MOST_INTERVALS: usize = 64;

/// A row of level 0 (series by ordinal) or level 1 (series by id).
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct SegmentRow {
    pub(crate) day: i32,
    pub(crate) partition: i32,
    pub(crate) from_offset: i64,
    pub(crate) window_start: i64,
    pub(crate) data: Vec<u8>,
}

/// All that may hold a sample, in the order of the log.
pub(crate) async fn fetch(
    tx: &mut PgConnection,
    scope: &Scope,
    selected: &Selected,
    most_bytes: usize,
) -> Result<Vec<SegmentRow>, SourceUnavailable> {
    let (from_ms, to_ms) = selected.times();
    let (lowest, highest): (Vec<Uuid>, Vec<Uuid>) = intervals(selected.ids())
        .into_iter()
        .map(|(from, to)| (Uuid::from_u128(from), Uuid::from_u128(to)))
        .unzip();
    let mut found = sqlx::query_as::<_, SegmentRow>(
        "SELECT day, partition, from_offset, window_start, data FROM telemetry.metrics_l1
         WHERE tenant_id = $1 AND project_id = $2 AND day BETWEEN $3 AND $4
           AND max_time > $5 AND min_time <= $6
           AND EXISTS (SELECT FROM unnest($7::uuid[], $8::uuid[]) AS wanted (lowest, highest)
                       WHERE id_from <= highest AND id_to >= lowest)
         UNION ALL
         SELECT day, l0.partition, from_offset, 0, data FROM telemetry.metrics_l0 l0
         LEFT JOIN telemetry.compacted c
                ON c.tenant_id = $1 AND c.project_id = $2 AND c.signal = 'metrics'
               AND c.partition = l0.partition
         WHERE l0.tenant_id = $1 AND l0.project_id = $2 AND day BETWEEN $3 AND $4
           AND max_time > $5 AND min_time <= $6
           AND from_offset >= coalesce(c.next_offset, 0)",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(day_of(from_ms))
    .bind(day_of(to_ms))
    .bind(from_ms)
    .bind(to_ms)
    .bind(lowest)
    .bind(highest)
    .fetch(tx);
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while let Some(row) = found.try_next().await? {
        bytes += row.data.len();
        if bytes > most_bytes {
            let why = format!("the query would read more than {most_bytes} bytes");
            return Err(SourceUnavailable(SourceError::TooMuch(why)));
        }
        rows.push(row);
    }
    rows.sort_by_key(|row| (row.from_offset, row.partition, row.window_start));
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
