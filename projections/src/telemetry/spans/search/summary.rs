//! What a list says of a trace.

use std::collections::{BTreeMap, HashMap};

use protocols::spans::SpanStatus;

use super::super::table::{Row, Table, TraceId};

/// A trace in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSummary {
    pub trace_id: TraceId,
    /// Of the span without a parent; of the first one where that has not arrived.
    pub root_service: String,
    pub root_operation: String,
    pub root_arrived: bool,
    pub start_ns: i64,
    /// From the first start to the last end.
    pub duration_ns: i64,
    pub spans: u64,
    pub errors: u64,
    /// Spans of each service.
    pub services: BTreeMap<String, u64>,
}

/// Of all traces in an arranged table.
pub(super) fn of(table: &Table) -> HashMap<TraceId, TraceSummary> {
    let traces = table.rows.chunk_by(|a, b| a.trace_id == b.trace_id);
    traces
        .map(|rows| (rows[0].trace_id, summary(table, rows)))
        .collect()
}

fn summary(table: &Table, rows: &[Row]) -> TraceSummary {
    let root = rows.iter().find(|row| row.parent_id.is_none());
    let shown = root.unwrap_or(&rows[0]);
    let end_ns = rows.iter().map(Row::end_ns).max().unwrap_or(0);
    let mut services = BTreeMap::new();
    for row in rows {
        *services
            .entry(table.service_of(row).to_owned())
            .or_insert(0) += 1;
    }
    let failed = rows.iter().filter(|row| row.status == SpanStatus::Error);
    TraceSummary {
        trace_id: rows[0].trace_id,
        root_service: table.service_of(shown).to_owned(),
        root_operation: table.texts.get(shown.name).to_owned(),
        root_arrived: root.is_some(),
        start_ns: rows[0].start_ns,
        duration_ns: end_ns.saturating_sub(rows[0].start_ns),
        spans: rows.len() as u64,
        errors: failed.count() as u64,
        services,
    }
}
