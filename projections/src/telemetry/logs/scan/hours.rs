//! What level 1 has of each hour, kept by the process that answers searches: hours
//! that are over hardly change, and to list their segments costs more than to ask the
//! filters of all of them. What is kept is used only under the version that it was
//! listed with, and a search reads the versions in its own snapshot: whatever changes
//! a segment draws a new one in the same transaction (migration 0068).

use std::collections::BTreeMap;
use std::sync::Arc;

use hashlink::LruCache;
use parking_lot::Mutex;
use schemas::ids::{ProjectId, TenantId};
use schemas::scope::Scope;
use sqlx::PgConnection;
use uuid::Uuid;

use super::LogsError;
use super::Query;
use super::listed::Listed;
use crate::db::Db;

/// Of all hours together: about thirty megabytes.
const MOST_SEGMENTS: usize = 200_000;
const NS_A_SECOND: i64 = 1_000_000_000;
const AN_HOUR: i64 = 3_600;
const A_DAY: i64 = 86_400;

/// An hour of a project in one partition, by the second that it begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    tenant: TenantId,
    project: ProjectId,
    partition: i32,
    window_start: i64,
}

/// All segments of an hour, as they were under a version.
#[derive(Debug)]
pub(super) struct Hour {
    version: Uuid,
    pub(super) segments: Vec<Listed>,
}

/// Of all projects; the least recently used go first.
#[derive(Debug)]
pub(crate) struct Hours {
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    segments: usize,
    hours: LruCache<Key, Arc<Hour>>,
}

impl Default for Hours {
    fn default() -> Self {
        Self {
            known: Mutex::new(Known {
                segments: 0,
                hours: LruCache::new_unbounded(),
            }),
        }
    }
}

impl Hour {
    /// What it takes of [`MOST_SEGMENTS`]: an hour whose segments are gone takes room as well.
    fn weight(&self) -> usize {
        self.segments.len().max(1)
    }
}

impl Hours {
    fn get(&self, key: &Key, version: Uuid) -> Option<Arc<Hour>> {
        let mut known = self.known.lock();
        let hour = known.hours.get(key)?;
        (hour.version == version).then(|| hour.clone())
    }

    fn keep(&self, key: Key, hour: Arc<Hour>) {
        let mut known = self.known.lock();
        known.segments += hour.weight();
        if let Some(before) = known.hours.insert(key, hour) {
            known.segments -= before.weight();
        }
        while known.segments > MOST_SEGMENTS
            && let Some((_, gone)) = known.hours.remove_lru()
        {
            known.segments -= gone.weight();
        }
    }
}

/// The hours of level 1 that a query's times touch.
pub(super) async fn of(
    db: &Db,
    tx: &mut PgConnection,
    scope: &Scope,
    query: &Query,
) -> Result<Vec<Arc<Hour>>, LogsError> {
    let hour = |ns: i64| ns.div_euclid(NS_A_SECOND * AN_HOUR) * AN_HOUR;
    let versions: Vec<(i32, i64, Uuid)> = sqlx::query_as(
        "SELECT partition, window_start, version FROM telemetry.log_hours
         WHERE tenant_id = $1 AND project_id = $2 AND window_start BETWEEN $3 AND $4",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(hour(query.from_ns))
    .bind(hour(query.to_ns))
    .fetch_all(&mut *tx)
    .await?;
    let (mut known, mut unknown) = (Vec::new(), BTreeMap::new());
    for (partition, window_start, version) in versions {
        let key = Key {
            tenant: scope.tenant(),
            project: scope.project(),
            partition,
            window_start,
        };
        match db.log_hours().get(&key, version) {
            Some(hour) => known.push(hour),
            None => drop(unknown.insert(key, version)),
        }
    }
    for (key, hour) in read(tx, scope, &unknown).await? {
        let hour = Arc::new(hour);
        db.log_hours().keep(key, hour.clone());
        known.push(hour);
    }
    Ok(known)
}

/// Lists hours, in the snapshot that told their versions.
async fn read(
    tx: &mut PgConnection,
    scope: &Scope,
    wanted: &BTreeMap<Key, Uuid>,
) -> Result<BTreeMap<Key, Hour>, LogsError> {
    let empty = |(key, version): (&Key, &Uuid)| {
        let hour = Hour {
            version: *version,
            segments: Vec::new(),
        };
        (*key, hour)
    };
    let mut hours: BTreeMap<Key, Hour> = wanted.iter().map(empty).collect();
    if hours.is_empty() {
        return Ok(hours);
    }
    // Hour by hour: days and hours as two lists may be tried each with each.
    let starts = || wanted.keys().map(|key| key.window_start);
    let days = starts().map(|start| start.div_euclid(A_DAY) as i32);
    let sql = format!(
        "SELECT {}, NULL::bytea
         FROM unnest($3::int[], $4::bigint[], $5::int[]) AS wanted (day, window_start, partition)
         CROSS JOIN LATERAL (
             SELECT s.* FROM telemetry.logs_l1 s
             WHERE s.tenant_id = $1 AND s.project_id = $2 AND s.day = wanted.day
               AND s.window_start = wanted.window_start AND s.partition = wanted.partition
             OFFSET 0) s",
        Listed::OF_LEVEL_1
    );
    let found: Vec<Listed> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(scope.tenant().0)
        .bind(scope.project().0)
        .bind(days.collect::<Vec<_>>())
        .bind(starts().collect::<Vec<_>>())
        .bind(wanted.keys().map(|key| key.partition).collect::<Vec<_>>())
        .fetch_all(&mut *tx)
        .await?;
    for listed in found {
        let key = Key {
            tenant: scope.tenant(),
            project: scope.project(),
            partition: listed.partition,
            window_start: listed.window_start,
        };
        if let Some(hour) = hours.get_mut(&key) {
            hour.segments.push(listed);
        }
    }
    Ok(hours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_without_segments_are_not_kept_for_ever() {
        let hours = Hours::default();
        let key = |window_start| Key {
            tenant: TenantId(Uuid::nil()),
            project: ProjectId(Uuid::nil()),
            partition: 0,
            window_start,
        };
        let version = Uuid::max();
        let empty = Arc::new(Hour {
            version,
            segments: Vec::new(),
        });
        let most = MOST_SEGMENTS as i64;
        for hour in 0..=most {
            hours.keep(key(hour), empty.clone());
        }
        assert!(hours.get(&key(0), version).is_none());
        assert!(hours.get(&key(most), version).is_some());
        assert!(hours.get(&key(most), Uuid::nil()).is_none());
        // The same again takes no more.
        hours.keep(key(most), empty);
        assert_eq!(hours.known.lock().segments, MOST_SEGMENTS);
    }
}
