//! Which columns a segment has, and where they lie.

use std::ops::Range;

use super::super::bloom;
use super::{Column, VERSION};
use crate::telemetry::bytes::{Damaged, Reader};

/// No segment has more.
const MAX_ROWS: usize = 1 << 24;

/// Which columns a segment has, and where their frames lie in its data.
#[derive(Debug, Clone)]
pub(in super::super) struct Directory {
    pub(super) rows: usize,
    pub(super) entries: Vec<Entry>,
}

/// Where a filter over tokens lies, and how many probes it was written with.
#[derive(Debug, Clone)]
pub(in super::super) struct BloomFrame {
    pub(in super::super) frame: Range<usize>,
    pub(in super::super) probes: i16,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) column: Column,
    /// A field's name.
    pub(super) field: Option<String>,
    pub(super) frame: Range<usize>,
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
