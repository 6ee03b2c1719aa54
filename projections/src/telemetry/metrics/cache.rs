//! Label indexes of days, kept by the process that answers queries; the least
//! recently used go first.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use schemas::ids::{ProjectId, TenantId};
use schemas::scope::Scope;
use sqlx::PgConnection;

use super::index::DayIndex;
use super::series_block::SeriesBlock;
use super::store::SourceUnavailable;

/// A day and its index.
pub(crate) type Indexed = (i32, Arc<RwLock<DayIndex>>);

/// Ordinals mean something within one generation only.
type Key = (TenantId, ProjectId, i64, i32);

/// Of all projects.
#[derive(Debug)]
pub(crate) struct Indexes {
    most_bytes: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    uses: u64,
    days: HashMap<Key, (u64, Arc<RwLock<DayIndex>>)>,
}

/// Blocks that are not known, day by day and partition by partition, which are found one
/// after the other by the index: where series come and go all day, there are thousands of
/// blocks a day, and each query knows nearly all of them.
const NEW_BLOCKS: &str = "
    WITH RECURSIVE place AS (
        (SELECT day, partition FROM telemetry.metric_series
         WHERE tenant_id = $1 AND project_id = $2 AND day BETWEEN $3 AND $4
         ORDER BY day, partition LIMIT 1)
        UNION ALL
        SELECT following.* FROM place CROSS JOIN LATERAL (
            SELECT s.day, s.partition FROM telemetry.metric_series s
            WHERE s.tenant_id = $1 AND s.project_id = $2 AND s.day <= $4
              AND (s.day, s.partition) > (place.day, place.partition)
            ORDER BY s.day, s.partition LIMIT 1) following),
    wanted AS MATERIALIZED (
        SELECT place.day, place.partition, coalesce(known.next, 0) AS next FROM place
        LEFT JOIN unnest($5::int[], $6::int[], $7::int[]) AS known (day, partition, next)
               ON known.day = place.day AND known.partition = place.partition)
    SELECT found.day, found.partition, found.first_ordinal, found.data
    FROM wanted CROSS JOIN LATERAL (
        SELECT s.day, s.partition, s.first_ordinal, s.data FROM telemetry.metric_series s
        WHERE s.tenant_id = $1 AND s.project_id = $2 AND s.day = wanted.day
          AND s.partition = wanted.partition AND s.first_ordinal >= wanted.next
        OFFSET 0) found
    ORDER BY found.day, found.partition, found.first_ordinal";

impl Indexes {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            held: Mutex::default(),
        }
    }

    /// The indexes of `days` that have any series, with all that `tx` sees.
    pub(crate) async fn refresh(
        &self,
        tx: &mut PgConnection,
        scope: &Scope,
        generation: i64,
        days: RangeInclusive<i32>,
    ) -> Result<Vec<Indexed>, SourceUnavailable> {
        let mut indexed = self.held.lock().of(scope, generation, &days);
        let (mut known_days, mut partitions, mut next) = (vec![], vec![], vec![]);
        for (day, index) in &indexed {
            for (partition, ordinals) in index.read().loaded() {
                known_days.push(*day);
                partitions.push(partition);
                next.push(ordinals);
            }
        }
        let blocks: Vec<(i32, i32, i32, Vec<u8>)> = sqlx::query_as(NEW_BLOCKS)
            .bind(scope.tenant().0)
            .bind(scope.project().0)
            .bind(days.start())
            .bind(days.end())
            .bind(known_days)
            .bind(partitions)
            .bind(next)
            .fetch_all(tx)
            .await?;
        if blocks.is_empty() {
            return Ok(indexed);
        }
        let added = tokio::task::spawn_blocking(move || {
            add(&mut indexed, blocks)?;
            Ok::<_, SourceUnavailable>(indexed)
        });
        let indexed = added
            .await
            .map_err(|e| SourceUnavailable(promql::source::SourceError::Failed(e.to_string())))??;
        self.held
            .lock()
            .keep(scope, generation, &indexed, self.most_bytes);
        Ok(indexed)
    }
}

/// Adds blocks, in order, to the indexes of their days.
fn add(
    indexed: &mut Vec<Indexed>,
    blocks: Vec<(i32, i32, i32, Vec<u8>)>,
) -> Result<(), SourceUnavailable> {
    for (day, partition, first_ordinal, data) in blocks {
        let at = match indexed.binary_search_by_key(&day, |(day, _)| *day) {
            Ok(at) => at,
            Err(at) => {
                indexed.insert(at, (day, Arc::default()));
                at
            }
        };
        let block = SeriesBlock::decode(&data)?;
        indexed[at].1.write().add(partition, first_ordinal, &block);
    }
    Ok(())
}

impl Held {
    fn of(&mut self, scope: &Scope, generation: i64, days: &RangeInclusive<i32>) -> Vec<Indexed> {
        self.uses += 1;
        let mut found: Vec<Indexed> = self
            .days
            .iter_mut()
            .filter(|((tenant, project, of, day), _)| {
                (*tenant, *project, *of) == (scope.tenant(), scope.project(), generation)
                    && days.contains(day)
            })
            .map(|((.., day), (used, index))| {
                *used = self.uses;
                (*day, index.clone())
            })
            .collect();
        found.sort_by_key(|(day, _)| *day);
        found
    }

    fn keep(&mut self, scope: &Scope, generation: i64, indexed: &[Indexed], most_bytes: usize) {
        for (day, index) in indexed {
            let key = (scope.tenant(), scope.project(), generation, *day);
            self.days
                .entry(key)
                .or_insert_with(|| (self.uses, index.clone()));
        }
        let mut sizes: Vec<(u64, Key, usize)> = self
            .days
            .iter()
            .map(|(key, (used, index))| (*used, *key, index.read().bytes()))
            .collect();
        let mut bytes: usize = sizes.iter().map(|(.., bytes)| bytes).sum();
        metrics::gauge!("telemetry_label_index_bytes").set(bytes as f64);
        sizes.sort_unstable();
        for (_, key, size) in sizes {
            if bytes <= most_bytes {
                break;
            }
            self.days.remove(&key);
            bytes -= size;
        }
    }
}
