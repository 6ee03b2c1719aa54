//! From a segment to what a query asks for.

use std::ops::Range;

use protocols::spans::{SpanKind, SpanStatus};

use super::super::bytes::{ReadMore, unpack};
use super::super::table::{Event, FieldIds, Link, Resource, Row, SpanId, Table, TraceId, place};
use super::super::texts::EMPTY;
use super::fields::{Field, texts};
use super::{Column, VERSION};
use crate::telemetry::arrival;
use crate::telemetry::bytes::{Damaged, Reader, unzigzag};

/// An opened segment; its columns are still compressed.
#[derive(Debug, Clone)]
pub(crate) struct Segment<'a> {
    rows: usize,
    columns: Vec<(u8, &'a str, &'a [u8])>,
}

/// What most queries look at first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Core {
    pub(crate) traces: Vec<(TraceId, Range<usize>)>,
    pub(crate) starts: Vec<i64>,
    pub(crate) durations: Vec<i64>,
    pub(crate) kinds: Vec<(SpanKind, SpanStatus)>,
    /// Places in `texts`.
    pub(crate) names: Vec<u32>,
    /// Places in `resources`.
    pub(crate) of_resource: Vec<u32>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) texts: Vec<String>,
}

impl Core {
    pub(crate) fn text(&self, id: u32) -> &str {
        self.texts.get(id as usize).map_or("", String::as_str)
    }

    pub(crate) fn name(&self, row: usize) -> &str {
        self.text(self.names[row])
    }

    pub(crate) fn service(&self, row: usize) -> &str {
        self.text(self.resource(row).service)
    }

    pub(crate) fn resource(&self, row: usize) -> &Resource {
        &self.resources[self.of_resource[row] as usize]
    }
}

impl<'a> Segment<'a> {
    pub(crate) fn open(data: &'a [u8]) -> Result<Self, Damaged> {
        let mut bytes = Reader::new(data);
        if bytes.varint()? != VERSION {
            return Err(Damaged("an unknown version"));
        }
        let rows = bytes.size()?;
        let mut columns = Vec::new();
        for _ in 0..bytes.size()? {
            let [column] = bytes.array()?;
            let name = match column == Column::Field as u8 {
                true => bytes.text()?,
                false => "",
            };
            columns.push((column, name, bytes.size()?));
        }
        let columns = columns
            .into_iter()
            .map(|(column, name, len)| Ok((column, name, bytes.take(len)?)))
            .collect::<Result<_, Damaged>>()?;
        Ok(Self { rows, columns })
    }

    /// None where the column was left out.
    pub(super) fn column(&self, column: Column) -> Result<Option<Vec<u8>>, Damaged> {
        let found = self.columns.iter().find(|(c, ..)| *c == column as u8);
        found.map(|(.., frame)| unpack(frame)).transpose()
    }

    pub(super) fn codes(&self, column: Column, limit: usize) -> Result<Vec<u32>, Damaged> {
        let Some(raw) = self.column(column)? else {
            return match limit {
                0 if self.rows > 0 => Err(Damaged("a column has nothing to point at")),
                _ => Ok(vec![0; self.rows]),
            };
        };
        let mut bytes = Reader::new(&raw);
        let code = |_| match bytes.code()? {
            code if (code as usize) < limit => Ok(code),
            _ => Err(Damaged("a code has no text")),
        };
        (0..self.rows).map(code).collect()
    }

    /// Texts by code; code 0 is the empty text.
    pub(super) fn dictionary(&self, column: Column) -> Result<Vec<String>, Damaged> {
        let mut all = vec![String::new()];
        if let Some(raw) = self.column(column)? {
            let mut bytes = Reader::new(&raw);
            let count = bytes.size()?;
            all.extend(texts(&mut bytes, count)?);
        }
        Ok(all)
    }

    pub(crate) fn core(&self) -> Result<Core, Damaged> {
        let traces = self.traces()?;
        let texts = self.dictionary(Column::Names)?;
        let resources = self.resources(texts.len())?;
        Ok(Core {
            starts: self.starts(&traces)?,
            traces,
            durations: self.durations()?,
            kinds: self.kinds()?,
            names: self.codes(Column::Name, texts.len())?,
            of_resource: self.codes(Column::Resource, resources.len())?,
            resources,
            texts,
        })
    }

    /// Trace ids with their rows.
    pub(crate) fn traces(&self) -> Result<Vec<(TraceId, Range<usize>)>, Damaged> {
        let raw = self.column(Column::TraceId)?.unwrap_or_default();
        let mut bytes = Reader::new(&raw);
        let mut traces = Vec::new();
        let mut at = 0usize;
        while !bytes.is_empty() {
            let id = bytes.array()?;
            let end = at.saturating_add(bytes.size()?);
            traces.push((id, at..end));
            at = end;
        }
        match at == self.rows {
            true => Ok(traces),
            false => Err(Damaged("traces do not cover the rows")),
        }
    }

    fn starts(&self, traces: &[(TraceId, Range<usize>)]) -> Result<Vec<i64>, Damaged> {
        let raw = self.column(Column::Start)?.unwrap_or_default();
        let mut bytes = Reader::new(&raw);
        let scale = bytes.varint()? as i64;
        let mut starts = Vec::with_capacity(self.rows.min(raw.len()));
        let mut trace_start = 0i64;
        for (_, rows) in traces {
            let mut last = trace_start;
            for row in rows.clone() {
                last = last.wrapping_add(bytes.signed()?);
                if row == rows.start {
                    trace_start = last;
                }
                starts.push(last.wrapping_mul(scale));
            }
        }
        Ok(starts)
    }

    fn durations(&self) -> Result<Vec<i64>, Damaged> {
        let raw = self.column(Column::Duration)?.unwrap_or_default();
        let mut bytes = Reader::new(&raw);
        let scale = bytes.varint()? as i64;
        (0..self.rows)
            .map(|_| Ok((bytes.varint()? as i64).wrapping_mul(scale)))
            .collect()
    }

    fn kinds(&self) -> Result<Vec<(SpanKind, SpanStatus)>, Damaged> {
        let raw = self.column(Column::KindStatus)?.unwrap_or_default();
        if raw.len() != self.rows {
            return Err(Damaged("kinds do not cover the rows"));
        }
        raw.into_iter()
            .map(|byte| {
                let kind = SpanKind::ALL.get(usize::from(byte & 7));
                let status = SpanStatus::ALL.get(usize::from(byte >> 3));
                Ok((
                    *kind.ok_or(Damaged("an unknown kind"))?,
                    *status.ok_or(Damaged("an unknown status"))?,
                ))
            })
            .collect()
    }

    fn resources(&self, texts: usize) -> Result<Vec<Resource>, Damaged> {
        let raw = self.column(Column::Resources)?.unwrap_or_default();
        let mut bytes = Reader::new(&raw);
        let code = |bytes: &mut Reader<'_>| match bytes.code()? {
            code if (code as usize) < texts => Ok(code),
            _ => Err(Damaged("a code has no text")),
        };
        let mut resources = Vec::new();
        for _ in 0..bytes.size()? {
            let service = code(&mut bytes)?;
            let mut fields = Vec::new();
            for _ in 0..bytes.size()? {
                fields.push((code(&mut bytes)?, code(&mut bytes)?));
            }
            resources.push(Resource { service, fields });
        }
        Ok(resources)
    }

    /// Ids of the spans and of their parents.
    pub(crate) fn ids(
        &self,
        traces: &[(TraceId, Range<usize>)],
    ) -> Result<(Vec<SpanId>, Vec<Option<SpanId>>), Damaged> {
        let raw = self.column(Column::SpanId)?.unwrap_or_default();
        let (ids, rest) = raw.as_chunks::<8>();
        if ids.len() != self.rows || !rest.is_empty() {
            return Err(Damaged("ids do not cover the rows"));
        }
        let raw = self.column(Column::Parent)?.unwrap_or_default();
        let foreign = self.column(Column::ParentId)?.unwrap_or_default();
        let (mut bytes, mut foreign) = (Reader::new(&raw), Reader::new(&foreign));
        let mut parents = Vec::with_capacity(ids.len());
        for row in traces.iter().flat_map(|(_, rows)| rows.clone()) {
            parents.push(match bytes.varint()? {
                0 => None,
                1 => Some(foreign.array()?),
                code => {
                    let back = unzigzag(code - 2);
                    let at = (row as i64).wrapping_sub(back);
                    let id = usize::try_from(at).ok().and_then(|at| ids.get(at));
                    Some(*id.ok_or(Damaged("a parent has no row"))?)
                }
            });
        }
        Ok((ids.to_vec(), parents))
    }

    /// The values of a field that has a column.
    pub(crate) fn field(&self, name: &str) -> Result<Option<Field>, Damaged> {
        let found = self
            .columns
            .iter()
            .find(|(column, of, _)| *column == Column::Field as u8 && *of == name);
        found
            .map(|(.., frame)| Field::decode(&unpack(frame)?, self.rows))
            .transpose()
    }

    /// Fields that have no column, and second values of those that have.
    pub(crate) fn other_fields(&self) -> Result<Vec<Vec<(String, String)>>, Damaged> {
        let Some(raw) = self.column(Column::OtherFields)? else {
            return Ok(Vec::new());
        };
        let rare = self.dictionary(Column::Rare)?;
        let mut bytes = Reader::new(&raw);
        let text = |code: u32| rare.get(code as usize).cloned().unwrap_or_default();
        (0..self.rows)
            .map(|_| {
                let count = bytes.size()?;
                let fields = (0..count).map(|_| Ok((text(bytes.code()?), text(bytes.code()?))));
                fields.collect()
            })
            .collect()
    }

    /// All of the rows `wanted`, as a table.
    pub(crate) fn table(&self, wanted: Range<usize>) -> Result<Table, Damaged> {
        let core = self.core()?;
        let (ids, parents) = self.ids(&core.traces)?;
        let mut reading = Reading {
            segment: self,
            wanted: wanted.start.min(self.rows)..wanted.end.min(self.rows),
            table: Table::default(),
            names: Vec::new(),
            rare: Vec::new(),
        };
        reading.dictionaries(&core)?;
        reading.rows(&core, &ids, &parents)?;
        reading.labels()?;
        reading.fields()?;
        reading.details()?;
        reading.late()?;
        Ok(reading.table)
    }

    /// Rows that arrived late, in order, and by how much.
    pub(crate) fn late(&self) -> Result<Vec<(usize, i64)>, Damaged> {
        arrival::read_late(&self.column(Column::Late)?.unwrap_or_default())
    }

    /// All rows.
    pub(crate) fn whole(&self) -> Result<Table, Damaged> {
        self.table(0..self.rows)
    }
}

struct Reading<'s, 'a> {
    segment: &'s Segment<'a>,
    wanted: Range<usize>,
    table: Table,
    /// Numbers of the table's texts by the segment's codes.
    names: Vec<u32>,
    rare: Vec<u32>,
}

impl Reading<'_, '_> {
    fn dictionaries(&mut self, core: &Core) -> Result<(), Damaged> {
        let texts = &mut self.table.texts;
        self.names = core.texts.iter().map(|text| texts.intern(text)).collect();
        let rare = self.segment.dictionary(Column::Rare)?;
        self.rare = rare.iter().map(|text| texts.intern(text)).collect();
        Ok(())
    }

    fn rows(
        &mut self,
        core: &Core,
        ids: &[SpanId],
        parents: &[Option<SpanId>],
    ) -> Result<(), Damaged> {
        let names = &self.names;
        let name = |code: u32| names[code as usize];
        let resources: Vec<u32> = core
            .resources
            .iter()
            .map(|resource| {
                let fields = resource.fields.iter();
                self.table.resource_of(Resource {
                    service: name(resource.service),
                    fields: fields.map(|(n, v)| (name(*n), name(*v))).collect(),
                })
            })
            .collect();
        for (trace_id, rows) in &core.traces {
            let rows = rows.start.max(self.wanted.start)..rows.end.min(self.wanted.end);
            for at in rows {
                let (kind, status) = core.kinds[at];
                self.table.rows.push(Row {
                    trace_id: *trace_id,
                    span_id: ids[at],
                    parent_id: parents[at],
                    start_ns: core.starts[at],
                    duration_ns: core.durations[at],
                    kind,
                    status,
                    name: name(core.names[at]),
                    status_message: EMPTY,
                    trace_state: EMPTY,
                    scope: EMPTY,
                    resource: resources[core.of_resource[at] as usize],
                    fields: 0..0,
                    events: 0..0,
                    links: 0..0,
                    late_ns: 0,
                });
            }
        }
        Ok(())
    }

    fn labels(&mut self) -> Result<(), Damaged> {
        let skip = self.wanted.start;
        let scopes = self.segment.codes(Column::Scope, self.names.len())?;
        let messages = self.segment.codes(Column::StatusMessage, self.rare.len())?;
        let states = self.segment.codes(Column::TraceState, self.rare.len())?;
        for (row, at) in self.table.rows.iter_mut().zip(skip..) {
            row.scope = self.names[scopes[at] as usize];
            row.status_message = self.rare[messages[at] as usize];
            row.trace_state = self.rare[states[at] as usize];
        }
        Ok(())
    }

    /// Columns and other fields of a row, merged in the order of the names.
    fn fields(&mut self) -> Result<(), Damaged> {
        let mut columns = Vec::new();
        for (column, name, frame) in &self.segment.columns {
            if *column == Column::Field as u8 {
                let field = Field::decode(&unpack(frame)?, self.segment.rows)?;
                columns.push((self.table.texts.intern(name), field));
            }
        }
        let others = self.segment.column(Column::OtherFields)?;
        let others = others.unwrap_or_else(|| vec![0; self.segment.rows]);
        let mut others = Reader::new(&others);
        for at in 0..self.wanted.end {
            let begin = self.table.fields.len();
            let count = others.size()?;
            let rest = (0..count)
                .map(|_| self.field_ids(&mut others))
                .collect::<Result<Vec<_>, _>>()?;
            if at < self.wanted.start {
                continue;
            }
            for (name, field) in &columns {
                if let Some(value) = field.get(at) {
                    let value = self.table.texts.intern(value);
                    self.table.fields.push((*name, value));
                }
            }
            if !rest.is_empty() {
                self.table.fields.extend(rest);
                let texts = &self.table.texts;
                self.table.fields[begin..].sort_by(|a, b| texts.get(a.0).cmp(texts.get(b.0)));
            }
            let range = place(begin)..place(self.table.fields.len());
            self.table.rows[at - self.wanted.start].fields = range;
        }
        Ok(())
    }

    fn field_ids(&self, bytes: &mut Reader<'_>) -> Result<FieldIds, Damaged> {
        Ok((self.rare(bytes)?, self.rare(bytes)?))
    }

    fn rare(&self, bytes: &mut Reader<'_>) -> Result<u32, Damaged> {
        let id = self.rare.get(bytes.code()? as usize);
        id.copied().ok_or(Damaged("a code has no text"))
    }

    fn details(&mut self) -> Result<(), Damaged> {
        let empty = || vec![0; self.segment.rows];
        let events = self.segment.column(Column::Events)?.unwrap_or_else(empty);
        let links = self.segment.column(Column::Links)?.unwrap_or_else(empty);
        let (mut events, mut links) = (Reader::new(&events), Reader::new(&links));
        for at in 0..self.wanted.end {
            let row = at.checked_sub(self.wanted.start);
            let start_ns = row.map_or(0, |row| self.table.rows[row].start_ns);
            let happened = self.events(&mut events, start_ns, row.is_some())?;
            let linked = self.links(&mut links, row.is_some())?;
            if let Some(row) = row {
                self.table.rows[row].events = happened;
                self.table.rows[row].links = linked;
            }
        }
        Ok(())
    }

    /// Reads over them where they are not to be kept.
    fn events(
        &mut self,
        bytes: &mut Reader<'_>,
        start_ns: i64,
        keep: bool,
    ) -> Result<Range<u32>, Damaged> {
        let begin = place(self.table.events.len());
        for _ in 0..bytes.size()? {
            let time_ns = start_ns.wrapping_add(bytes.signed()?);
            let name = self.rare(bytes)?;
            let fields = self.ranged_fields(bytes, keep)?;
            if keep {
                self.table.events.push(Event {
                    time_ns,
                    name,
                    fields,
                });
            }
        }
        Ok(begin..place(self.table.events.len()))
    }

    fn links(&mut self, bytes: &mut Reader<'_>, keep: bool) -> Result<Range<u32>, Damaged> {
        let begin = place(self.table.links.len());
        for _ in 0..bytes.size()? {
            let link = Link {
                trace_id: bytes.array()?,
                span_id: bytes.array()?,
                fields: self.ranged_fields(bytes, keep)?,
            };
            if keep {
                self.table.links.push(link);
            }
        }
        Ok(begin..place(self.table.links.len()))
    }

    fn ranged_fields(&mut self, bytes: &mut Reader<'_>, keep: bool) -> Result<Range<u32>, Damaged> {
        let begin = place(self.table.fields.len());
        for _ in 0..bytes.size()? {
            let ids = self.field_ids(bytes)?;
            if keep {
                self.table.fields.push(ids);
            }
        }
        Ok(begin..place(self.table.fields.len()))
    }

    fn late(&mut self) -> Result<(), Damaged> {
        for (at, late_ns) in self.segment.late()? {
            let row = at.checked_sub(self.wanted.start);
            if let Some(row) = row.and_then(|row| self.table.rows.get_mut(row)) {
                row.late_ns = late_ns;
            }
        }
        Ok(())
    }
}
