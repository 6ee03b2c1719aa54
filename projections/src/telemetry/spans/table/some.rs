//! Some rows of one table into another, with what they refer to and nothing else.

use std::ops::Range;

use super::super::numbers::NumberMap;
use super::{Event, FieldIds, Link, Resource, Row, Table, place};

impl Table {
    /// Appends the rows of another table that are wanted, in their order.
    pub(crate) fn absorb_some(&mut self, from: &Table, wanted: impl Fn(&Row) -> bool) {
        let mut moving = Moving {
            from,
            to: self,
            texts: NumberMap::default(),
            resources: NumberMap::default(),
        };
        for row in from.rows.iter().filter(|row| wanted(row)) {
            moving.row(row);
        }
    }
}

struct Moving<'a> {
    from: &'a Table,
    to: &'a mut Table,
    /// Numbers there by those here.
    texts: NumberMap<u32, u32>,
    resources: NumberMap<u32, u32>,
}

impl Moving<'_> {
    fn row(&mut self, row: &Row) {
        let moved = Row {
            name: self.text(row.name),
            status_message: self.text(row.status_message),
            trace_state: self.text(row.trace_state),
            scope: self.text(row.scope),
            resource: self.resource(row.resource),
            fields: self.fields(&row.fields),
            events: self.events(&row.events),
            links: self.links(&row.links),
            ..row.clone()
        };
        self.to.rows.push(moved);
    }

    fn text(&mut self, id: u32) -> u32 {
        if let Some(known) = self.texts.get(&id) {
            return *known;
        }
        let moved = self.to.texts.intern(self.from.texts.get(id));
        self.texts.insert(id, moved);
        moved
    }

    fn pairs(&mut self, pairs: &[FieldIds]) -> Vec<FieldIds> {
        let pair = |(name, value): &FieldIds| (self.text(*name), self.text(*value));
        pairs.iter().map(pair).collect()
    }

    fn resource(&mut self, at: u32) -> u32 {
        if let Some(known) = self.resources.get(&at) {
            return *known;
        }
        let from = self.from;
        let resource = &from.resources[at as usize];
        let moved = Resource {
            service: self.text(resource.service),
            fields: self.pairs(&resource.fields),
        };
        let moved = self.to.resource_of(moved);
        self.resources.insert(at, moved);
        moved
    }

    fn fields(&mut self, range: &Range<u32>) -> Range<u32> {
        let from = self.from;
        let moved = self.pairs(from.fields_at(range));
        let begin = place(self.to.fields.len());
        self.to.fields.extend(moved);
        begin..place(self.to.fields.len())
    }

    fn events(&mut self, range: &Range<u32>) -> Range<u32> {
        let from = self.from;
        let begin = place(self.to.events.len());
        for event in from.events_at(range) {
            let moved = Event {
                time_ns: event.time_ns,
                name: self.text(event.name),
                fields: self.fields(&event.fields),
            };
            self.to.events.push(moved);
        }
        begin..place(self.to.events.len())
    }

    fn links(&mut self, range: &Range<u32>) -> Range<u32> {
        let from = self.from;
        let begin = place(self.to.links.len());
        for link in from.links_at(range) {
            let fields = self.fields(&link.fields);
            self.to.links.push(Link {
                fields,
                ..link.clone()
            });
        }
        begin..place(self.to.links.len())
    }
}

#[cfg(test)]
mod tests {
    use protocols::spans::{SpanEvent, SpanLink, SpanRecord, Stream};

    use super::super::super::samples;
    use super::*;

    /// Traces of a shop, and one whose spans have everything.
    fn table() -> Table {
        let mut table = samples::table(20);
        let resource = table.resource(&Stream::default());
        for n in 0..3u8 {
            let field = || vec![("of".into(), n.to_string().into())];
            let span = SpanRecord {
                span_id: [n; 8],
                events: vec![SpanEvent {
                    time_ns: samples::RECEIVED_NS,
                    name: "thrown".into(),
                    fields: field(),
                }],
                links: vec![SpanLink {
                    trace_id: [n; 16],
                    span_id: [n; 8],
                    fields: field(),
                }],
                ..samples::plain()
            };
            table.push(resource, &span, samples::RECEIVED_NS);
        }
        table
    }

    #[test]
    fn some_rows_come_with_what_they_say_and_nothing_else() {
        let all = table();
        let wanted = |row: &Row| row.trace_id[15].is_multiple_of(2) || row.span_id == [1; 8];
        let rows = all.rows.iter().filter(|row| wanted(row));
        let expected: Vec<_> = rows.map(|row| all.span(row)).collect();
        assert!(expected.len() > 10 && expected.len() < all.rows.len());
        let mut some = Table::default();
        some.absorb_some(&all, wanted);
        assert_eq!(some.spans().collect::<Vec<_>>(), expected);
        assert_eq!((some.events.len(), some.links.len()), (1, 1));
        assert!(some.texts.len() < all.texts.len());
        let (texts, resources) = (some.texts.len(), some.resources.len());
        some.absorb_some(&all, wanted);
        assert_eq!(some.rows.len(), 2 * expected.len());
        assert_eq!((some.texts.len(), some.resources.len()), (texts, resources));
    }
}
