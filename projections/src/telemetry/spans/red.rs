//! Rate, errors and durations of each operation by minute, counted as spans arrive.

use std::collections::BTreeMap;

use protocols::spans::{SpanKind, SpanStatus};
use schemas::ids::{ProjectId, TenantId};
use serde::Serialize;
use sqlx::PgConnection;

use super::durations;
use super::numbers::NumberMap;
use super::table::Table;
use crate::runtime::{ApplyError, upsert};

pub(crate) const MINUTE_NS: i64 = 60_000_000_000;
pub(crate) const MINUTES_OF_DAY: i64 = 1_440;
/// So many operations of a project are counted apart per flush; span names that
/// carry ids would make a row of every span.
const MOST_OPERATIONS: usize = 500;
/// Stands for the operations beyond.
pub(crate) const OTHER_OPERATIONS: &str = "(other)";
/// Names are cut here.
const LONGEST_NAME: usize = 256;

/// What is counted apart. `minute` is in minutes since 1970.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RedKey {
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) kind: SpanKind,
    pub(crate) minute: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) count: i64,
    pub(crate) errors: i64,
    pub(crate) sum_ns: i64,
    pub(crate) buckets: Vec<i32>,
}

impl Counted {
    pub(crate) fn add(&mut self, duration_ns: i64, failed: bool) {
        self.count += 1;
        self.errors += i64::from(failed);
        self.sum_ns = self.sum_ns.saturating_add(duration_ns);
        durations::count(&mut self.buckets, duration_ns);
    }

    pub(crate) fn absorb(&mut self, more: &Self) {
        self.count += more.count;
        self.errors += more.errors;
        self.sum_ns = self.sum_ns.saturating_add(more.sum_ns);
        add(&mut self.buckets, &more.buckets);
    }
}

/// Counts all rows of a table.
pub(crate) fn count(table: &Table) -> BTreeMap<RedKey, Counted> {
    let mut by_ids = NumberMap::<(u32, u32, SpanKind, i64), Counted>::default();
    for row in &table.rows {
        let service = table.resources[row.resource as usize].service;
        let minute = row.start_ns.div_euclid(MINUTE_NS);
        by_ids
            .entry((service, row.name, row.kind, minute))
            .or_default()
            .add(row.duration_ns, row.status == SpanStatus::Error);
    }
    let apart = apart(table, &by_ids);
    let mut counted: BTreeMap<RedKey, Counted> = BTreeMap::new();
    for ((service, name, kind, minute), more) in by_ids {
        let operation = match apart.as_ref().is_none_or(|names| names.contains(&name)) {
            true => table.texts.get(name),
            false => OTHER_OPERATIONS,
        };
        let key = RedKey {
            service: cut(table.texts.get(service)),
            operation: cut(operation),
            kind,
            minute,
        };
        counted.entry(key).or_default().absorb(&more);
    }
    counted
}

/// The most frequent names, where there are too many.
fn apart(
    table: &Table,
    by_ids: &NumberMap<(u32, u32, SpanKind, i64), Counted>,
) -> Option<std::collections::BTreeSet<u32>> {
    let mut counts: BTreeMap<u32, i64> = BTreeMap::new();
    for ((_, name, ..), counted) in by_ids {
        *counts.entry(*name).or_default() += counted.count;
    }
    if counts.len() <= MOST_OPERATIONS {
        return None;
    }
    metrics::counter!("telemetry_span_operations_joined_total")
        .increment((counts.len() - MOST_OPERATIONS) as u64);
    let mut all: Vec<_> = counts.into_iter().collect();
    let name = |id: u32| table.texts.get(id);
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| name(a.0).cmp(name(b.0))));
    Some(
        all.into_iter()
            .take(MOST_OPERATIONS)
            .map(|(id, _)| id)
            .collect(),
    )
}

fn add(buckets: &mut Vec<i32>, more: &[i32]) {
    if buckets.len() < more.len() {
        buckets.resize(more.len(), 0);
    }
    for (sum, count) in buckets.iter_mut().zip(more) {
        *sum = sum.saturating_add(*count);
    }
}

/// At most [`LONGEST_NAME`] bytes of it, whole characters. Postgres has no NUL in text: what
/// stands for it does so before names are counted, or two of them were one row.
pub(crate) fn cut(name: &str) -> String {
    let name = name.replace('\0', "\u{FFFD}");
    let mut end = name.len().min(LONGEST_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

#[derive(Debug, Serialize)]
struct RedRow<'a> {
    tenant_id: TenantId,
    project_id: ProjectId,
    day: i64,
    service: &'a str,
    operation: &'a str,
    kind: &'static str,
    minute: i64,
    count: i64,
    errors: i64,
    sum_ns: i64,
    buckets: &'a [i32],
}

/// Sums commute, so partitions and flushes may come in any order. Durations are what a client
/// says, and no refusal of Postgres may hold back its project: their sum ends where its
/// type does, as in [`Counted::add`].
const WRITE: &str = "INSERT INTO span_red AS r
    SELECT * FROM json_populate_recordset(NULL::span_red, $1::json)
    ON CONFLICT (tenant_id, project_id, minute, service, operation, kind) DO UPDATE SET
        count = r.count + excluded.count, errors = r.errors + excluded.errors,
        sum_ns = CASE WHEN r.sum_ns > 9223372036854775807 - excluded.sum_ns
                      THEN 9223372036854775807 ELSE r.sum_ns + excluded.sum_ns END,
        buckets = telemetry.add_buckets(r.buckets, excluded.buckets)";

pub(crate) async fn write(
    rows: &mut PgConnection,
    (tenant_id, project_id): (TenantId, ProjectId),
    counted: &BTreeMap<RedKey, Counted>,
) -> Result<(), ApplyError> {
    let of = counted.iter().map(|(key, counted)| RedRow {
        tenant_id,
        project_id,
        day: key.minute.div_euclid(MINUTES_OF_DAY),
        service: &key.service,
        operation: &key.operation,
        kind: key.kind.name(),
        minute: key.minute,
        count: counted.count,
        errors: counted.errors,
        sum_ns: counted.sum_ns,
        buckets: &counted.buckets,
    });
    upsert(rows, WRITE, &of.collect::<Vec<_>>()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::spans::samples;
    use protocols::spans::{SpanRecord, Stream};

    #[test]
    fn counts_add_up() {
        let table = samples::table(40);
        let counted = count(&table);
        let (mut spans, mut errors, mut sum, mut in_buckets) = (0, 0, 0, 0);
        for one in counted.values() {
            spans += one.count;
            errors += one.errors;
            sum += one.sum_ns;
            in_buckets += one.buckets.iter().map(|n| i64::from(*n)).sum::<i64>();
        }
        let failed = |row: &&super::super::table::Row| row.status == SpanStatus::Error;
        assert_eq!((spans, in_buckets), (400, 400));
        assert_eq!(errors, table.rows.iter().filter(failed).count() as i64);
        assert_eq!(
            sum,
            table.rows.iter().map(|row| row.duration_ns).sum::<i64>()
        );
    }

    #[test]
    fn names_that_carry_ids_do_not_make_a_row_each() {
        let mut table = Table::default();
        let resource = table.resource(&Stream::default());
        for n in 0..2000 {
            let span = SpanRecord {
                name: format!("GET /{n}").into(),
                ..samples::plain()
            };
            table.push(resource, &span, samples::RECEIVED_NS);
        }
        let counted = count(&table);
        assert_eq!(counted.len(), MOST_OPERATIONS + 1);
        assert_eq!(counted.values().map(|one| one.count).sum::<i64>(), 2000);
    }

    #[test]
    fn names_that_postgres_cannot_tell_apart_are_counted_together() {
        let mut table = Table::default();
        let resource = table.resource(&Stream::default());
        for name in ["a\0", "a\u{FFFD}"] {
            let span = SpanRecord {
                name: name.into(),
                ..samples::plain()
            };
            table.push(resource, &span, samples::RECEIVED_NS);
        }
        let counted = count(&table);
        let counts: Vec<i64> = counted.values().map(|one| one.count).collect();
        assert_eq!(counts, [2]);
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(cut(&"ä".repeat(200)).len(), LONGEST_NAME);
        assert_eq!(
            cut(&format!("a{}", "ä".repeat(200))).len(),
            LONGEST_NAME - 1
        );
    }
}
