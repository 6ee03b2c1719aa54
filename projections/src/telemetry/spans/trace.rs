//! One trace by its id, from both levels.

use std::collections::BTreeSet;

use schemas::scope::Scope;
use sqlx::PgConnection;

use super::bloom;
use super::fold::opened;
use super::rows::{self, Filter, Room, Times, apart};
use super::segment::Segment;
use super::span::Span;
use super::table::{Row, Table, TraceId};
use crate::db::{Db, QueryError};
use crate::telemetry::bytes::Damaged;

/// So many spans of a trace are shown.
pub const MOST_SPANS: usize = 10_000;
const DAY_NS: i64 = 86_400_000_000_000;
/// A trace that was found ends where so many days have nothing of it.
const EMPTY_DAYS: usize = 2;

/// A trace, in the order of the spans' starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    pub trace_id: TraceId,
    pub spans: Vec<Span>,
    /// There are more than [`MOST_SPANS`].
    pub truncated: bool,
}

/// None where the project has no such trace. With `as_of_ns` its spans that had arrived
/// by then.
pub async fn get(
    db: &Db,
    scope: &Scope,
    trace_id: TraceId,
    as_of_ns: Option<i64>,
) -> Result<Option<Trace>, QueryError> {
    let mut tx = rows::snapshot(db, scope).await?;
    let mut room = Room::of(db);
    let recent = rows::level0(&mut tx, scope, Times::ALL).await?;
    room.look_at(&recent).await?;
    let only = BTreeSet::from([trace_id]);
    let of_level0 = collect0(recent, only.clone()).await?;
    let mut found = Table::default();
    let mut empty_days = 0;
    for day in rows::days(&mut tx, scope).await? {
        let from_ns = i64::from(day) * DAY_NS;
        let times = Times {
            from_ns,
            to_ns: from_ns + (DAY_NS - 1),
        };
        let of_day = collect1(&mut tx, scope, times, &only, &mut room).await?;
        empty_days = if of_day.is_empty() { empty_days + 1 } else { 0 };
        found.absorb(&of_day);
        let any = !found.is_empty() || !of_level0.is_empty();
        if found.rows.len() > MOST_SPANS || any && empty_days >= EMPTY_DAYS {
            break;
        }
    }
    // Level 1 is older in the log: of a span that was sent twice its copy stays.
    found.absorb(&of_level0);
    Ok(whole(found, as_of_ns))
}

fn whole(mut found: Table, as_of_ns: Option<i64>) -> Option<Trace> {
    found.arrange();
    let cut = found.rows.len() > MOST_SPANS;
    found.leave_out(as_of_ns);
    (!found.is_empty()).then(|| {
        let trace = Trace::of(&found, &found.rows);
        // Of more spans than are read, others may have arrived by then.
        let truncated = trace.truncated || cut;
        Trace { truncated, ..trace }
    })
}

impl Trace {
    /// Of rows that belong to one trace; there is at least one.
    pub(crate) fn of(table: &Table, rows: &[Row]) -> Self {
        let shown = rows.iter().take(MOST_SPANS);
        Self {
            trace_id: rows[0].trace_id,
            spans: shown.map(|row| table.span(row)).collect(),
            truncated: rows.len() > MOST_SPANS,
        }
    }
}

/// Rows of `wanted` traces in level 0.
pub(crate) async fn collect0(
    data: Vec<Vec<u8>>,
    wanted: BTreeSet<TraceId>,
) -> Result<Table, QueryError> {
    apart(move || {
        let mut found = Table::default();
        for data in data {
            take(&opened(&data)?.1, &wanted, &mut found)?;
        }
        Ok(found)
    })
    .await
}

/// Rows of `wanted` traces in level 1.
pub(crate) async fn collect1(
    tx: &mut PgConnection,
    scope: &Scope,
    times: Times,
    wanted: &BTreeSet<TraceId>,
    room: &mut Room,
) -> Result<Table, QueryError> {
    let before = room.kept();
    let mut keys = rows::level1(tx, scope, times, Filter::Traces).await?;
    let hashes: Vec<u64> = wanted.iter().map(bloom::trace_key).collect();
    keys.retain(|key| {
        hashes
            .iter()
            .any(|hash| bloom::may_hold(&key.filter, *hash))
    });
    keys.sort_by_key(|key| key.from_offset);
    let mut found = Table::default();
    for key in keys {
        let data = rows::data(tx, scope, &key).await?;
        room.look_at(std::slice::from_ref(&data)).await?;
        let wanted = wanted.clone();
        found = apart(move || {
            take(&Segment::open(&data)?, &wanted, &mut found)?;
            Ok(found)
        })
        .await?;
        room.keep(before + found.held()).await?;
        if found.rows.len() > MOST_SPANS.saturating_mul(hashes.len()) {
            break;
        }
    }
    Ok(found)
}

fn take(
    segment: &Segment<'_>,
    wanted: &BTreeSet<TraceId>,
    found: &mut Table,
) -> Result<(), Damaged> {
    let traces = segment.traces()?.into_iter();
    let mut rows = traces
        .filter(|(id, _)| wanted.contains(id))
        .map(|(_, rows)| rows);
    let Some(first) = rows.next() else {
        return Ok(());
    };
    match rows.next_back() {
        None => found.absorb(&segment.table(first)?),
        // All that lie between: each look at a segment unpacks the whole of it.
        Some(last) => {
            let between = segment.table(first.start..last.end)?;
            found.absorb_some(&between, |row| wanted.contains(&row.trace_id));
        }
    }
    Ok(())
}
