//! A sample of traces by their root spans, for the scatter of durations over time.

use std::collections::BTreeMap;

use protocols::spans::SpanStatus;
use schemas::scope::Scope;

use super::super::bloom;
use super::super::segment::Segment;
use super::super::table::TraceId;
use super::Filter;
use super::matching::Asked;
use super::walk::walk;
use crate::db::{Db, QueryError};
use crate::telemetry::bytes::Damaged;

/// The span that a trace begins with; its first one where that has not arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct RootSpan {
    pub trace_id: TraceId,
    pub service: String,
    pub operation: String,
    pub start_ns: i64,
    pub duration_ns: i64,
    pub failed: bool,
    pub arrived: bool,
}

/// Those with the smallest hash of the trace id: the same sample each time.
type Sample = BTreeMap<u64, RootSpan>;

/// At most `limit` traces with a span as asked for, the oldest first.
pub async fn roots(
    db: &Db,
    scope: &Scope,
    filter: &Filter,
    limit: usize,
) -> Result<Vec<RootSpan>, QueryError> {
    let walked = walk(db, scope, filter, move |segment, filter, sample| {
        take(segment, filter, limit, sample)
    });
    let sample: Sample = walked.await?.found;
    let mut roots: Vec<_> = sample.into_values().collect();
    roots.sort_by_key(|root| (root.start_ns, root.trace_id));
    Ok(roots)
}

fn take(
    segment: &Segment<'_>,
    filter: &Filter,
    limit: usize,
    sample: &mut Sample,
) -> Result<(), Damaged> {
    let core = segment.core()?;
    let (_, parents) = segment.ids(&core.traces)?;
    let asked = Asked::read(segment, &core, filter)?;
    for (trace_id, rows) in &core.traces {
        if !rows.clone().any(|row| asked.is(row)) {
            continue;
        }
        let mut known = rows.clone().filter(|row| asked.knows(*row));
        let first = known.clone().next();
        let root = known.find(|row| parents[*row].is_none());
        let row = root.or(first).unwrap_or(rows.start);
        let found = RootSpan {
            trace_id: *trace_id,
            service: core.service(row).to_owned(),
            operation: core.name(row).to_owned(),
            start_ns: core.starts[row],
            duration_ns: core.durations[row],
            failed: core.kinds[row].1 == SpanStatus::Error,
            arrived: root.is_some(),
        };
        let hash = bloom::trace_key(trace_id);
        if !sample.get(&hash).is_some_and(|known| known.arrived) {
            sample.insert(hash, found);
        }
        if sample.len() > limit {
            sample.pop_last();
        }
    }
    Ok(())
}
