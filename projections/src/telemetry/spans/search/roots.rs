//! A sample of root spans, for the scatter of durations over time.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocols::spans::SpanStatus;
use schemas::scope::Scope;

use super::super::bloom;
use super::super::fold::opened;
use super::super::rows::{self, Times, apart};
use super::super::segment::Segment;
use super::super::table::TraceId;
use crate::db::{Db, QueryError};
use crate::telemetry::bytes::Damaged;

/// Segments that are read at most; the newest ones.
const MOST_SEGMENTS: usize = 200;

/// The span that a trace begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct RootSpan {
    pub trace_id: TraceId,
    pub service: String,
    pub operation: String,
    pub start_ns: i64,
    pub duration_ns: i64,
    pub failed: bool,
}

/// Those with the smallest hash of the trace id: the same sample each time.
type Sample = BTreeMap<u64, RootSpan>;

/// At most `limit`, the oldest first.
pub async fn roots(
    db: &Db,
    scope: &Scope,
    times: Times,
    service: Option<String>,
    limit: usize,
) -> Result<Vec<RootSpan>, QueryError> {
    let mut tx = rows::snapshot(db, scope).await?;
    let token = service.as_deref().map(bloom::service_key);
    let service: Arc<Option<String>> = Arc::new(service);
    let mut sample = Sample::new();
    let recent = rows::level0(&mut tx, scope, times).await?;
    let of = Arc::clone(&service);
    let mut sample = apart(move || {
        for data in recent {
            take(&opened(&data)?.1, times, of.as_deref(), limit, &mut sample)?;
        }
        Ok(sample)
    })
    .await?;
    let mut keys = rows::level1(&mut tx, scope, times, rows::Filter::Tokens).await?;
    keys.retain(|key| token.is_none_or(|token| bloom::may_hold(&key.filter, token)));
    for key in keys.iter().take(MOST_SEGMENTS) {
        let data = rows::data(&mut tx, scope, key).await?;
        let of = Arc::clone(&service);
        sample = apart(move || {
            take(
                &Segment::open(&data)?,
                times,
                of.as_deref(),
                limit,
                &mut sample,
            )?;
            Ok(sample)
        })
        .await?;
    }
    let mut roots: Vec<_> = sample.into_values().collect();
    roots.sort_by_key(|root| (root.start_ns, root.trace_id));
    Ok(roots)
}

fn take(
    segment: &Segment<'_>,
    times: Times,
    service: Option<&str>,
    limit: usize,
    sample: &mut Sample,
) -> Result<(), Damaged> {
    let core = segment.core()?;
    let (_, parents) = segment.ids(&core.traces)?;
    for (trace_id, rows) in &core.traces {
        let is_root = |row: &usize| {
            parents[*row].is_none()
                && times.contains(core.starts[*row])
                && service.is_none_or(|wanted| core.service(*row) == wanted)
        };
        let Some(row) = rows.clone().find(is_root) else {
            continue;
        };
        let root = RootSpan {
            trace_id: *trace_id,
            service: core.service(row).to_owned(),
            operation: core.name(row).to_owned(),
            start_ns: core.starts[row],
            duration_ns: core.durations[row],
            failed: core.kinds[row].1 == SpanStatus::Error,
        };
        sample.insert(bloom::trace_key(trace_id), root);
        if sample.len() > limit {
            sample.pop_last();
        }
    }
    Ok(())
}
