//! Table `log_counts`: records by service, level and minute, added as they arrive.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use protocols::logs::Level;
use schemas::ids::{ProjectId, TenantId};
use schemas::scope::Scope;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::SIGNAL;
use super::filter::Filter;
use super::record::StreamView;
use super::table::{Hashed, Table};
use crate::db::{Db, QueryError};
use crate::telemetry::snapshot;

pub(super) const NS_A_MINUTE: i64 = 60_000_000_000;
/// Services of a project that one flush counts by name; the rest share one.
const MOST_SERVICES: usize = 2_000;
const REST: &str = "(more services)";
/// Services with longer names are among the rest: a key of Postgres has 2,700 bytes at most.
const LONGEST_SERVICE: usize = 1_024;

type Key = (TenantId, ProjectId, i32, String, i16);

/// What one flush counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    counts: BTreeMap<Key, i64>,
}

impl Counts {
    pub(super) fn count(&mut self, tenant: TenantId, project: ProjectId, table: &Table) {
        let mut found: Hashed<(u32, u8, i32), i64> = Hashed::default();
        for row in &table.rows {
            let minute = row.time_ns.div_euclid(NS_A_MINUTE);
            *found
                .entry((row.stream, row.level as u8, minute as i32))
                .or_default() += 1;
        }
        let names = names(table);
        for ((stream, level, minute), count) in found {
            let key = (
                tenant,
                project,
                minute,
                names[stream as usize].clone(),
                level.into(),
            );
            *self.counts.entry(key).or_default() += count;
        }
    }

    pub(super) async fn add(self, rows: &mut PgConnection) -> Result<(), sqlx::Error> {
        let (mut tenants, mut projects, mut minutes) = (vec![], vec![], vec![]);
        let (mut services, mut levels, mut counts) = (vec![], vec![], vec![]);
        for ((tenant, project, minute, service, level), count) in self.counts {
            tenants.push(tenant.0);
            projects.push(project.0);
            minutes.push(minute);
            services.push(service);
            levels.push(level);
            counts.push(count);
        }
        sqlx::query(
            "INSERT INTO log_counts AS known
                 (tenant_id, project_id, minute, service, level, count)
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::smallint[],
                 $6::bigint[])
             ON CONFLICT (tenant_id, project_id, minute, service, level)
             DO UPDATE SET count = known.count + excluded.count",
        )
        .bind(tenants)
        .bind(projects)
        .bind(minutes)
        .bind(services)
        .bind(levels)
        .bind(counts)
        .execute(rows)
        .await
        .map(drop)
    }
}

/// Under which service each stream is counted. A service may have many streams: it is told
/// apart by its name.
fn names(table: &Table) -> Vec<String> {
    let mut named = BTreeSet::new();
    let streams = table.streams.texts.iter();
    let service = |stream| StreamView::read(stream).map_or(String::new(), |it| stored(it.service));
    let name = |service: String| {
        let fits = has_name(&service);
        if fits && named.len() < MOST_SERVICES && !named.contains(&service) {
            named.insert(service.clone());
        }
        match named.contains(&service) {
            true => service,
            false => REST.to_owned(),
        }
    };
    streams.map(service).map(name).collect()
}

/// Whether a service of this name is counted by it, unless there are too many.
pub(super) fn has_name(service: &str) -> bool {
    service.len() <= LONGEST_SERVICE && !service.contains('\0')
}

/// Postgres has no NUL in text.
pub(super) fn stored(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// Counts of whole minutes, by minute and level, of what the filter admits.
pub(super) async fn by_minute(
    connection: &mut PgConnection,
    scope: &Scope,
    filter: &Filter,
    from_minute: i64,
    to_minute: i64,
) -> Result<Vec<(i64, Level, u64)>, sqlx::Error> {
    let found: Vec<(i32, String, i16, i64)> = sqlx::query_as(
        "SELECT minute, service, level, count FROM telemetry.log_counts
         WHERE tenant_id = $1 AND project_id = $2 AND minute >= $3 AND minute < $4",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(clamped(from_minute))
    .bind(clamped(to_minute))
    .fetch_all(connection)
    .await?;
    Ok(found
        .into_iter()
        .map(|(minute, service, level, count)| (minute, service, level_of(level), count))
        .filter(|(_, service, level, _)| filter.admits(service, *level))
        .map(|(minute, _, level, count)| (minute.into(), level, count.unsigned_abs()))
        .collect())
}

/// A service that sends logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogService)]
pub struct Service {
    pub service: String,
    pub count: u64,
    /// By level; levels without records are left out.
    pub levels: BTreeMap<String, u64>,
    /// The last minute that has records.
    pub last_seen: DateTime<Utc>,
}

/// Services with records between two times, to the minute; those with most first.
pub async fn services(
    db: &Db,
    scope: &Scope,
    from_ns: i64,
    to_ns: i64,
) -> Result<Vec<Service>, QueryError> {
    let mut tx = snapshot::begin(db, SIGNAL, scope, super::TIME_LIMIT).await?;
    let found: Vec<(String, i16, i64, i32)> = sqlx::query_as(
        "SELECT service, level, sum(count)::bigint, max(minute) FROM telemetry.log_counts
         WHERE tenant_id = $1 AND project_id = $2 AND minute >= $3 AND minute < $4
         GROUP BY service, level",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .bind(clamped(from_ns.div_euclid(NS_A_MINUTE)))
    .bind(clamped(
        to_ns
            .saturating_add(NS_A_MINUTE - 1)
            .div_euclid(NS_A_MINUTE),
    ))
    .fetch_all(&mut *tx)
    .await?;
    let mut services = BTreeMap::<String, Service>::new();
    for (name, level, count, minute) in found {
        let last_seen = DateTime::from_timestamp_nanos(i64::from(minute) * NS_A_MINUTE);
        let service = services.entry(name.clone()).or_insert_with(|| Service {
            service: name,
            count: 0,
            levels: BTreeMap::new(),
            last_seen,
        });
        service.count += count.unsigned_abs();
        let level = level_of(level).name().to_owned();
        *service.levels.entry(level).or_default() += count.unsigned_abs();
        service.last_seen = service.last_seen.max(last_seen);
    }
    let mut services: Vec<_> = services.into_values().collect();
    services.sort_by(|a, b| {
        b.count
            .cmp(&a.count)
            .then_with(|| a.service.cmp(&b.service))
    });
    Ok(services)
}

fn clamped(minute: i64) -> i32 {
    minute.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

fn level_of(number: i16) -> Level {
    let level = usize::try_from(number).ok().and_then(|n| Level::ALL.get(n));
    level.copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use protocols::logs::Stream;

    use super::*;

    fn names_of(streams: impl Iterator<Item = (String, String)>) -> Vec<String> {
        let mut table = Table::default();
        for (service, pod) in streams {
            table.stream(&Stream {
                service: service.into(),
                fields: vec![("pod".into(), pod.into())],
            });
        }
        names(&table)
    }

    #[test]
    fn a_service_of_many_streams_keeps_its_name() {
        let many = MOST_SERVICES + 500;
        let pods = names_of((0..many).map(|n| (format!("s{}", n % 3), n.to_string())));
        assert_eq!(pods.len(), many);
        assert!(
            pods.iter()
                .enumerate()
                .all(|(n, name)| *name == format!("s{}", n % 3))
        );
        let services = names_of((0..many).map(|n| (format!("s{n}"), String::new())));
        assert_eq!(
            services[MOST_SERVICES - 1],
            format!("s{}", MOST_SERVICES - 1)
        );
        assert!(services[MOST_SERVICES..].iter().all(|name| name == REST));
        let long = "x".repeat(LONGEST_SERVICE + 1);
        let odd = names_of(
            [long, "a\0b".to_owned()]
                .map(|name| (name, String::new()))
                .into_iter(),
        );
        assert_eq!(odd, [REST, "a\u{FFFD}b"]);
    }

    #[test]
    fn services_that_are_not_counted_by_name_are_looked_for() {
        let is_counted = |name: &str| {
            let mut filter = Filter::parse("level:error").expect("a filter");
            filter.of_services(&["shop".to_owned(), name.to_owned()]);
            filter.is_counted()
        };
        assert!(is_counted("cart") && is_counted(&"x".repeat(LONGEST_SERVICE)));
        assert!(!is_counted(&"x".repeat(LONGEST_SERVICE + 1)));
        assert!(!is_counted("a\0b"));
        assert!(
            Filter::parse("service:* -level:info")
                .expect("a filter")
                .is_counted()
        );
        assert!(
            !Filter::parse("service:a timeout")
                .expect("a filter")
                .is_counted()
        );
    }
}
