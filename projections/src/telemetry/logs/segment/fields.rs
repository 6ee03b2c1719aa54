//! Fields of a segment's records.

use super::super::texts::Texts;
use super::Column;
use super::present::Present;
use super::read::{Segment, presence};
use super::values::{self, Decoded};
use crate::telemetry::bytes::{Damaged, Reader};

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

impl Segment<'_> {
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
    pub(super) fn some_values(
        &self,
        at: usize,
        wanted: &[u32],
    ) -> Result<(Vec<u32>, Texts), Damaged> {
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
