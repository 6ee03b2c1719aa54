//! How many records there are over time, by level: from the counts by minute where
//! the filter is about services and levels alone, else by looking.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use protocols::logs::Level;
use schemas::scope::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::counts::{self, NS_A_MINUTE};
use super::filter::Filter;
use super::matching::matching;
use super::scan::{LogsError, Order, Piece, Query, Scan, Scanned, Wanted, each};
use super::segment::Column;
use crate::db::Db;
use crate::telemetry::bytes::Damaged;

/// Counts of one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogBucket)]
pub struct Bucket {
    /// When it begins.
    pub time: DateTime<Utc>,
    pub count: u64,
    /// By level; levels without records are left out.
    pub counts: BTreeMap<String, u64>,
}

/// Counts over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogStats)]
pub struct Stats {
    pub total: u64,
    /// By level; levels without records are left out.
    pub counts: BTreeMap<String, u64>,
    pub step_seconds: u64,
    /// From the first to the last, those without records too.
    pub buckets: Vec<Bucket>,
    pub scanned: Scanned,
}

/// Buckets of one answer; beyond it, those without records are left out.
const MOST_BUCKETS: i64 = 2_000;

/// Counts by beginning of the bucket and level.
type Counted = BTreeMap<(i64, Level), u64>;

/// `step_ns` is positive; buckets begin at its multiples.
pub async fn stats(
    db: &Db,
    scope: &Scope,
    query: &Query,
    step_ns: i64,
) -> Result<Stats, LogsError> {
    let whole_from = ceil(query.from_ns, NS_A_MINUTE);
    let whole_to = query.to_ns.div_euclid(NS_A_MINUTE) * NS_A_MINUTE;
    let by_minute = query.filter.is_counted() && step_ns % NS_A_MINUTE == 0;
    let mut counted = Counted::new();
    if !by_minute || whole_from >= whole_to {
        let scanned = scan(db, scope, query, step_ns, &mut counted).await?;
        return Ok(Stats::of(query, counted, step_ns, scanned));
    }
    // The minutes that are cut at both ends are looked at; the counts have the rest.
    // Each part is seen at a moment of its own: they do not overlap.
    let mut scanned = Scanned::default();
    for (from_ns, to_ns) in [(query.from_ns, whole_from), (whole_to, query.to_ns)] {
        if from_ns < to_ns {
            let edge = Query {
                filter: query.filter.clone(),
                from_ns,
                to_ns,
            };
            let more = scan(db, scope, &edge, step_ns, &mut counted).await?;
            scanned.segments += more.segments;
            scanned.records += more.records;
            scanned.bytes += more.bytes;
        }
    }
    let mut tx =
        crate::telemetry::snapshot::begin(db, super::SIGNAL, scope, super::TIME_LIMIT).await?;
    let (from, to) = (whole_from / NS_A_MINUTE, whole_to / NS_A_MINUTE);
    for (minute, level, count) in counts::by_minute(&mut tx, scope, &query.filter, from, to).await?
    {
        add(&mut counted, minute * NS_A_MINUTE, step_ns, level, count);
    }
    Ok(Stats::of(query, counted, step_ns, scanned))
}

fn ceil(time_ns: i64, unit: i64) -> i64 {
    match time_ns.rem_euclid(unit) {
        0 => time_ns,
        past => time_ns.saturating_add(unit - past),
    }
}

fn add(counted: &mut Counted, time_ns: i64, step_ns: i64, level: Level, count: u64) {
    let start = time_ns.div_euclid(step_ns).saturating_mul(step_ns);
    *counted.entry((start, level)).or_default() += count;
}

async fn scan(
    db: &Db,
    scope: &Scope,
    query: &Query,
    step_ns: i64,
    counted: &mut Counted,
) -> Result<Scanned, LogsError> {
    let mut scan = Scan::begin(db, scope, query, Order::NewestFirst).await?;
    let wanted = Wanted::Columns(vec![Column::Level], Vec::new());
    let (from_ns, to_ns) = (query.from_ns, query.to_ns);
    while scan.next_time().is_some() {
        let pieces = scan.next(&wanted).await?;
        let filter = scan.filter();
        let more = each(pieces, move |piece| {
            count(&piece, &filter, from_ns, to_ns, step_ns)
        });
        for (key, count) in more.await?.into_iter().flatten() {
            *counted.entry(key).or_default() += count;
        }
    }
    Ok(scan.scanned)
}

fn count(
    piece: &Piece,
    filter: &Filter,
    from_ns: i64,
    to_ns: i64,
    step_ns: i64,
) -> Result<Counted, Damaged> {
    let mut counted = Counted::new();
    let rows = matching(&piece.segment, filter, from_ns, to_ns)?;
    let (times, levels) = (piece.segment.times()?, piece.segment.levels()?);
    for row in rows.iter().map(|row| row as usize) {
        add(&mut counted, times[row], step_ns, levels[row], 1);
    }
    Ok(counted)
}

impl Stats {
    fn of(query: &Query, counted: Counted, step_ns: i64, scanned: Scanned) -> Self {
        let mut buckets = empty_buckets(query, step_ns);
        let mut stats = Self {
            total: 0,
            counts: BTreeMap::new(),
            step_seconds: step_ns.unsigned_abs() / 1_000_000_000,
            buckets: Vec::new(),
            scanned,
        };
        for ((start, level), count) in counted {
            let name = level.name().to_owned();
            stats.total += count;
            *stats.counts.entry(name.clone()).or_default() += count;
            let bucket = buckets.entry(start).or_insert_with(|| empty_bucket(start));
            bucket.count += count;
            bucket.counts.insert(name, count);
        }
        stats.buckets = buckets.into_values().collect();
        stats
    }
}

fn empty_buckets(query: &Query, step_ns: i64) -> BTreeMap<i64, Bucket> {
    let first = query.from_ns.div_euclid(step_ns);
    let last = query.to_ns.saturating_sub(1).div_euclid(step_ns);
    if !(0..MOST_BUCKETS).contains(&last.saturating_sub(first)) {
        return BTreeMap::new();
    }
    let starts = (first..=last).map(|n| n.saturating_mul(step_ns));
    starts.map(|start| (start, empty_bucket(start))).collect()
}

fn empty_bucket(start: i64) -> Bucket {
    Bucket {
        time: DateTime::from_timestamp_nanos(start),
        count: 0,
        counts: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rounded_up_as_far_as_times_go() {
        let minutes = [0, 1, NS_A_MINUTE, -1, i64::MAX].map(|ns| ceil(ns, NS_A_MINUTE));
        assert_eq!(minutes, [0, NS_A_MINUTE, NS_A_MINUTE, 0, i64::MAX]);
    }
}
