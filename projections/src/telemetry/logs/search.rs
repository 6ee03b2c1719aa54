//! Records themselves: pages of them, and the ones around one of them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use promql::budget::Share;
use schemas::scope::Scope;

use super::filter::{Filter, Test};
use super::matching::matching;
use super::record::{Place, Record};
use super::scan::{LogsError, Order, Piece, Query, Scan, Scanned, Wanted, blocking, each};
use super::table::Table;
use crate::db::Db;
use crate::telemetry::bytes::Damaged;

/// How far around a record its neighbours are looked for.
const AROUND_NS: i64 = 24 * 3_600_000_000_000;

/// A page of records, and where the next begins.
#[derive(Debug, Clone)]
pub struct Found {
    pub records: Vec<Record>,
    pub next: Option<Place>,
    pub scanned: Scanned,
    /// What the records take of the memory of all queries, until it is dropped.
    pub held: Arc<Share>,
}

/// Newest first, after `after`.
pub async fn search(
    db: &Db,
    scope: &Scope,
    query: &Query,
    after: Option<Place>,
    limit: usize,
) -> Result<Found, LogsError> {
    page(db, scope, query, Order::NewestFirst, after, limit).await
}

/// Oldest first, after `after`.
pub async fn search_oldest(
    db: &Db,
    scope: &Scope,
    query: &Query,
    after: Option<Place>,
    limit: usize,
) -> Result<Found, LogsError> {
    page(db, scope, query, Order::OldestFirst, after, limit).await
}

async fn page(
    db: &Db,
    scope: &Scope,
    query: &Query,
    order: Order,
    after: Option<Place>,
    limit: usize,
) -> Result<Found, LogsError> {
    let mut query = query.clone();
    let limits = match (after, order) {
        (None, _) => Limits::none(),
        (Some(after), Order::NewestFirst) => {
            query.to_ns = query.to_ns.min(after.time_ns.saturating_add(1));
            Limits::below(after)
        }
        (Some(after), Order::OldestFirst) => {
            query.from_ns = query.from_ns.max(after.time_ns);
            Limits::above(after)
        }
    };
    let collected = collect(db, scope, &query, order, limits, limit + 1).await?;
    let found = collected.found;
    let more = found.len() > limit;
    let mut found: Vec<_> = match order {
        Order::NewestFirst => found.into_iter().rev().collect(),
        Order::OldestFirst => found.into_iter().collect(),
    };
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(place, _)| *place);
    Ok(Found {
        records: found.into_iter().map(|(_, record)| record).collect(),
        next,
        scanned: collected.scanned,
        held: collected.held,
    })
}

/// A record with those before and after it in its stream, oldest first.
#[derive(Debug, Clone)]
pub struct Around {
    pub before: Vec<Record>,
    pub record: Record,
    pub after: Vec<Record>,
}

/// None where there is no such record in this scope.
pub async fn around(
    db: &Db,
    scope: &Scope,
    at: Place,
    before: usize,
    after: usize,
) -> Result<Option<Around>, LogsError> {
    let Some((record, stream)) = get(db, scope, at).await? else {
        return Ok(None);
    };
    let mut filter = Filter::default();
    filter.require(Test::Stream(stream));
    let earlier = Query {
        filter: filter.clone(),
        from_ns: at.time_ns.saturating_sub(AROUND_NS),
        to_ns: at.time_ns.saturating_add(1),
    };
    let later = Query {
        filter,
        from_ns: at.time_ns,
        to_ns: at.time_ns.saturating_add(AROUND_NS),
    };
    let (newest, oldest) = (Order::NewestFirst, Order::OldestFirst);
    let before = collect(db, scope, &earlier, newest, Limits::below(at), before).await?;
    let after = collect(db, scope, &later, oldest, Limits::above(at), after).await?;
    Ok(Some(Around {
        before: before.found.into_values().collect(),
        record,
        after: after.found.into_values().collect(),
    }))
}

/// A record, and its stream as segments keep it.
async fn get(db: &Db, scope: &Scope, at: Place) -> Result<Option<(Record, Vec<u8>)>, LogsError> {
    let query = Query {
        filter: Filter::default(),
        from_ns: at.time_ns,
        to_ns: at.time_ns.saturating_add(1),
    };
    let mut scan = Scan::begin(db, scope, &query, Order::NewestFirst).await?;
    while scan.next_time().is_some() {
        let pieces = scan.next(&Wanted::Everything).await?;
        let found = blocking(move || find(&pieces, at)).await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn find(pieces: &[Piece], at: Place) -> Result<Option<(Record, Vec<u8>)>, Damaged> {
    for piece in pieces
        .iter()
        .filter(|piece| piece.partition == at.partition)
    {
        let (times, positions) = (piece.segment.times()?, piece.segment.positions()?);
        let row = (0..times.len())
            .find(|row| times[*row] == at.time_ns && positions[*row] == (at.offset, at.index));
        if let Some(row) = row {
            let mut table = Table::default();
            piece.segment.append(Some(&[row as u32]), &mut table)?;
            let stream = table
                .streams
                .texts
                .get(table.rows[0].stream as usize)
                .to_vec();
            return Ok(Some((table.record(at.partition, 0)?, stream)));
        }
    }
    Ok(None)
}

/// Between which places records are wanted.
#[derive(Debug, Clone, Copy)]
struct Limits {
    above: Bound<Place>,
    below: Bound<Place>,
}

impl Limits {
    fn none() -> Self {
        Self {
            above: Bound::Unbounded,
            below: Bound::Unbounded,
        }
    }

    fn below(place: Place) -> Self {
        Self {
            below: Bound::Excluded(place),
            ..Self::none()
        }
    }

    fn above(place: Place) -> Self {
        Self {
            above: Bound::Excluded(place),
            ..Self::none()
        }
    }

    /// Without what could not take the place of anything that was found.
    fn narrowed(self, found: &BTreeMap<Place, Record>, order: Order, limit: usize) -> Self {
        let furthest = match order {
            Order::NewestFirst => found.first_key_value(),
            Order::OldestFirst => found.last_key_value(),
        };
        match furthest {
            Some((place, _)) if found.len() >= limit => match order {
                Order::NewestFirst => Self {
                    above: Bound::Excluded(*place),
                    ..self
                },
                Order::OldestFirst => Self {
                    below: Bound::Excluded(*place),
                    ..self
                },
            },
            _ => self,
        }
    }

    fn contain(&self, place: &Place) -> bool {
        use std::ops::RangeBounds;
        (self.above, self.below).contains(place)
    }
}

/// Records by place, and what they take of the memory of all queries.
#[derive(Default)]
struct Collected {
    found: BTreeMap<Place, Record>,
    scanned: Scanned,
    held: Arc<Share>,
}

/// The first `limit` records of an order.
async fn collect(
    db: &Db,
    scope: &Scope,
    query: &Query,
    order: Order,
    limits: Limits,
    limit: usize,
) -> Result<Collected, LogsError> {
    // Nothing would ever be found, and so all of it looked at.
    if limit == 0 {
        return Ok(Collected::default());
    }
    let mut scan = Scan::begin(db, scope, query, order).await?;
    let held = scan.share();
    let mut found = BTreeMap::new();
    let (from_ns, to_ns) = (query.from_ns, query.to_ns);
    while let Some(next_time) = scan.next_time() {
        if found.len() >= limit && is_past(&found, order, next_time) {
            break;
        }
        let pieces = candidates(&mut scan, from_ns, to_ns).await?;
        let filter = scan.filter();
        let limits = limits.narrowed(&found, order, limit);
        let more = each(pieces, move |piece| {
            let rows = matching(&piece.segment, &filter, from_ns, to_ns)?;
            let rows = first(&piece, rows.iter(), order, limits, limit)?;
            if rows.is_empty() {
                return Ok(Vec::new());
            }
            let mut table = Table::default();
            piece.segment.append(Some(&rows), &mut table)?;
            let record = |row| {
                let place = table.place(piece.partition, row);
                Ok((place, table.record(piece.partition, row)?))
            };
            (0..table.len()).map(record).collect()
        });
        let more: Vec<(Place, Record)> = more.await?.into_iter().flatten().collect();
        held.take(more.iter().map(|(_, record)| record.bytes()).sum())
            .await?;
        found.extend(more);
        while found.len() > limit {
            match order {
                Order::NewestFirst => found.pop_first(),
                Order::OldestFirst => found.pop_last(),
            };
        }
        scan.keep(found.values().map(Record::bytes).sum());
    }
    let scanned = scan.scanned;
    Ok(Collected {
        found,
        scanned,
        held,
    })
}

/// The next segments, whole. Where few columns tell which have what is wanted, only
/// those are fetched of the others.
async fn candidates(scan: &mut Scan, from_ns: i64, to_ns: i64) -> Result<Vec<Piece>, LogsError> {
    let filter = scan.filter();
    if filter.is_empty() || filter.reads_everything() {
        return scan.next(&Wanted::Everything).await;
    }
    let pieces = scan.next(&Wanted::Columns(Vec::new(), Vec::new())).await?;
    let pieces = each(pieces, move |piece| {
        let rows = matching(&piece.segment, &filter, from_ns, to_ns)?;
        Ok((!rows.is_empty()).then_some(piece))
    });
    let pieces = pieces.await?.into_iter().flatten().collect();
    scan.whole(pieces).await
}

/// Whether nothing of `next_time` or further on can belong to what was found.
fn is_past(found: &BTreeMap<Place, Record>, order: Order, next_time: i64) -> bool {
    let furthest = match order {
        Order::NewestFirst => found.first_key_value(),
        Order::OldestFirst => found.last_key_value(),
    };
    furthest.is_some_and(|(place, _)| match order {
        Order::NewestFirst => next_time < place.time_ns,
        Order::OldestFirst => next_time > place.time_ns,
    })
}

/// Of the rows of one segment, which are in the order of their places, the first
/// `limit` within the limits; in ascending order.
fn first(
    piece: &Piece,
    rows: impl DoubleEndedIterator<Item = u32>,
    order: Order,
    limits: Limits,
    limit: usize,
) -> Result<Vec<u32>, Damaged> {
    let (times, positions) = (piece.segment.times()?, piece.segment.positions()?);
    let within = |row: &u32| {
        let (offset, index) = positions[*row as usize];
        limits.contain(&Place {
            time_ns: times[*row as usize],
            partition: piece.partition,
            offset,
            index,
        })
    };
    let rows = rows.filter(within);
    Ok(match order {
        Order::OldestFirst => rows.take(limit).collect(),
        Order::NewestFirst => {
            let mut rows: Vec<u32> = rows.rev().take(limit).collect();
            rows.reverse();
            rows
        }
    })
}
