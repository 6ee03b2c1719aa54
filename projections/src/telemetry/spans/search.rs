//! Traces that hold a span as asked for, the newest first.

mod matching;
mod roots;
mod summary;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use protocols::spans::SpanKind;
use schemas::scope::Scope;
use serde::{Deserialize, Serialize};

use super::bloom;
use super::fold::opened;
use super::rows::{self, Times, apart};
use super::segment::Segment;
use super::span::OwnedField;
use super::table::TraceId;
use super::trace::{collect0, collect1};
use crate::db::{Db, QueryError};
use crate::page::Page;

pub use roots::{RootSpan, roots};
pub use summary::TraceSummary;

const HOUR_NS: i64 = 3_600_000_000_000;

/// One span must be all of this; empty parts do not filter.
#[derive(Debug, Clone)]
pub struct Filter {
    pub times: Times,
    pub service: Option<String>,
    pub operation: Option<String>,
    /// Of the span or its resource.
    pub fields: Vec<OwnedField>,
    pub min_duration_ns: Option<i64>,
    pub max_duration_ns: Option<i64>,
    pub error: Option<bool>,
    pub kind: Option<SpanKind>,
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
    let filter = Arc::new(from_cursor(filter, after));
    let recent = rows::level0(&mut tx, scope, filter.times).await?;
    let mut newest = matching0(recent, &filter).await?;
    let keys = rows::level1(&mut tx, scope, filter.times, rows::Filter::Tokens).await?;
    let tokens = filter.tokens();
    for hour in keys.chunk_by(|a, b| a.window_start == b.window_start) {
        for key in hour {
            if tokens
                .iter()
                .all(|token| bloom::may_hold(&key.filter, *token))
            {
                let data = rows::data(&mut tx, scope, key).await?;
                newest = matching1(data, &filter, newest).await?;
            }
        }
        let since_ns = hour[0].window_start.saturating_mul(1_000_000_000);
        if chosen(&newest, after)
            .filter(|found| found.start_ns >= since_ns)
            .count()
            > limit as usize
        {
            break;
        }
    }
    let mut found: Vec<Cursor> = chosen(&newest, after).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.truncate(limit as usize + 1);
    let page = Page::cut(found, limit, |last| *last);
    let mut known = summaries(&mut tx, scope, &page.items).await?;
    let shown = page.items.iter();
    let items = shown
        .filter_map(|found| known.remove(&found.trace_id))
        .collect();
    Ok(Page {
        items,
        next: page.next,
    })
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

/// What the list shows of the traces found. Their other spans began within an hour.
async fn summaries(
    tx: &mut sqlx::PgConnection,
    scope: &Scope,
    found: &[Cursor],
) -> Result<HashMap<TraceId, TraceSummary>, QueryError> {
    let starts = || found.iter().map(|found| found.start_ns);
    let (Some(from_ns), Some(to_ns)) = (starts().min(), starts().max()) else {
        return Ok(HashMap::new());
    };
    let times = Times { from_ns, to_ns }.widened(HOUR_NS);
    let wanted: BTreeSet<_> = found.iter().map(|found| found.trace_id).collect();
    let mut table = collect1(tx, scope, times, &wanted).await?;
    let recent = rows::level0(tx, scope, times).await?;
    table.absorb(&collect0(recent, wanted).await?);
    table.arrange();
    Ok(summary::of(&table))
}
