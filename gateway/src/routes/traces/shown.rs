//! Traces as the API shows them. Times are RFC 3339 with nanoseconds, ids hex.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use projections::telemetry::spans::search::{self, RootSpan};
use projections::telemetry::spans::span::{self, OwnedField};
use projections::telemetry::spans::trace;
use serde::Serialize;
use utoipa::ToSchema;

/// A trace in the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct TraceSummary {
    pub trace_id: String,
    /// Of the span without a parent; of the first one where that has not arrived.
    pub root_service: String,
    pub root_operation: String,
    pub root_arrived: bool,
    pub start: String,
    /// From the first start to the last end.
    pub duration_ms: f64,
    pub spans: u64,
    pub errors: u64,
    pub services: Vec<String>,
}

impl TraceSummary {
    pub(super) fn of(found: search::TraceSummary) -> Self {
        Self {
            trace_id: hex(&found.trace_id),
            root_service: found.root_service,
            root_operation: found.root_operation,
            root_arrived: found.root_arrived,
            start: time(found.start_ns),
            duration_ms: ms(found.duration_ns),
            spans: found.spans,
            errors: found.errors,
            services: found.services.into_keys().collect(),
        }
    }
}

/// One trace.
#[derive(Debug, Serialize, ToSchema)]
pub struct Trace {
    pub trace_id: String,
    /// By start.
    pub spans: Vec<Span>,
    /// There are more spans than are shown.
    pub truncated: bool,
}

/// A span with everything that was sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Span {
    pub span_id: String,
    pub parent_id: Option<String>,
    pub service: String,
    pub name: String,
    /// unspecified, internal, server, client, producer, consumer
    pub kind: String,
    pub start: String,
    pub duration_ms: f64,
    pub duration_ns: i64,
    /// unset, ok, error
    pub status: String,
    pub status_message: String,
    pub trace_state: String,
    /// Name of the instrumentation scope; its version is the field `otel.scope.version`.
    pub scope: String,
    pub fields: BTreeMap<String, String>,
    pub resource: BTreeMap<String, String>,
    pub events: Vec<SpanEvent>,
    pub links: Vec<SpanLink>,
}

/// Something that happened within a span.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpanEvent {
    pub time: String,
    pub name: String,
    pub fields: BTreeMap<String, String>,
}

/// A span of another trace that this one belongs with.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpanLink {
    pub trace_id: String,
    pub span_id: String,
    pub fields: BTreeMap<String, String>,
}

impl Trace {
    pub(super) fn of(found: trace::Trace) -> Self {
        Self {
            trace_id: hex(&found.trace_id),
            spans: found.spans.into_iter().map(Span::of).collect(),
            truncated: found.truncated,
        }
    }
}

impl Span {
    fn of(span: span::Span) -> Self {
        Self {
            span_id: hex(&span.span_id),
            parent_id: span.parent_id.as_ref().map(|id| hex(id)),
            service: span.service,
            name: span.name,
            kind: span.kind.name().to_owned(),
            start: time(span.start_ns),
            duration_ms: ms(span.duration_ns),
            duration_ns: span.duration_ns,
            status: span.status.name().to_owned(),
            status_message: span.status_message,
            trace_state: span.trace_state,
            scope: span.scope,
            fields: named(span.fields),
            resource: named(span.resource),
            events: span.events.into_iter().map(SpanEvent::of).collect(),
            links: span.links.into_iter().map(SpanLink::of).collect(),
        }
    }
}

impl SpanEvent {
    fn of(event: span::Event) -> Self {
        Self {
            time: time(event.time_ns),
            name: event.name,
            fields: named(event.fields),
        }
    }
}

impl SpanLink {
    fn of(link: span::Link) -> Self {
        Self {
            trace_id: hex(&link.trace_id),
            span_id: hex(&link.span_id),
            fields: named(link.fields),
        }
    }
}

/// A sample of traces as points.
#[derive(Debug, Serialize, ToSchema)]
pub struct Durations {
    /// The oldest first.
    pub points: Vec<DurationPoint>,
}

/// A trace by its root span.
#[derive(Debug, Serialize, ToSchema)]
pub struct DurationPoint {
    pub trace_id: String,
    pub root_service: String,
    pub root_operation: String,
    pub start: String,
    pub duration_ms: f64,
    pub error: bool,
}

impl Durations {
    pub(super) fn of(found: Vec<RootSpan>) -> Self {
        let point = |root: RootSpan| DurationPoint {
            trace_id: hex(&root.trace_id),
            root_service: root.service,
            root_operation: root.operation,
            start: time(root.start_ns),
            duration_ms: ms(root.duration_ns),
            error: root.failed,
        };
        Self {
            points: found.into_iter().map(point).collect(),
        }
    }
}

/// Spans by when they began and how long they took.
#[derive(Debug, Serialize, ToSchema)]
pub struct TraceHeatmap {
    pub step_seconds: i64,
    pub count: u64,
    pub errors: u64,
    /// Whether everything was looked at, not only the newest.
    pub complete: bool,
    /// By time, then by duration; those without spans are left out.
    pub cells: Vec<HeatmapCell>,
}

/// Spans of one stretch of time and one step of duration.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeatmapCell {
    /// When the stretch begins.
    pub time: String,
    pub min_ms: f64,
    /// None for the longest step.
    pub max_ms: Option<f64>,
    pub count: u64,
    pub errors: u64,
}

impl TraceHeatmap {
    pub(super) fn of(found: search::Heatmap, step_ns: i64) -> Self {
        let cell = |((time_ns, begin_ns), cell): ((i64, i64), search::Cell)| HeatmapCell {
            time: time(time_ns),
            min_ms: ms(begin_ns),
            max_ms: search::end_of_step(begin_ns).map(ms),
            count: cell.count,
            errors: cell.errors,
        };
        let cells: Vec<HeatmapCell> = found.cells.into_iter().map(cell).collect();
        Self {
            step_seconds: step_ns / 1_000_000_000,
            count: cells.iter().map(|cell| cell.count).sum(),
            errors: cells.iter().map(|cell| cell.errors).sum(),
            complete: found.complete,
            cells,
        }
    }
}

/// Of a name that was sent twice the last value shows.
fn named(fields: Vec<OwnedField>) -> BTreeMap<String, String> {
    fields.into_iter().collect()
}

fn ms(ns: i64) -> f64 {
    ns as f64 / 1e6
}

/// RFC 3339 with nanoseconds.
fn time(ns: i64) -> String {
    DateTime::from_timestamp_nanos(ns).to_rfc3339_opts(SecondsFormat::Nanos, true)
}

fn hex(id: &[u8]) -> String {
    ::hex::encode(id)
}
