//! Records of one project and partition in memory, as columns: what a flush
//! gathers, what compaction merges, and what a query has read.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use protocols::logs::{Level, LogRecord, Stream};

use super::texts::Texts;
use crate::telemetry::arrival::late_ns;
use crate::telemetry::bytes::{put_bytes, put_varint};

pub(super) type Hashed<K, V> = HashMap<K, V, BuildHasherDefault<Xxh>>;

/// xxh3 for the many short keys of a flush.
#[derive(Default)]
pub(super) struct Xxh(u64);

impl Hasher for Xxh {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxhash_rust::xxh3::xxh3_64_with_seed(bytes, self.0);
    }
}

/// What a record has besides texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) time_ns: i64,
    /// By how much it arrived late; 0 where it did not.
    pub(super) late_ns: i64,
    /// Log position: record of the partition, and item of its body.
    pub(super) offset: i64,
    pub(super) index: u32,
    pub(super) level: Level,
    /// Codes of `streams` and `level_texts`.
    pub(super) stream: u32,
    pub(super) level_text: u32,
    pub(super) trace_id: Option<[u8; 16]>,
    pub(super) span_id: Option<[u8; 8]>,
}

impl Row {
    /// The order of everything: by time, then by position.
    pub(super) fn order(&self) -> (i64, i64, u32) {
        (self.time_ns, self.offset, self.index)
    }
}

/// The values of one field, for the rows that have it, in ascending order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Values {
    pub(super) rows: Vec<u32>,
    pub(super) texts: Texts,
}

impl Values {
    pub(super) fn push(&mut self, row: u32, value: &[u8]) {
        // The first of several wins.
        if self.rows.last() != Some(&row) {
            self.rows.push(row);
            self.texts.push(value);
        }
    }

    pub(super) fn get(&self, row: usize) -> Option<&str> {
        let at = self.rows.binary_search(&(row as u32)).ok()?;
        Some(self.texts.str(at))
    }
}

/// Texts by number.
#[derive(Debug, Clone, Default)]
pub(super) struct Dictionary {
    known: Hashed<Box<[u8]>, u32>,
    pub(super) texts: Texts,
}

impl Dictionary {
    pub(super) fn code(&mut self, text: &[u8]) -> u32 {
        if let Some(code) = self.known.get(text) {
            return *code;
        }
        let code = self.texts.len() as u32;
        self.known.insert(text.into(), code);
        self.texts.push(text);
        code
    }
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    pub(super) bodies: Texts,
    /// Streams as [`encode_stream`] writes them.
    pub(super) streams: Dictionary,
    pub(super) level_texts: Dictionary,
    names: Hashed<Box<str>, usize>,
    /// Fields in the order of their first appearance.
    pub(super) fields: Vec<(Box<str>, Values)>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// About how much text it holds.
    pub(super) fn bytes(&self) -> usize {
        let fields = self
            .fields
            .iter()
            .map(|(_, values)| values.texts.bytes.len());
        self.bodies.bytes.len() + fields.sum::<usize>()
    }

    /// The code of a stream for [`Self::push`].
    pub(super) fn stream(&mut self, stream: &Stream<'_>) -> u32 {
        let encoded = encode_stream(stream);
        self.streams.code(&encoded)
    }

    pub(super) fn push(&mut self, stream: u32, record: &LogRecord<'_>, arrival: Arrival) {
        let row = self.rows.len() as u32;
        self.rows.push(Row {
            time_ns: record.time_ns,
            late_ns: late_ns(record.time_ns, arrival.received_ns),
            offset: arrival.offset,
            index: arrival.index,
            level: record.level,
            stream,
            level_text: self.level_texts.code(record.level_text.as_bytes()),
            trace_id: record.trace_id,
            span_id: record.span_id,
        });
        self.bodies.push(record.body.as_bytes());
        let mut expected = 0;
        for (name, value) in &record.fields {
            let at = self.field(name, expected);
            self.fields[at].1.push(row, value.as_bytes());
            expected = at + 1;
        }
    }

    /// The place of a field. Records of one sender have the same fields in the same
    /// order, so the place after the last one found is looked at first.
    pub(super) fn field(&mut self, name: &str, expected: usize) -> usize {
        if self
            .fields
            .get(expected)
            .is_some_and(|(known, _)| **known == *name)
        {
            return expected;
        }
        if let Some(at) = self.names.get(name) {
            return *at;
        }
        let at = self.fields.len();
        self.names.insert(name.into(), at);
        self.fields.push((name.into(), Values::default()));
        at
    }

    /// The rows in the order of time and position.
    pub(super) fn sorted(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.rows.len() as u32).collect();
        order.sort_unstable_by_key(|row| self.rows[*row as usize].order());
        order
    }
}

/// When and where a record arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) received_ns: i64,
    pub(super) offset: i64,
    pub(super) index: u32,
}

/// Service, then fields sorted by name, the first of equal names.
fn encode_stream(stream: &Stream<'_>) -> Vec<u8> {
    let mut fields: Vec<(&str, &str)> = stream.fields.iter().map(|(n, v)| (&**n, &**v)).collect();
    fields.sort_by_key(|(name, _)| *name);
    fields.dedup_by_key(|(name, _)| *name);
    let mut out = Vec::new();
    put_bytes(&mut out, stream.service.as_bytes());
    put_varint(&mut out, fields.len() as u64);
    for (name, value) in fields {
        put_bytes(&mut out, name.as_bytes());
        put_bytes(&mut out, value.as_bytes());
    }
    out
}
