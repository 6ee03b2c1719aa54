//! From a table to a segment.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::super::bloom;
use super::super::bytes::put_text;
use super::super::numbers::NumberMap;
use super::super::table::{FieldIds, Row, Table};
use super::super::tags;
use super::super::texts::{EMPTY, Texts};
use super::fields::{self, put_texts};
use super::{Column, VERSION};
use crate::telemetry::bytes::{put_column, put_signed, put_varint, zigzag};

/// Fields that at least one row in this many has get a column.
const FREQUENT: usize = 100;
/// ... and at least so many rows.
const FREQUENT_ROWS: usize = 4;
const MOST_FIELD_COLUMNS: usize = 128;

/// A segment and what its row in the database says about it.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) data: Vec<u8>,
    pub(crate) trace_bloom: Vec<u8>,
    pub(crate) token_bloom: Vec<u8>,
    pub(crate) spans: usize,
    pub(crate) min_start_ns: i64,
    pub(crate) max_start_ns: i64,
}

/// Whether filters are wanted: what compaction will write again goes without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blooms {
    Without,
    With,
}

/// Writes an arranged table that has rows.
pub(crate) fn write(table: &Table, blooms: Blooms) -> Written {
    let starts = || table.rows.iter().map(|row| row.start_ns);
    let mut writer = Writer {
        table,
        names: Codes::default(),
        rare: Codes::default(),
        columns: Vec::new(),
    };
    writer.ids();
    writer.times();
    writer.labels();
    writer.fields();
    writer.details();
    writer.dictionaries();
    Written {
        data: writer.finish(),
        trace_bloom: wanted(blooms, table, trace_bloom),
        token_bloom: wanted(blooms, table, token_bloom),
        spans: table.rows.len(),
        min_start_ns: starts().min().unwrap_or(0),
        max_start_ns: starts().max().unwrap_or(0),
    }
}

/// Numbers that a segment gives to texts, in the order of their use.
#[derive(Debug, Default)]
struct Codes {
    known: NumberMap<u32, u64>,
    ids: Vec<u32>,
}

impl Codes {
    /// 0 is the empty text.
    fn of(&mut self, id: u32) -> u64 {
        if id == EMPTY {
            return 0;
        }
        *self.known.entry(id).or_insert_with(|| {
            self.ids.push(id);
            self.ids.len() as u64
        })
    }

    fn encode(&self, texts: &Texts) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.ids.len() as u64);
        put_texts(&mut out, self.ids.iter().copied(), texts);
        out
    }
}

struct Writer<'a> {
    table: &'a Table,
    names: Codes,
    rare: Codes,
    columns: Vec<(Column, Option<u32>, Vec<u8>)>,
}

impl Writer<'_> {
    fn put(&mut self, column: Column, raw: Vec<u8>) {
        self.columns.push((column, None, raw));
    }

    /// Leaves the column out where all its codes are 0.
    fn put_codes(&mut self, column: Column, codes: Vec<u64>) {
        if codes.iter().any(|code| *code != 0) {
            let mut raw = Vec::with_capacity(codes.len());
            codes.iter().for_each(|code| put_varint(&mut raw, *code));
            self.put(column, raw);
        }
    }

    fn ids(&mut self) {
        let rows = &self.table.rows;
        let (mut traces, mut parents, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        for run in traces_of(rows) {
            let trace = &rows[run.clone()];
            traces.extend_from_slice(&trace[0].trace_id);
            put_varint(&mut traces, trace.len() as u64);
            let mut places = HashMap::with_capacity(trace.len());
            for (at, row) in trace.iter().enumerate() {
                places.entry(row.span_id).or_insert(at);
            }
            for (at, row) in trace.iter().enumerate() {
                let Some(parent) = row.parent_id else {
                    put_varint(&mut parents, 0);
                    continue;
                };
                match places.get(&parent) {
                    Some(of) => put_varint(&mut parents, 2 + zigzag(at as i64 - *of as i64)),
                    None => {
                        put_varint(&mut parents, 1);
                        foreign.extend_from_slice(&parent);
                    }
                }
            }
        }
        let span_ids = rows.iter().flat_map(|row| row.span_id).collect();
        self.put(Column::TraceId, traces);
        self.put(Column::SpanId, span_ids);
        self.put(Column::Parent, parents);
        if !foreign.is_empty() {
            self.put(Column::ParentId, foreign);
        }
    }

    fn times(&mut self) {
        let rows = &self.table.rows;
        let scale = scale_of(rows.iter().map(|row| row.start_ns));
        let mut starts = Vec::new();
        put_varint(&mut starts, scale as u64);
        let mut trace_start = 0i64;
        for run in traces_of(rows) {
            let mut last = trace_start;
            trace_start = rows[run.start].start_ns / scale;
            for row in &rows[run] {
                let start = row.start_ns / scale;
                put_signed(&mut starts, start.wrapping_sub(last));
                last = start;
            }
        }
        let scale = scale_of(rows.iter().map(|row| row.duration_ns));
        let mut durations = Vec::new();
        put_varint(&mut durations, scale as u64);
        for row in rows {
            put_varint(&mut durations, (row.duration_ns / scale) as u64);
        }
        self.put(Column::Start, starts);
        self.put(Column::Duration, durations);
    }

    fn labels(&mut self) {
        let table = self.table;
        let kinds = table.rows.iter();
        let kinds = kinds.map(|row| row.kind as u8 | (row.status as u8) << 3);
        self.put(Column::KindStatus, kinds.collect());
        let names = table.rows.iter().map(|row| self.names.of(row.name));
        let names = names.collect();
        self.put_codes(Column::Name, names);
        self.resources();
        let scopes = table.rows.iter().map(|row| self.names.of(row.scope));
        let scopes = scopes.collect();
        self.put_codes(Column::Scope, scopes);
        let messages = table
            .rows
            .iter()
            .map(|row| self.rare.of(row.status_message));
        let messages = messages.collect();
        self.put_codes(Column::StatusMessage, messages);
        let states = table.rows.iter().map(|row| self.rare.of(row.trace_state));
        let states = states.collect();
        self.put_codes(Column::TraceState, states);
    }

    /// Those in use, numbered in the order of their use.
    fn resources(&mut self) {
        let table = self.table;
        let mut used = Vec::new();
        let mut places = NumberMap::default();
        let codes = table.rows.iter().map(|row| {
            *places.entry(row.resource).or_insert_with(|| {
                used.push(row.resource);
                used.len() as u64 - 1
            })
        });
        let codes: Vec<_> = codes.collect();
        let mut raw = Vec::new();
        put_varint(&mut raw, used.len() as u64);
        for at in used {
            let resource = &table.resources[at as usize];
            put_varint(&mut raw, self.names.of(resource.service));
            put_varint(&mut raw, resource.fields.len() as u64);
            for (name, value) in &resource.fields {
                put_varint(&mut raw, self.names.of(*name));
                put_varint(&mut raw, self.names.of(*value));
            }
        }
        self.put(Column::Resources, raw);
        self.put_codes(Column::Resource, codes);
    }

    fn fields(&mut self) {
        let table = self.table;
        let frequent = frequent(table);
        let mut columns = vec![vec![None; table.rows.len()]; frequent.len()];
        let places: NumberMap<u32, usize> = frequent.iter().copied().zip(0..).collect();
        let mut others = Vec::new();
        for (at, row) in table.rows.iter().enumerate() {
            let mut rest: Vec<&FieldIds> = Vec::new();
            for field in table.fields_at(&row.fields) {
                // A name that a span has twice stands among the others again.
                let cell = places
                    .get(&field.0)
                    .map(|column| &mut columns[*column][at])
                    .filter(|cell| cell.is_none());
                match cell {
                    Some(cell) => *cell = Some(field.1),
                    None => rest.push(field),
                }
            }
            put_varint(&mut others, rest.len() as u64);
            for (name, value) in rest {
                put_varint(&mut others, self.rare.of(*name));
                put_varint(&mut others, self.rare.of(*value));
            }
        }
        for (name, values) in frequent.into_iter().zip(columns) {
            let raw = fields::encode(&values, &table.texts);
            self.columns.push((Column::Field, Some(name), raw));
        }
        if others.iter().any(|byte| *byte != 0) {
            self.put(Column::OtherFields, others);
        }
    }

    fn details(&mut self) {
        let table = self.table;
        let (mut events, mut links, mut late) = (Vec::new(), Vec::new(), Vec::new());
        let mut last_late = 0;
        for (at, row) in table.rows.iter().enumerate() {
            put_varint(&mut events, row.events.len() as u64);
            for event in table.events_at(&row.events) {
                put_signed(&mut events, event.time_ns.wrapping_sub(row.start_ns));
                put_varint(&mut events, self.rare.of(event.name));
                self.put_fields(&mut events, &event.fields);
            }
            put_varint(&mut links, row.links.len() as u64);
            for link in table.links_at(&row.links) {
                links.extend_from_slice(&link.trace_id);
                links.extend_from_slice(&link.span_id);
                self.put_fields(&mut links, &link.fields);
            }
            if row.late_ns != 0 {
                put_varint(&mut late, (at - last_late) as u64);
                put_varint(&mut late, row.late_ns as u64);
                last_late = at;
            }
        }
        for (column, raw) in [(Column::Events, events), (Column::Links, links)] {
            if raw.iter().any(|byte| *byte != 0) {
                self.put(column, raw);
            }
        }
        if !late.is_empty() {
            self.put(Column::Late, late);
        }
    }

    fn put_fields(&mut self, out: &mut Vec<u8>, fields: &Range<u32>) {
        put_varint(out, fields.len() as u64);
        for (name, value) in self.table.fields_at(fields) {
            put_varint(out, self.rare.of(*name));
            put_varint(out, self.rare.of(*value));
        }
    }

    /// Last, when all codes are given.
    fn dictionaries(&mut self) {
        let names = self.names.encode(&self.table.texts);
        self.put(Column::Names, names);
        if !self.rare.ids.is_empty() {
            let rare = self.rare.encode(&self.table.texts);
            self.put(Column::Rare, rare);
        }
    }

    fn finish(self) -> Vec<u8> {
        let mut head = Vec::new();
        let mut body = Vec::new();
        put_varint(&mut head, VERSION);
        put_varint(&mut head, self.table.rows.len() as u64);
        put_varint(&mut head, self.columns.len() as u64);
        for (column, name, raw) in &self.columns {
            let begin = body.len();
            put_column(&mut body, raw);
            head.push(*column as u8);
            if let Some(name) = name {
                put_text(&mut head, self.table.texts.get(*name));
            }
            put_varint(&mut head, (body.len() - begin) as u64);
        }
        head.extend_from_slice(&body);
        head
    }
}

/// Runs of rows of one trace.
fn traces_of(rows: &[Row]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    rows.chunk_by(|a, b| a.trace_id == b.trace_id)
        .map(move |run| {
            at += run.len();
            at - run.len()..at
        })
}

/// The coarsest unit in which all values are whole.
fn scale_of(values: impl Iterator<Item = i64> + Clone) -> i64 {
    let whole = |scale: &i64| values.clone().all(|value| value % scale == 0);
    let scales = [1_000_000_000, 1_000_000, 1_000];
    scales.into_iter().find(whole).unwrap_or(1)
}

/// Names of fields that get a column, in the order of the names.
fn frequent(table: &Table) -> Vec<u32> {
    let mut counts: NumberMap<u32, usize> = NumberMap::default();
    for row in &table.rows {
        for (name, _) in table.fields_at(&row.fields) {
            *counts.entry(*name).or_default() += 1;
        }
    }
    let least = (table.rows.len() / FREQUENT).max(FREQUENT_ROWS);
    let name = |id: u32| table.texts.get(id);
    let mut found: Vec<_> = counts.into_iter().filter(|(_, n)| *n >= least).collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| name(a.0).cmp(name(b.0))));
    found.truncate(MOST_FIELD_COLUMNS);
    let mut names: Vec<_> = found.into_iter().map(|(id, _)| id).collect();
    names.sort_by(|a, b| name(*a).cmp(name(*b)));
    names
}

fn wanted(blooms: Blooms, table: &Table, bloom: fn(&Table) -> Vec<u8>) -> Vec<u8> {
    match blooms {
        Blooms::With => bloom(table),
        Blooms::Without => Vec::new(),
    }
}

fn trace_bloom(table: &Table) -> Vec<u8> {
    let keys: Vec<_> = traces_of(&table.rows)
        .map(|run| bloom::trace_key(&table.rows[run.start].trace_id))
        .collect();
    bloom::build(keys.into_iter())
}

fn token_bloom(table: &Table) -> Vec<u8> {
    let text = |id: u32| table.texts.get(id);
    let mut pairs = NumberMap::<u64, FieldIds>::default();
    let (mut names, mut resources) = (BTreeSet::new(), BTreeSet::new());
    let (mut scopes, mut messages) = (BTreeSet::new(), BTreeSet::new());
    let (mut states, mut events) = (BTreeSet::new(), BTreeSet::new());
    let mut see = |fields: &[FieldIds]| {
        for ids in fields {
            pairs.insert(u64::from(ids.0) << 32 | u64::from(ids.1), *ids);
        }
    };
    for row in &table.rows {
        names.insert(row.name);
        resources.insert(row.resource);
        see(table.fields_at(&row.fields));
        scopes.insert(row.scope);
        messages.insert(row.status_message);
        states.insert(row.trace_state);
        for event in table.events_at(&row.events) {
            events.insert(event.name);
            see(table.fields_at(&event.fields));
        }
    }
    let mut keys = BTreeSet::new();
    for at in resources {
        let resource = &table.resources[at as usize];
        keys.insert(bloom::service_key(text(resource.service)));
        see(&resource.fields);
    }
    keys.extend(names.into_iter().map(|id| bloom::operation_key(text(id))));
    let field = |ids: FieldIds| bloom::field_key(text(ids.0), text(ids.1));
    keys.extend(pairs.into_values().map(field));
    for (name, told) in [
        (tags::SCOPE, scopes),
        (tags::STATUS_MESSAGE, messages),
        (tags::TRACE_STATE, states),
        (tags::EVENT, events),
    ] {
        let told = told.into_iter().filter(|id| *id != EMPTY);
        keys.extend(told.map(|id| bloom::field_key(name, text(id))));
    }
    bloom::build(keys.into_iter())
}
