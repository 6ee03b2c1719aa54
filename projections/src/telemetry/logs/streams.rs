//! Which streams sent records: services with what their resources say.

use std::collections::{BTreeMap, BTreeSet};

use schemas::scope::Scope;

use super::filter::Filter;
use super::matching::matching;
use super::record::StreamView;
use super::scan::{LogsError, Order, Piece, Query, Scan, Wanted, blocking};
use super::segment::Column;
use crate::db::Db;
use crate::telemetry::bytes::Damaged;

/// A sender.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogStream {
    pub service: String,
    pub resource: BTreeMap<String, String>,
}

impl LogStream {
    pub(super) fn of(stream: StreamView<'_>) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            service: stream.service.to_owned(),
            resource: stream.fields.iter().map(owned).collect(),
        }
    }
}

/// Streams with records that a query wants, in order; those of the newest records
/// where there are more than `limit`.
pub async fn streams(
    db: &Db,
    scope: &Scope,
    query: &Query,
    limit: usize,
) -> Result<Vec<LogStream>, LogsError> {
    let mut scan = Scan::begin(db, scope, query, Order::NewestFirst).await?;
    let wanted = Wanted::Columns(vec![Column::Streams, Column::Stream], Vec::new());
    let (from_ns, to_ns) = (query.from_ns, query.to_ns);
    let mut found = BTreeSet::new();
    while scan.next_time().is_some() && found.len() < limit {
        let pieces = scan.next(&wanted).await?;
        let filter = scan.filter();
        found.extend(blocking(move || streams_of(pieces, &filter, from_ns, to_ns)).await?);
    }
    Ok(found.into_iter().take(limit).collect())
}

fn streams_of(
    pieces: Vec<Piece>,
    filter: &Filter,
    from_ns: i64,
    to_ns: i64,
) -> Result<BTreeSet<LogStream>, Damaged> {
    let mut found = BTreeSet::new();
    for Piece { segment, .. } in pieces {
        let rows = matching(&segment, filter, from_ns, to_ns)?;
        let (streams, codes) = segment.streams()?;
        let used: BTreeSet<u32> = rows.iter().map(|row| codes[row as usize]).collect();
        for code in used {
            found.insert(LogStream::of(StreamView::read(streams.get(code as usize))?));
        }
    }
    Ok(found)
}
