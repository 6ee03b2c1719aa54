//! From rows of a segment to a table.

use super::super::table::{Row, Table, Values};
use super::super::texts::{Borrowed, lengths};
use super::Column;
use super::read::{FEW, Segment};
use crate::telemetry::bytes::{Damaged, Reader};

impl Segment<'_> {
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
