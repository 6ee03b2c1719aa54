//! From a segment to columns and tables.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use protocols::logs::Level;

use super::super::frames::unpack;
use super::super::texts::{Texts, lengths};
use super::Column;
use super::directory::{Directory, Entry};
use super::present::Present;
use super::values;
use crate::telemetry::arrival;
use crate::telemetry::bytes::{Damaged, Reader};

/// One row in so many is few.
pub(super) const FEW: usize = 16;

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
    pub(super) directory: Directory,
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
    pub(super) fn column(&self, column: Column) -> Result<Option<Cow<'_, [u8]>>, Damaged> {
        let mut entries = self.directory.entries.iter();
        match entries.position(|entry| entry.column == column) {
            Some(at) => self.unpacked(at).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn needed(&self, column: Column) -> Result<Cow<'_, [u8]>, Damaged> {
        self.column(column)?.ok_or(Damaged("a column is missing"))
    }

    /// The content of the column with this number in the directory.
    pub(super) fn unpacked(&self, at: usize) -> Result<Cow<'_, [u8]>, Damaged> {
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

    pub(super) fn level_texts(&self) -> Result<(Texts, Vec<u32>), Damaged> {
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
    pub(super) fn some_ids<const N: usize>(
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

    pub(in super::super) fn late(&self) -> Result<Vec<(usize, i64)>, Damaged> {
        arrival::read_late(&self.column(Column::Late)?.unwrap_or_default())
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
pub(super) fn presence(bytes: &mut Reader<'_>, rows: usize) -> Result<Option<Vec<u32>>, Damaged> {
    Ok(Present::read(bytes, rows)?.rows())
}
