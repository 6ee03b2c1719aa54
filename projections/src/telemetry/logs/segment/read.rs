//! From a segment to columns and tables.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use protocols::logs::Level;

use super::super::bloom;
use super::super::frames::unpack;
use super::super::table::{Row, Table, Values};
use super::super::texts::{Borrowed, Texts, lengths};
use super::present::Present;
use super::values::{self, Decoded};
use super::{Column, VERSION};
use crate::telemetry::bytes::{Damaged, Reader};

/// One row in so many is few.
const FEW: usize = 16;
/// No segment has more.
const MAX_ROWS: usize = 1 << 24;

/// Which columns a segment has, and where their frames lie in its data.
#[derive(Debug, Clone)]
pub(in super::super) struct Directory {
    rows: usize,
    entries: Vec<Entry>,
}

/// Where a filter over tokens lies, and how many probes it was written with.
#[derive(Debug, Clone)]
pub(in super::super) struct BloomFrame {
    pub(in super::super) frame: Range<usize>,
    pub(in super::super) probes: i16,
}

#[derive(Debug, Clone)]
struct Entry {
    column: Column,
    /// A field's name.
    field: Option<String>,
    frame: Range<usize>,
}

impl Directory {
    /// Reads the beginning of a segment's data.
    pub(in super::super) fn read(data: &[u8]) -> Result<Self, Damaged> {
        let mut outer = Reader::new(data);
        let mut bytes = Reader::new(outer.bytes()?);
        let mut at = data.len() - outer.rest().len();
        if bytes.varint()? != VERSION {
            return Err(Damaged("another version wrote it"));
        }
        let rows = bytes.size()?;
        if rows > MAX_ROWS {
            return Err(Damaged("too many rows"));
        }
        let mut entries = Vec::new();
        for _ in 0..bytes.size()? {
            let column = Column::of(bytes.byte()?).ok_or(Damaged("an unknown column"))?;
            let field = match column {
                Column::Field => Some(bytes.text()?.to_owned()),
                _ => None,
            };
            let len = bytes.size()?;
            let end = at.checked_add(len).ok_or(Damaged("a frame is too long"))?;
            entries.push(Entry {
                column,
                field,
                frame: at..end,
            });
            at = end;
        }
        Ok(Self { rows, entries })
    }

    /// The filter over tokens; None where there is none.
    pub(in super::super) fn bloom(&self) -> Option<BloomFrame> {
        self.entries.iter().find_map(|entry| {
            let probes = match entry.column {
                Column::FirstBloom => bloom::FIRST_PROBES,
                Column::Bloom => bloom::PROBES,
                _ => return None,
            };
            let frame = entry.frame.clone();
            Some(BloomFrame { frame, probes })
        })
    }

    /// How much of a segment's data is its directory.
    pub(in super::super) fn len_in(data: &[u8]) -> Result<usize, Damaged> {
        let mut bytes = Reader::new(data);
        bytes.bytes()?;
        Ok(data.len() - bytes.rest().len())
    }

    /// Where the frames of these lie: of plain columns, and of named fields.
    pub(in super::super) fn frames(
        &self,
        columns: &[Column],
        fields: &[&str],
    ) -> Vec<Range<usize>> {
        let wanted = |entry: &&Entry| match &entry.field {
            Some(name) => fields.contains(&name.as_str()),
            None => columns.contains(&entry.column),
        };
        let found = self.entries.iter().filter(wanted);
        found.map(|entry| entry.frame.clone()).collect()
    }
}

/// The bytes of a segment: all of them, or the frames that were fetched by where
/// they begin.
#[derive(Debug, Clone)]
enum Frames<'a> {
    Whole(Cow<'a, [u8]>),
    Some(BTreeMap<usize, Vec<u8>>),
}

/// A segment that can be asked for its columns.
#[derive(Debug, Clone)]
pub(in super::super) struct Segment<'a> {
    directory: Directory,
    frames: Frames<'a>,
    /// Columns that were unpacked, where they are kept for a second look.
    kept: Option<Kept>,
}

#[derive(Debug, Clone, Default)]
struct Kept {
    columns: Vec<OnceLock<Vec<u8>>>,
    times: OnceLock<Vec<i64>>,
    positions: OnceLock<Vec<(i64, u32)>>,
}

/// A field's values: which rows have it (all where None), and what they are.
#[derive(Debug, Clone)]
pub(in super::super) struct FieldColumn {
    pub(in super::super) rows: Option<Vec<u32>>,
    pub(in super::super) values: Decoded,
}

impl FieldColumn {
    /// Calls `take` with each row that has it, and its value.
    pub(in super::super) fn each(&self, mut take: impl FnMut(u32, &[u8])) {
        self.each_code(|row, code| take(row, self.values.texts.get(code)));
    }

    /// The same with the number of its text.
    pub(in super::super) fn each_code(&self, mut take: impl FnMut(u32, usize)) {
        let Decoded { texts, codes } = &self.values;
        let count = codes.as_ref().map_or(texts.len(), Vec::len);
        for at in 0..count {
            let row = self.rows.as_ref().map_or(at as u32, |rows| rows[at]);
            take(row, codes.as_ref().map_or(at, |codes| codes[at] as usize));
        }
    }
}

impl<'a> Segment<'a> {
    pub(in super::super) fn open(data: impl Into<Cow<'a, [u8]>>) -> Result<Self, Damaged> {
        let data = data.into();
        Ok(Self {
            directory: Directory::read(&data)?,
            frames: Frames::Whole(data),
            kept: None,
        })
    }

    pub(in super::super) fn partial(
        directory: Directory,
        frames: BTreeMap<usize, Vec<u8>>,
    ) -> Self {
        Self {
            directory,
            frames: Frames::Some(frames),
            kept: None,
        }
    }

    /// Unpacks each column once, for who looks at it more than once.
    pub(in super::super) fn keeping_columns(self) -> Self {
        let columns = self.directory.entries.len();
        Self {
            kept: Some(Kept {
                columns: vec![OnceLock::new(); columns],
                ..Kept::default()
            }),
            ..self
        }
    }

    /// Whether all of its columns are at hand.
    pub(in super::super) fn is_whole(&self) -> bool {
        matches!(self.frames, Frames::Whole(_))
    }

    pub(in super::super) fn len(&self) -> usize {
        self.directory.rows
    }

    pub(in super::super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// A column's content; None where the segment has no such column.
    fn column(&self, column: Column) -> Result<Option<Cow<'_, [u8]>>, Damaged> {
        let mut entries = self.directory.entries.iter();
        match entries.position(|entry| entry.column == column) {
            Some(at) => self.unpacked(at).map(Some),
            None => Ok(None),
        }
    }

    fn needed(&self, column: Column) -> Result<Cow<'_, [u8]>, Damaged> {
        self.column(column)?.ok_or(Damaged("a column is missing"))
    }

    /// The content of the column with this number in the directory.
    fn unpacked(&self, at: usize) -> Result<Cow<'_, [u8]>, Damaged> {
        let entry = &self.directory.entries[at];
        let Some(kept) = self.kept.as_ref().map(|kept| &kept.columns[at]) else {
            return self.unpack(entry).map(Cow::Owned);
        };
        if let Some(raw) = kept.get() {
            return Ok(Cow::Borrowed(raw));
        }
        let raw = self.unpack(entry)?;
        Ok(Cow::Borrowed(kept.get_or_init(|| raw)))
    }

    fn unpack(&self, entry: &Entry) -> Result<Vec<u8>, Damaged> {
        match &self.frames {
            Frames::Whole(data) => {
                let frame = data.get(entry.frame.clone());
                unpack(frame.ok_or(Damaged("a frame is missing"))?)
            }
            Frames::Some(frames) => {
                let frame = frames.get(&entry.frame.start);
                unpack(frame.ok_or(Damaged("a frame was not fetched"))?)
            }
        }
    }

    pub(in super::super) fn times(&self) -> Result<Cow<'_, [i64]>, Damaged> {
        let Some(kept) = &self.kept else {
            return self.read_times().map(Cow::Owned);
        };
        if kept.times.get().is_none() {
            kept.times.set(self.read_times()?).ok();
        }
        Ok(Cow::Borrowed(kept.times.get().map_or(&[], Vec::as_slice)))
    }

    fn read_times(&self) -> Result<Vec<i64>, Damaged> {
        let raw = self.needed(Column::Time)?;
        let mut bytes = Reader::new(&raw);
        let scale = bytes.varint()? as i64;
        let mut times = Vec::with_capacity(self.rows_in(&raw)?);
        let mut last = 0i64;
        for _ in 0..self.directory.rows {
            last = last.wrapping_add(bytes.signed()?);
            times.push(last.wrapping_mul(scale));
        }
        Ok(times)
    }

    /// How many rows there are, checked against a column that has a byte for each.
    fn rows_in(&self, raw: &[u8]) -> Result<usize, Damaged> {
        match self.directory.rows <= raw.len() {
            true => Ok(self.directory.rows),
            false => Err(Damaged("rows are missing")),
        }
    }

    pub(in super::super) fn levels(&self) -> Result<Vec<Level>, Damaged> {
        let raw = self.needed(Column::Level)?;
        self.rows_in(&raw)?;
        let level = |byte: &u8| Level::ALL.get(usize::from(*byte)).copied();
        let levels: Option<Vec<_>> = raw[..self.directory.rows].iter().map(level).collect();
        levels.ok_or(Damaged("an unknown level"))
    }

    /// The distinct streams, as `table::encode_stream` writes them, and each row's.
    pub(in super::super) fn streams(&self) -> Result<(Texts, Vec<u32>), Damaged> {
        self.dictionary(Column::Streams, Column::Stream)
    }

    fn dictionary(&self, texts: Column, codes: Column) -> Result<(Texts, Vec<u32>), Damaged> {
        let raw = self.needed(texts)?;
        let texts = decode_encoded(&raw)?;
        let raw = self.needed(codes)?;
        let codes = values::codes(&mut Reader::new(&raw), self.directory.rows, texts.len())?;
        Ok((texts, codes))
    }

    fn level_texts(&self) -> Result<(Texts, Vec<u32>), Damaged> {
        let has = |entry: &Entry| entry.column == Column::LevelText;
        if self.directory.entries.iter().any(has) {
            return self.dictionary(Column::LevelTexts, Column::LevelText);
        }
        let mut texts = Texts::default();
        texts.push(b"");
        Ok((texts, vec![0; self.directory.rows]))
    }

    /// Offset and item of the body.
    pub(in super::super) fn positions(&self) -> Result<Cow<'_, [(i64, u32)]>, Damaged> {
        let Some(kept) = &self.kept else {
            return self.read_positions().map(Cow::Owned);
        };
        if kept.positions.get().is_none() {
            kept.positions.set(self.read_positions()?).ok();
        }
        Ok(Cow::Borrowed(
            kept.positions.get().map_or(&[], Vec::as_slice),
        ))
    }

    fn read_positions(&self) -> Result<Vec<(i64, u32)>, Damaged> {
        let raw = self.needed(Column::Position)?;
        let mut bytes = Reader::new(&raw);
        let mut positions = Vec::with_capacity(self.rows_in(&raw)?);
        let (mut offset, mut index) = (0i64, 0i64);
        for _ in 0..self.directory.rows {
            let step = bytes.signed()?;
            if step != 0 {
                index = 0;
            }
            offset = offset.wrapping_add(step);
            index = index.wrapping_add(bytes.signed()?);
            let item = u32::try_from(index).map_err(|_| Damaged("a position is not one"))?;
            positions.push((offset, item));
        }
        Ok(positions)
    }

    pub(in super::super) fn trace_ids(&self) -> Result<Vec<Option<[u8; 16]>>, Damaged> {
        self.ids(Column::TraceId)
    }

    pub(in super::super) fn span_ids(&self) -> Result<Vec<Option<[u8; 8]>>, Damaged> {
        self.ids(Column::SpanId)
    }

    fn ids<const N: usize>(&self, column: Column) -> Result<Vec<Option<[u8; N]>>, Damaged> {
        let mut ids = vec![None; self.directory.rows];
        let Some(raw) = self.column(column)? else {
            return Ok(ids);
        };
        let mut bytes = Reader::new(&raw);
        let rows = presence(&mut bytes, self.directory.rows)?;
        let (found, rest) = bytes.rest().as_chunks::<N>();
        let count = rows.as_ref().map_or(self.directory.rows, Vec::len);
        if found.len() != count || !rest.is_empty() {
            return Err(Damaged("ids are missing"));
        }
        for (at, id) in found.iter().enumerate() {
            ids[rows.as_ref().map_or(at, |rows| rows[at] as usize)] = Some(*id);
        }
        Ok(ids)
    }

    /// Of the wanted rows; where they are few, without a look at those of all others.
    fn some_ids<const N: usize>(
        &self,
        column: Column,
        wanted: &[u32],
    ) -> Result<Vec<Option<[u8; N]>>, Damaged> {
        if wanted.len() * FEW > self.directory.rows {
            let ids = self.ids(column)?;
            return Ok(wanted.iter().map(|row| ids[*row as usize]).collect());
        }
        let Some(raw) = self.column(column)? else {
            return Ok(vec![None; wanted.len()]);
        };
        let mut bytes = Reader::new(&raw);
        let present = Present::read(&mut bytes, self.directory.rows)?;
        let (found, rest) = bytes.rest().as_chunks::<N>();
        if found.len() != present.count() || !rest.is_empty() {
            return Err(Damaged("ids are missing"));
        }
        let id = |row: &u32| present.number(*row as usize).map(|at| found[at]);
        Ok(wanted.iter().map(id).collect())
    }

    fn late(&self) -> Result<Vec<(usize, i64)>, Damaged> {
        let raw = self.column(Column::Late)?.unwrap_or_default();
        let mut bytes = Reader::new(&raw);
        let (mut found, mut at) = (Vec::new(), 0usize);
        while !bytes.is_empty() {
            at = at.saturating_add(bytes.size()?);
            found.push((at, bytes.varint()? as i64));
        }
        Ok(found)
    }

    pub(in super::super) fn bodies(&self) -> Result<Texts, Damaged> {
        let raw = self.needed(Column::BodyLength)?;
        let ends = lengths(&mut Reader::new(&raw), self.directory.rows)?;
        let bodies = self.needed(Column::Body)?;
        match ends.last().is_none_or(|end| *end as usize == bodies.len()) {
            true => Texts::of(bodies.into_owned(), ends),
            false => Err(Damaged("bodies are missing")),
        }
    }

    /// The same in lower case, to look for what is UTF-8 itself.
    pub(in super::super) fn lowered_bodies(&self) -> Result<Texts, Damaged> {
        let raw = self.needed(Column::BodyLength)?;
        let ends = lengths(&mut Reader::new(&raw), self.directory.rows)?;
        let bytes = self.needed(Column::Body)?.to_ascii_lowercase();
        match ends.last().is_none_or(|end| *end as usize == bytes.len()) {
            true => Ok(Texts { bytes, ends }),
            false => Err(Damaged("bodies are missing")),
        }
    }

    /// How many bytes each body has.
    pub(in super::super) fn body_sizes(&self) -> Result<Vec<u32>, Damaged> {
        let raw = self.needed(Column::BodyLength)?;
        let mut sizes = lengths(&mut Reader::new(&raw), self.directory.rows)?;
        for row in (1..sizes.len()).rev() {
            sizes[row] -= sizes[row - 1];
        }
        Ok(sizes)
    }

    /// A field by name, whether it has a column of its own or not.
    pub(in super::super) fn field(&self, name: &str) -> Result<Option<FieldColumn>, Damaged> {
        let mut entries = self.directory.entries.iter();
        let named = entries.position(|e| e.field.as_ref().is_some_and(|known| known == name));
        if let Some(at) = named {
            return self.field_column(at).map(Some);
        }
        let others = self.other_fields()?;
        Ok(others
            .into_iter()
            .find(|(other, _)| other == name)
            .map(|(_, column)| column))
    }

    fn field_column(&self, at: usize) -> Result<FieldColumn, Damaged> {
        let raw = self.unpacked(at)?;
        self.decoded(&mut Reader::new(&raw))
    }

    fn decoded(&self, bytes: &mut Reader<'_>) -> Result<FieldColumn, Damaged> {
        let rows = presence(bytes, self.directory.rows)?;
        let count = rows.as_ref().map_or(self.directory.rows, Vec::len);
        let values = values::decode(bytes, count)?;
        Ok(FieldColumn { rows, values })
    }

    /// Numbers of the columns that are fields.
    pub(in super::super) fn field_columns(&self) -> impl Iterator<Item = usize> {
        let entries = self.directory.entries.iter().enumerate();
        entries.filter_map(|(at, entry)| entry.field.is_some().then_some(at))
    }

    /// The field with this number, unless the form of its values cannot have `text`,
    /// which is in lower case, or the bytes of its texts do not hold it.
    pub(in super::super) fn field_with(
        &self,
        at: usize,
        text: &str,
        holds: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<FieldColumn>, Damaged> {
        let raw = self.unpacked(at)?;
        let mut bytes = Reader::new(&raw);
        if bytes.byte()? == 0 {
            bytes.take(self.directory.rows.div_ceil(8))?;
        }
        let kind = bytes.byte()?;
        let may_have = values::may_have(kind, text);
        match may_have && (!values::are_texts(kind) || holds(bytes.rest())) {
            true => self.decoded(&mut Reader::new(&raw)).map(Some),
            false => Ok(None),
        }
    }

    /// Of the wanted rows, which are in ascending order, those that have the field with
    /// this number, each as its place among the wanted ones, and its value.
    fn some_values(&self, at: usize, wanted: &[u32]) -> Result<(Vec<u32>, Texts), Damaged> {
        let raw = self.unpacked(at)?;
        let mut bytes = Reader::new(&raw);
        let present = Present::read(&mut bytes, self.directory.rows)?;
        let found = (0..).zip(wanted).filter_map(|(place, row)| {
            let number = present.number(*row as usize)?;
            Some((place, number as u32))
        });
        let (places, numbers): (Vec<u32>, Vec<u32>) = found.unzip();
        match numbers.is_empty() {
            true => Ok(Default::default()),
            false => {
                let count = present.count();
                Ok((places, values::decode_some(&mut bytes, count, &numbers)?))
            }
        }
    }

    /// Fields without a column of their own.
    pub(in super::super) fn other_fields(&self) -> Result<Vec<(String, FieldColumn)>, Damaged> {
        let raw = self.column(Column::OtherFields)?.unwrap_or_default();
        let mut bytes = Reader::new(&raw);
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let name = bytes.text()?.to_owned();
            let rows = rows(&mut bytes, self.directory.rows)?;
            let values = values::decode(&mut bytes, rows.len())?;
            let rows = Some(rows);
            found.push((name, FieldColumn { rows, values }));
        }
        Ok(found)
    }

    /// All fields.
    pub(in super::super) fn fields(&self) -> Result<Vec<(String, FieldColumn)>, Damaged> {
        let mut found = Vec::new();
        for (at, entry) in self.directory.entries.iter().enumerate() {
            if let Some(name) = &entry.field {
                found.push((name.clone(), self.field_column(at)?));
            }
        }
        found.extend(self.other_fields()?);
        Ok(found)
    }

    /// Appends the wanted rows, all where None, to a table; they are in ascending
    /// order.
    pub(in super::super) fn append(
        &self,
        wanted: Option<&[u32]>,
        table: &mut Table,
    ) -> Result<(), Damaged> {
        let all: Vec<u32>;
        let wanted = match wanted {
            Some(wanted) => wanted,
            None => {
                all = (0..self.directory.rows as u32).collect();
                &all
            }
        };
        let base = table.rows.len() as u32;
        self.append_rows(wanted, table)?;
        if wanted.len() * FEW <= self.directory.rows {
            return self.append_few(wanted, base, table);
        }
        let bodies = self.bodies()?;
        for row in wanted {
            table.bodies.push(bodies.get(*row as usize));
        }
        let mut place = vec![u32::MAX; self.directory.rows];
        for (at, row) in wanted.iter().enumerate() {
            place[*row as usize] = base + at as u32;
        }
        for (name, column) in self.fields()? {
            let at = table.field(&name, usize::MAX);
            let values: &mut Values = &mut table.fields[at].1;
            column.each(|row, value| {
                let row = place[row as usize];
                if row != u32::MAX {
                    values.push(row, value);
                }
            });
        }
        Ok(())
    }

    /// Texts of a few rows, without a look at those of all others.
    fn append_few(&self, wanted: &[u32], base: u32, table: &mut Table) -> Result<(), Damaged> {
        let raw = self.needed(Column::BodyLength)?;
        let ends = lengths(&mut Reader::new(&raw), self.directory.rows)?;
        let raw = self.needed(Column::Body)?;
        let bodies = Borrowed::of(&raw, ends)?;
        for row in wanted {
            table.bodies.push(bodies.get(*row as usize)?);
        }
        for (number, entry) in self.directory.entries.iter().enumerate() {
            let Some(name) = &entry.field else { continue };
            let (places, texts) = self.some_values(number, wanted)?;
            if places.is_empty() {
                continue;
            }
            let at = table.field(name, usize::MAX);
            for (place, text) in places.iter().zip(texts.iter()) {
                table.fields[at].1.push(base + place, text);
            }
        }
        for (name, column) in self.other_fields()? {
            let at = table.field(&name, usize::MAX);
            column.each(|row, value| {
                if let Ok(place) = wanted.binary_search(&row) {
                    table.fields[at].1.push(base + place as u32, value);
                }
            });
        }
        Ok(())
    }

    fn append_rows(&self, wanted: &[u32], table: &mut Table) -> Result<(), Damaged> {
        let (times, levels, positions) = (self.times()?, self.levels()?, self.positions()?);
        let trace_ids = self.some_ids(Column::TraceId, wanted)?;
        let span_ids = self.some_ids(Column::SpanId, wanted)?;
        let (streams, stream_codes) = self.streams()?;
        let (words, word_codes) = self.level_texts()?;
        let streams: Vec<u32> = streams
            .iter()
            .map(|text| table.streams.code(text))
            .collect();
        let words: Vec<u32> = words
            .iter()
            .map(|text| table.level_texts.code(text))
            .collect();
        let mut late = vec![0; self.directory.rows];
        for (row, late_ns) in self.late()? {
            *late.get_mut(row).ok_or(Damaged("a late row is none"))? = late_ns;
        }
        for (at, row) in wanted.iter().map(|row| *row as usize).enumerate() {
            let (offset, index) = positions[row];
            table.rows.push(Row {
                time_ns: times[row],
                late_ns: late[row],
                offset,
                index,
                level: levels[row],
                stream: streams[stream_codes[row] as usize],
                level_text: words[word_codes[row] as usize],
                trace_id: trace_ids[at],
                span_id: span_ids[at],
            });
        }
        Ok(())
    }
}

fn decode_encoded(raw: &[u8]) -> Result<Texts, Damaged> {
    let mut bytes = Reader::new(raw);
    let count = bytes.size()?;
    let ends = lengths(&mut bytes, count)?;
    let total = ends.last().map_or(0, |end| *end as usize);
    let bytes = bytes.take(total)?.to_vec();
    Ok(Texts { bytes, ends })
}

/// Rows that are present; None where all are.
fn presence(bytes: &mut Reader<'_>, rows: usize) -> Result<Option<Vec<u32>>, Damaged> {
    Ok(Present::read(bytes, rows)?.rows())
}

fn rows(bytes: &mut Reader<'_>, limit: usize) -> Result<Vec<u32>, Damaged> {
    let count = bytes.size()?;
    if count > limit {
        return Err(Damaged("more rows than there are"));
    }
    let mut rows = Vec::with_capacity(count);
    let mut last = 0u32;
    for _ in 0..count {
        last = last.saturating_add(bytes.size()? as u32);
        if last as usize >= limit {
            return Err(Damaged("a row is none"));
        }
        rows.push(last);
    }
    Ok(rows)
}
