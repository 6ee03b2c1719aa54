//! One span as queries answer it.

pub use protocols::spans::{SpanKind, SpanStatus};

use super::table::{FieldIds, Row, SpanId, Table, TraceId};

/// Name and value.
pub type OwnedField = (String, String);

/// A span with everything that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_id: Option<SpanId>,
    pub service: String,
    pub name: String,
    pub kind: SpanKind,
    /// Nanoseconds since 1970.
    pub start_ns: i64,
    pub duration_ns: i64,
    pub status: SpanStatus,
    pub status_message: String,
    pub trace_state: String,
    /// Name of the instrumentation scope; its version is a field, `tags::SCOPE_VERSION`.
    pub scope: String,
    /// In the order of their names, as all fields here.
    pub fields: Vec<OwnedField>,
    pub resource: Vec<OwnedField>,
    pub events: Vec<Event>,
    pub links: Vec<Link>,
    /// How long after its end it arrived; 0 where within 30 s.
    pub late_ns: i64,
}

/// Something that happened within a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub time_ns: i64,
    pub name: String,
    pub fields: Vec<OwnedField>,
}

/// A span of another trace that this one belongs with.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub fields: Vec<OwnedField>,
}

impl Table {
    /// The row, on its own.
    pub(crate) fn span(&self, row: &Row) -> Span {
        let text = |id: u32| self.texts.get(id).to_owned();
        let resource = self.resources.get(row.resource as usize);
        Span {
            trace_id: row.trace_id,
            span_id: row.span_id,
            parent_id: row.parent_id,
            service: self.service_of(row).to_owned(),
            name: text(row.name),
            kind: row.kind,
            start_ns: row.start_ns,
            duration_ns: row.duration_ns,
            status: row.status,
            status_message: text(row.status_message),
            trace_state: text(row.trace_state),
            scope: text(row.scope),
            fields: self.owned(self.fields_at(&row.fields)),
            resource: resource.map_or_else(Vec::new, |resource| self.owned(&resource.fields)),
            events: self
                .events_at(&row.events)
                .iter()
                .map(|event| Event {
                    time_ns: event.time_ns,
                    name: text(event.name),
                    fields: self.owned(self.fields_at(&event.fields)),
                })
                .collect(),
            links: self
                .links_at(&row.links)
                .iter()
                .map(|link| Link {
                    trace_id: link.trace_id,
                    span_id: link.span_id,
                    fields: self.owned(self.fields_at(&link.fields)),
                })
                .collect(),
            late_ns: row.late_ns,
        }
    }

    #[cfg(test)]
    pub(crate) fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        self.rows.iter().map(|row| self.span(row))
    }

    fn owned(&self, fields: &[FieldIds]) -> Vec<OwnedField> {
        let text = |id: u32| self.texts.get(id).to_owned();
        fields.iter().map(|(n, v)| (text(*n), text(*v))).collect()
    }
}
