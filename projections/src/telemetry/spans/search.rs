//! Traces that hold a span as asked for, the newest first.

mod found;
mod heatmap;
mod matching;
mod roots;
mod summary;
mod walk;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use protocols::spans::{SpanKind, SpanStatus};
use schemas::scope::Scope;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::bloom;
use super::fold::opened;
use super::rows::{self, Room, Times, apart};
use super::segment::Segment;
use super::span::OwnedField;
use super::table::{Row, Table, TraceId};
use super::trace::{Trace, collect0, collect1};
use crate::db::{Db, QueryError};
use crate::page::Page;

pub use found::{Found, MOST_SPANS};
pub use heatmap::{Cell, Heatmap, end_of_step, heatmap};
pub use roots::{RootSpan, roots};
pub use summary::TraceSummary;

const HOUR_NS: i64 = 3_600_000_000_000;
/// The spans of so many traces are read at once.
const TRACES_AT_ONCE: usize = 200;
/// Spans on their own take so many times what they take in a table, about.
const SPANS_OF_TABLE: usize = 3;

/// One span must be all of this; empty parts do not filter.
#[derive(Debug, Clone)]
pub struct Filter {
    pub times: Times,
    pub service: Option<String>,
    pub operation: Option<String>,
    /// Of the span or its resource.
    pub fields: Vec<OwnedField>,
    /// The same, or told of the span by a name of [`tags`](super::tags), or of its events.
    pub tags: Vec<OwnedField>,
    pub min_duration_ns: Option<i64>,
    pub max_duration_ns: Option<i64>,
    pub error: Option<bool>,
    pub status: Option<SpanStatus>,
    pub kind: Option<SpanKind>,
    /// Without what had not arrived by then, in nanoseconds since 1970.
    pub as_of_ns: Option<i64>,
}

/// The last trace of a page: its newest span that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor {
    start_ns: i64,
    trace_id: TraceId,
}

/// The newest start that matched, by trace.
type Newest = HashMap<TraceId, i64>;

/// Traces by their newest span that matches.
pub async fn search(
    db: &Db,
    scope: &Scope,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<TraceSummary, Cursor>, QueryError> {
    let mut tx = rows::snapshot(db, scope).await?;
    let mut room = Room::of(db);
    let page = find(&mut tx, scope, filter, after, limit, &mut room).await?;
    let table = fetch(&mut tx, scope, &page.items, filter.as_of_ns, &mut room).await?;
    let mut known = summary::of(&table);
    let shown = page.items.iter();
    let items = shown.filter_map(|found| known.remove(&found.trace_id));
    Ok(Page {
        items: items.collect(),
        next: page.next,
    })
}

/// The same with all their spans, as far as these began within an hour.
pub async fn traces(
    db: &Db,
    scope: &Scope,
    filter: &Filter,
    limit: u32,
) -> Result<Found, QueryError> {
    let mut tx = rows::snapshot(db, scope).await?;
    let mut room = Room::of(db);
    let page = find(&mut tx, scope, filter, None, limit, &mut room).await?;
    let mut found = Found::begin(page.next.is_some(), room.share());
    for some in page.items.chunks(TRACES_AT_ONCE) {
        if found.is_full(MOST_SPANS) {
            found.left_out += some.len();
            continue;
        }
        let before = room.kept();
        let table = fetch(&mut tx, scope, some, filter.as_of_ns, &mut room).await?;
        let traces = table.rows.chunk_by(|a, b| a.trace_id == b.trace_id);
        let traces = traces.map(|rows| (rows[0].trace_id, rows));
        let traces: HashMap<TraceId, &[Row]> = traces.collect();
        for rows in some.iter().filter_map(|one| traces.get(&one.trace_id)) {
            found.take(MOST_SPANS, || Trace::of(&table, rows));
        }
        // The spans have texts of their own.
        let spans = table.held().saturating_mul(SPANS_OF_TABLE);
        room.keep(before.saturating_add(spans)).await?;
    }
    Ok(found)
}

async fn find(
    tx: &mut PgConnection,
    scope: &Scope,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u32,
    room: &mut Room,
) -> Result<Page<Cursor, Cursor>, QueryError> {
    let filter = Arc::new(from_cursor(filter, after));
    let recent = rows::level0(tx, scope, filter.times).await?;
    room.look_at(&recent).await?;
    let mut newest = matching0(recent, &filter).await?;
    let tokens = filter.tokens();
    let mut before = i64::MAX;
    'hours: loop {
        let kind = rows::Filter::Tokens;
        let keys = rows::some_of_level1(tx, scope, filter.times, kind, before).await?;
        for hour in keys.chunk_by(|a, b| a.window_start == b.window_start) {
            for key in hour {
                let may_hold = |token: &u64| bloom::may_hold(&key.filter, *token);
                if tokens.iter().all(may_hold) {
                    room.keep(held(&newest)).await?;
                    let data = rows::data(tx, scope, key).await?;
                    room.look_at(std::slice::from_ref(&data)).await?;
                    newest = matching1(data, &filter, newest).await?;
                }
            }
            // What older hours hold is older than these.
            before = hour[0].window_start;
            let since_ns = before.saturating_mul(1_000_000_000);
            let certain = chosen(&newest, after).filter(|found| found.start_ns >= since_ns);
            if certain.count() > limit as usize {
                break 'hours;
            }
        }
        if keys.len() < rows::AT_ONCE {
            break;
        }
    }
    room.keep(0).await?;
    let mut found: Vec<Cursor> = chosen(&newest, after).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.truncate(limit as usize + 1);
    Ok(Page::cut(found, limit, |last| *last))
}

/// In memory, about.
fn held(newest: &Newest) -> usize {
    newest.len() * 2 * size_of::<(TraceId, i64)>()
}

/// Goes on a little before where the last page ended: what is newer of a trace that
/// was shown says that it was.
fn from_cursor(filter: &Filter, after: Option<Cursor>) -> Filter {
    let mut filter = filter.clone();
    if let Some(after) = after {
        let until_ns = after.start_ns.saturating_add(HOUR_NS);
        filter.times.to_ns = filter.times.to_ns.min(until_ns);
    }
    filter
}

fn chosen(newest: &Newest, after: Option<Cursor>) -> impl Iterator<Item = Cursor> {
    let all = newest.iter().map(|(trace_id, start_ns)| Cursor {
        start_ns: *start_ns,
        trace_id: *trace_id,
    });
    all.filter(move |found| after.is_none_or(|after| *found < after))
}

async fn matching0(data: Vec<Vec<u8>>, filter: &Arc<Filter>) -> Result<Newest, QueryError> {
    let filter = Arc::clone(filter);
    apart(move || {
        let mut newest = Newest::new();
        for data in data {
            matching::note(&opened(&data)?.1, &filter, &mut newest)?;
        }
        Ok(newest)
    })
    .await
}

async fn matching1(
    data: Vec<u8>,
    filter: &Arc<Filter>,
    mut newest: Newest,
) -> Result<Newest, QueryError> {
    let filter = Arc::clone(filter);
    apart(move || {
        matching::note(&Segment::open(&data)?, &filter, &mut newest)?;
        Ok(newest)
    })
    .await
}

/// All spans of the traces found, which began within an hour.
async fn fetch(
    tx: &mut PgConnection,
    scope: &Scope,
    found: &[Cursor],
    as_of_ns: Option<i64>,
    room: &mut Room,
) -> Result<Table, QueryError> {
    let starts = || found.iter().map(|found| found.start_ns);
    let (Some(from_ns), Some(to_ns)) = (starts().min(), starts().max()) else {
        return Ok(Table::default());
    };
    let times = Times { from_ns, to_ns }.widened(HOUR_NS);
    let wanted: BTreeSet<_> = found.iter().map(|found| found.trace_id).collect();
    let before = room.kept();
    let mut table = collect1(tx, scope, times, &wanted, room).await?;
    let recent = rows::level0(tx, scope, times).await?;
    room.look_at(&recent).await?;
    table.absorb(&collect0(recent, wanted).await?);
    room.keep(before.saturating_add(table.held())).await?;
    table.arrange();
    table.leave_out(as_of_ns);
    Ok(table)
}
