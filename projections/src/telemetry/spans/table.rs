//! Spans of one project in memory: fixed rows, and everything of variable length
//! in shared arenas. Decoders fill it, segments are written from and read into it.

mod some;

use std::collections::HashMap;
use std::ops::Range;

use protocols::spans::{Field, SpanEvent, SpanKind, SpanLink, SpanRecord, SpanStatus, Stream};

use super::texts::Texts;
use crate::telemetry::arrival::{late_ns, was_known};

pub(crate) type TraceId = [u8; 16];
pub(crate) type SpanId = [u8; 8];
/// Numbers of name and value.
pub(crate) type FieldIds = (u32, u32);

/// Texts are numbers of [`Table::texts`], ranges are places in its arenas.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent_id: Option<SpanId>,
    pub(crate) start_ns: i64,
    pub(crate) duration_ns: i64,
    pub(crate) kind: SpanKind,
    pub(crate) status: SpanStatus,
    pub(crate) name: u32,
    pub(crate) status_message: u32,
    pub(crate) trace_state: u32,
    pub(crate) scope: u32,
    /// Place in [`Table::resources`].
    pub(crate) resource: u32,
    pub(crate) fields: Range<u32>,
    pub(crate) events: Range<u32>,
    pub(crate) links: Range<u32>,
    /// How long after its end it arrived; 0 where it was not late.
    pub(crate) late_ns: i64,
}

impl Row {
    pub(crate) fn end_ns(&self) -> i64 {
        self.start_ns.saturating_add(self.duration_ns)
    }

    /// Spans that agree in all of this are one span, sent twice.
    fn identity(&self) -> (TraceId, i64, SpanId, SpanKind) {
        (self.trace_id, self.start_ns, self.span_id, self.kind)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Resource {
    pub(crate) service: u32,
    pub(crate) fields: Vec<FieldIds>,
}

#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) time_ns: i64,
    pub(crate) name: u32,
    pub(crate) fields: Range<u32>,
}

#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) fields: Range<u32>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) texts: Texts,
    pub(crate) rows: Vec<Row>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) fields: Vec<FieldIds>,
    pub(crate) events: Vec<Event>,
    pub(crate) links: Vec<Link>,
    known_resources: HashMap<Resource, u32>,
}

impl Table {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// In memory, about.
    pub(crate) fn held(&self) -> usize {
        self.texts.held()
            + size_of_val(&self.rows[..])
            + size_of_val(&self.fields[..])
            + size_of_val(&self.events[..])
            + size_of_val(&self.links[..])
    }

    /// The resource's place.
    pub(crate) fn resource(&mut self, stream: &Stream<'_>) -> u32 {
        let service = self.texts.intern(&stream.service);
        let fields = stream.fields.iter().map(|(name, value)| {
            let name = self.texts.intern(name);
            (name, self.texts.intern(value))
        });
        let mut fields: Vec<_> = fields.collect();
        fields.sort_by(|a, b| self.texts.get(a.0).cmp(self.texts.get(b.0)));
        self.resource_of(Resource { service, fields })
    }

    pub(crate) fn resource_of(&mut self, resource: Resource) -> u32 {
        if let Some(&at) = self.known_resources.get(&resource) {
            return at;
        }
        let at = place(self.resources.len());
        self.resources.push(resource.clone());
        self.known_resources.insert(resource, at);
        at
    }

    /// Takes a span that arrived at `received_ns`.
    pub(crate) fn push(&mut self, resource: u32, span: &SpanRecord<'_>, received_ns: i64) {
        let duration_ns = span.duration_ns.max(0);
        let late_ns = late_ns(span.start_ns.saturating_add(duration_ns), received_ns);
        let row = Row {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_id: span.parent_id,
            start_ns: span.start_ns,
            duration_ns,
            kind: span.kind,
            status: span.status,
            name: self.texts.intern(&span.name),
            status_message: self.texts.intern(&span.status_message),
            trace_state: self.texts.intern(&span.trace_state),
            scope: self.texts.intern(&span.scope),
            resource,
            fields: self.take_fields(&span.fields),
            events: self.take_events(&span.events),
            links: self.take_links(&span.links),
            late_ns,
        };
        self.rows.push(row);
    }

    /// In the order of their names, which is the order that segments keep.
    fn take_fields(&mut self, fields: &[Field<'_>]) -> Range<u32> {
        let begin = self.fields.len();
        for (name, value) in fields {
            let name = self.texts.intern(name);
            let value = self.texts.intern(value);
            self.fields.push((name, value));
        }
        let texts = &self.texts;
        self.fields[begin..].sort_by(|a, b| texts.get(a.0).cmp(texts.get(b.0)));
        place(begin)..place(self.fields.len())
    }

    fn take_events(&mut self, events: &[SpanEvent<'_>]) -> Range<u32> {
        let begin = place(self.events.len());
        for event in events {
            let event = Event {
                time_ns: event.time_ns,
                name: self.texts.intern(&event.name),
                fields: self.take_fields(&event.fields),
            };
            self.events.push(event);
        }
        begin..place(self.events.len())
    }

    fn take_links(&mut self, links: &[SpanLink<'_>]) -> Range<u32> {
        let begin = place(self.links.len());
        for link in links {
            let link = Link {
                trace_id: link.trace_id,
                span_id: link.span_id,
                fields: self.take_fields(&link.fields),
            };
            self.links.push(link);
        }
        begin..place(self.links.len())
    }

    pub(crate) fn fields_at(&self, range: &Range<u32>) -> &[FieldIds] {
        slice(&self.fields, range)
    }

    pub(crate) fn events_at(&self, range: &Range<u32>) -> &[Event] {
        slice(&self.events, range)
    }

    pub(crate) fn links_at(&self, range: &Range<u32>) -> &[Link] {
        slice(&self.links, range)
    }

    pub(crate) fn service_of(&self, row: &Row) -> &str {
        let resource = self.resources.get(row.resource as usize);
        resource.map_or("", |resource| self.texts.get(resource.service))
    }

    /// Sorts by trace and start; of a span that was sent twice the first one stays.
    pub(crate) fn arrange(&mut self) {
        self.rows.sort_by_key(Row::identity);
        self.rows.dedup_by_key(|row| row.identity());
    }

    /// Leaves out spans that had not arrived by then.
    pub(crate) fn leave_out(&mut self, as_of_ns: Option<i64>) {
        if let Some(as_of_ns) = as_of_ns {
            self.rows
                .retain(|row| was_known(row.end_ns(), row.late_ns, as_of_ns));
        }
    }

    /// Appends the rows of another table behind the own ones.
    pub(crate) fn absorb(&mut self, other: &Table) {
        let texts: Vec<u32> = (0..place(other.texts.len()))
            .map(|id| self.texts.intern(other.texts.get(id)))
            .collect();
        let field = |ids: &FieldIds| (texts[ids.0 as usize], texts[ids.1 as usize]);
        let resources: Vec<u32> = other
            .resources
            .iter()
            .map(|resource| {
                self.resource_of(Resource {
                    service: texts[resource.service as usize],
                    fields: resource.fields.iter().map(field).collect(),
                })
            })
            .collect();
        let fields = place(self.fields.len());
        let events = place(self.events.len());
        let links = place(self.links.len());
        let moved = |range: &Range<u32>, by: u32| range.start + by..range.end + by;
        self.fields.extend(other.fields.iter().map(field));
        self.events.extend(other.events.iter().map(|event| Event {
            time_ns: event.time_ns,
            name: texts[event.name as usize],
            fields: moved(&event.fields, fields),
        }));
        self.links.extend(other.links.iter().map(|link| Link {
            fields: moved(&link.fields, fields),
            ..link.clone()
        }));
        self.rows.extend(other.rows.iter().map(|row| Row {
            name: texts[row.name as usize],
            status_message: texts[row.status_message as usize],
            trace_state: texts[row.trace_state as usize],
            scope: texts[row.scope as usize],
            resource: resources[row.resource as usize],
            fields: moved(&row.fields, fields),
            events: moved(&row.events, events),
            links: moved(&row.links, links),
            ..row.clone()
        }));
    }
}

/// An arena holds less than 2^32 things: bodies and segments are bounded.
pub(crate) fn place(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn slice<'a, T>(arena: &'a [T], range: &Range<u32>) -> &'a [T] {
    arena
        .get(range.start as usize..range.end as usize)
        .unwrap_or_default()
}
