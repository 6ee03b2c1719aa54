//! From rows of a table to a segment.

use std::collections::HashSet;
use std::io;

use super::super::bloom::Tokens;
use super::super::frames::Packer;
use super::super::record::StreamView;
use super::super::table::{Dictionary, Row, Table, Values};
use super::super::texts::Texts;
use super::super::tokens;
use super::values::{self, push_hex};
use super::{Column, VERSION};
use crate::telemetry::bytes::{put_bytes, put_signed, put_varint};

/// Fields that at least one row in this many has get a column ...
const FREQUENT: usize = 100;
/// ... if at least so many rows have it.
const FREQUENT_ROWS: usize = 4;
const MOST_FIELD_COLUMNS: usize = 128;

/// A segment and what its row in the database says about it.
#[derive(Debug, Clone)]
pub(in super::super) struct Written {
    pub(in super::super) data: Vec<u8>,
    pub(in super::super) records: usize,
    pub(in super::super) min_time_ns: i64,
    pub(in super::super) max_time_ns: i64,
}

/// Whether a filter over tokens is wanted: small, young segments go without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Bloom {
    Without,
    With,
}

/// Writes segments; keeps what costs to set up.
pub(in super::super) struct Writer {
    packer: Packer,
}

impl Writer {
    pub(in super::super) fn new() -> io::Result<Self> {
        Ok(Self {
            packer: Packer::new()?,
        })
    }

    /// Writes `rows` of `table`, at least one, in their order.
    pub(in super::super) fn write(
        &mut self,
        table: &Table,
        rows: &[u32],
        bloom: Bloom,
    ) -> io::Result<Written> {
        let mut segment = Writing {
            table,
            rows,
            packer: &mut self.packer,
            tokens: (bloom == Bloom::With).then(Tokens::new),
            columns: 0,
            directory: Vec::new(),
            frames: Vec::new(),
        };
        segment.times()?;
        segment.levels()?;
        segment.streams()?;
        segment.positions()?;
        segment.ids()?;
        segment.level_texts()?;
        segment.late()?;
        segment.fields()?;
        segment.bodies()?;
        segment.bloom();
        Ok(segment.finish())
    }
}

struct Writing<'a> {
    table: &'a Table,
    rows: &'a [u32],
    packer: &'a mut Packer,
    tokens: Option<Tokens>,
    columns: u64,
    directory: Vec<u8>,
    frames: Vec<u8>,
}

impl<'a> Writing<'a> {
    fn each(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().map(|row| &self.table.rows[*row as usize])
    }

    fn put(&mut self, column: Column, raw: &[u8]) -> io::Result<()> {
        self.directory.push(column as u8);
        self.frame(raw)
    }

    fn frame(&mut self, raw: &[u8]) -> io::Result<()> {
        let len = self.packer.pack(raw, &mut self.frames)?;
        put_varint(&mut self.directory, len as u64);
        self.columns += 1;
        Ok(())
    }

    fn times(&mut self) -> io::Result<()> {
        let scale = [1_000_000_000, 1_000_000, 1_000]
            .into_iter()
            .find(|scale| self.each().all(|row| row.time_ns % scale == 0))
            .unwrap_or(1);
        let mut raw = Vec::with_capacity(self.rows.len() * 3);
        put_varint(&mut raw, scale.unsigned_abs());
        let mut last = 0i64;
        for row in self.each() {
            let time = row.time_ns / scale;
            put_signed(&mut raw, time.wrapping_sub(last));
            last = time;
        }
        self.put(Column::Time, &raw)
    }

    fn levels(&mut self) -> io::Result<()> {
        let raw: Vec<u8> = self.each().map(|row| row.level as u8).collect();
        self.put(Column::Level, &raw)
    }

    fn streams(&mut self) -> io::Result<()> {
        let codes: Vec<u32> = self.each().map(|row| row.stream).collect();
        if self.tokens.is_some() {
            let used: HashSet<u32> = codes.iter().copied().collect();
            used.into_iter()
                .for_each(|code| self.tokens_of_stream(code));
        }
        let streams = &self.table.streams;
        self.dictionary(streams, codes, Column::Streams, Column::Stream)
    }

    /// A field that is asked for may be the resource's.
    fn tokens_of_stream(&mut self, code: u32) {
        let stream = StreamView::read(self.table.streams.texts.get(code as usize));
        if let (Ok(stream), Some(tokens)) = (stream, &mut self.tokens) {
            let values = stream.fields.iter().map(|(_, value)| *value);
            for text in values.chain([stream.service]) {
                tokens::hash_each(text.as_bytes(), |hash| tokens.add(hash));
            }
        }
    }

    fn level_texts(&mut self) -> io::Result<()> {
        let texts = &self.table.level_texts;
        let codes: Vec<u32> = self.each().map(|row| row.level_text).collect();
        if codes
            .iter()
            .all(|code| texts.texts.get(*code as usize).is_empty())
        {
            return Ok(());
        }
        self.dictionary(texts, codes, Column::LevelTexts, Column::LevelText)
    }

    /// Those texts of a dictionary that are in use, and a code per row.
    fn dictionary(
        &mut self,
        dictionary: &Dictionary,
        mut codes: Vec<u32>,
        texts: Column,
        column: Column,
    ) -> io::Result<()> {
        let mut used = Texts::default();
        let mut renamed = vec![u32::MAX; dictionary.texts.len()];
        for code in &mut codes {
            let renamed = &mut renamed[*code as usize];
            if *renamed == u32::MAX {
                *renamed = used.len() as u32;
                used.push(dictionary.texts.get(*code as usize));
            }
            *code = *renamed;
        }
        let mut raw = Vec::new();
        used.encode(&mut raw);
        self.put(texts, &raw)?;
        raw.clear();
        values::put_codes(&mut raw, &codes, used.len());
        self.put(column, &raw)
    }

    fn positions(&mut self) -> io::Result<()> {
        let mut raw = Vec::with_capacity(self.rows.len() * 2);
        let (mut offset, mut index) = (0i64, 0i64);
        for row in self.each() {
            put_signed(&mut raw, row.offset.wrapping_sub(offset));
            let before = if row.offset == offset { index } else { 0 };
            put_signed(&mut raw, i64::from(row.index) - before);
            (offset, index) = (row.offset, row.index.into());
        }
        self.put(Column::Position, &raw)
    }

    fn ids(&mut self) -> io::Result<()> {
        let trace_ids: Vec<_> = self.each().map(|row| row.trace_id).collect();
        self.optional(Column::TraceId, &trace_ids)?;
        let span_ids: Vec<_> = self.each().map(|row| row.span_id).collect();
        self.optional(Column::SpanId, &span_ids)
    }

    fn optional<const N: usize>(
        &mut self,
        column: Column,
        ids: &[Option<[u8; N]>],
    ) -> io::Result<()> {
        if ids.iter().all(Option::is_none) {
            return Ok(());
        }
        let mut raw = Vec::with_capacity(ids.len() * N + ids.len() / 8 + 1);
        put_presence(&mut raw, ids.iter().map(Option::is_some), ids.len());
        ids.iter()
            .flatten()
            .for_each(|id| raw.extend_from_slice(id));
        if let Some(tokens) = &mut self.tokens {
            let mut text = Vec::with_capacity(2 * N);
            for id in ids.iter().flatten() {
                text.clear();
                push_hex(id, &mut text);
                tokens::hash_each(&text, |hash| tokens.add(hash));
            }
        }
        self.put(column, &raw)
    }

    fn late(&mut self) -> io::Result<()> {
        let mut raw = Vec::new();
        let mut last = 0;
        for (at, row) in self.each().enumerate() {
            if row.late_ns != 0 {
                put_varint(&mut raw, at as u64 - last);
                put_varint(&mut raw, row.late_ns as u64);
                last = at as u64;
            }
        }
        match raw.is_empty() {
            true => Ok(()),
            false => self.put(Column::Late, &raw),
        }
    }

    fn fields(&mut self) -> io::Result<()> {
        let columns = self.columns_of_fields();
        let least = FREQUENT_ROWS.max(self.rows.len() / FREQUENT);
        let mut own: Vec<_> = columns.iter().filter(|c| c.rows.len() >= least).collect();
        // A segment of a few rows keeps the fields that all of them have together.
        own.sort_by_key(|column| std::cmp::Reverse(column.rows.len()));
        own.truncate(MOST_FIELD_COLUMNS);
        let named: HashSet<&str> = own.iter().map(|column| column.name).collect();
        for column in &own {
            let mut raw = Vec::new();
            put_rows(&mut raw, &column.rows, self.rows.len());
            self.tell_tokens(values::encode(&column.values, &mut raw), &column.values);
            self.directory.push(Column::Field as u8);
            put_bytes(&mut self.directory, column.name.as_bytes());
            self.frame(&raw)?;
        }
        let mut raw = Vec::new();
        for column in columns.iter().filter(|c| !named.contains(c.name)) {
            put_bytes(&mut raw, column.name.as_bytes());
            put_varint(&mut raw, column.rows.len() as u64);
            let mut last = 0;
            for row in &column.rows {
                put_varint(&mut raw, u64::from(row - last));
                last = *row;
            }
            self.tell_tokens(values::encode(&column.values, &mut raw), &column.values);
        }
        match raw.is_empty() {
            true => Ok(()),
            false => self.put(Column::OtherFields, &raw),
        }
    }

    fn tell_tokens(&mut self, distinct: Option<Vec<&[u8]>>, values: &[&[u8]]) {
        if let Some(tokens) = &mut self.tokens {
            for value in distinct.as_deref().unwrap_or(values) {
                tokens::hash_each(value, |hash| tokens.add(hash));
            }
        }
    }

    /// The fields of the wanted rows, in the order of the segment.
    fn columns_of_fields(&self) -> Vec<FieldValues<'a>> {
        let mut place = vec![u32::MAX; self.table.rows.len()];
        for (at, row) in self.rows.iter().enumerate() {
            place[*row as usize] = at as u32;
        }
        let in_order = self.rows.is_sorted();
        let fields = self.table.fields.iter();
        fields
            .map(|(name, values)| FieldValues::of(name, values, &place, in_order))
            .filter(|column| !column.rows.is_empty())
            .collect()
    }

    fn bodies(&mut self) -> io::Result<()> {
        let bodies = &self.table.bodies;
        let mut lengths = Vec::with_capacity(self.rows.len() * 2);
        let mut texts = Vec::with_capacity(bodies.bytes.len());
        for row in self.rows {
            let body = bodies.get(*row as usize);
            put_varint(&mut lengths, body.len() as u64);
            texts.extend_from_slice(body);
            if let Some(tokens) = &mut self.tokens {
                tokens::hash_each(body, |hash| tokens.add(hash));
            }
        }
        self.put(Column::BodyLength, &lengths)?;
        self.put(Column::Body, &texts)
    }

    /// Last, as it is: single bytes of it are read where it lies.
    fn bloom(&mut self) {
        if let Some(tokens) = &self.tokens {
            let filter = tokens.filter();
            self.directory.push(Column::Bloom as u8);
            put_varint(&mut self.directory, filter.len() as u64);
            self.frames.extend_from_slice(&filter);
            self.columns += 1;
        }
    }

    fn finish(self) -> Written {
        let mut directory = Vec::with_capacity(self.directory.len() + 8);
        put_varint(&mut directory, VERSION);
        put_varint(&mut directory, self.rows.len() as u64);
        put_varint(&mut directory, self.columns);
        directory.extend_from_slice(&self.directory);
        let mut data = Vec::with_capacity(directory.len() + self.frames.len() + 4);
        put_bytes(&mut data, &directory);
        data.extend_from_slice(&self.frames);
        let times = || self.each().map(|row| row.time_ns);
        Written {
            data,
            records: self.rows.len(),
            min_time_ns: times().min().unwrap_or(0),
            max_time_ns: times().max().unwrap_or(0),
        }
    }
}

struct FieldValues<'a> {
    name: &'a str,
    rows: Vec<u32>,
    values: Vec<&'a [u8]>,
}

impl<'a> FieldValues<'a> {
    fn of(name: &'a str, values: &'a Values, place: &[u32], in_order: bool) -> Self {
        let mut found: Vec<(u32, &[u8])> = values
            .rows
            .iter()
            .zip(values.texts.iter())
            .map(|(row, value)| (place[*row as usize], value))
            .filter(|(at, _)| *at != u32::MAX)
            .collect();
        if !in_order {
            found.sort_unstable_by_key(|(at, _)| *at);
        }
        let (rows, values) = found.into_iter().unzip();
        Self { name, rows, values }
    }
}

/// 1 where all are present, else 0 and a bit for each.
fn put_presence(out: &mut Vec<u8>, present: impl Iterator<Item = bool> + Clone, count: usize) {
    if present.clone().all(|is| is) {
        out.push(1);
        return;
    }
    out.push(0);
    let begin = out.len();
    out.resize(begin + count.div_ceil(8), 0);
    for (at, _) in present.enumerate().filter(|(_, is)| *is) {
        out[begin + at / 8] |= 1 << (at % 8);
    }
}

/// The same, from the rows that are present.
fn put_rows(out: &mut Vec<u8>, rows: &[u32], count: usize) {
    if rows.len() == count {
        out.push(1);
        return;
    }
    out.push(0);
    let begin = out.len();
    out.resize(begin + count.div_ceil(8), 0);
    for row in rows {
        out[begin + *row as usize / 8] |= 1 << (row % 8);
    }
}
