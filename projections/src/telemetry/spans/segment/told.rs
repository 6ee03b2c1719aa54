//! Which rows of a segment have a tag that is no field of theirs.

use super::super::bytes::ReadMore;
use super::super::tags;
use super::{Column, Core, Segment};
use crate::telemetry::bytes::{Damaged, Reader};

impl Segment<'_> {
    /// By row: whether `name` is told of it with this value, or one of its events has
    /// such a field. What is empty is not told.
    pub(crate) fn told(&self, core: &Core, name: &str, value: &str) -> Result<Vec<bool>, Damaged> {
        let rare = self.dictionary(Column::Rare)?;
        let mut told = self.in_events(core.names.len(), &rare, name, value)?;
        let (column, texts) = match name {
            tags::SCOPE => (Column::Scope, &core.texts),
            tags::STATUS_MESSAGE => (Column::StatusMessage, &rare),
            tags::TRACE_STATE => (Column::TraceState, &rare),
            _ => return Ok(told),
        };
        if let Some(wanted) = code_of(texts, value).filter(|code| *code > 0) {
            let codes = self.codes(column, texts.len())?;
            for (told, code) in told.iter_mut().zip(codes) {
                *told |= code as usize == wanted;
            }
        }
        Ok(told)
    }

    fn in_events(
        &self,
        rows: usize,
        rare: &[String],
        name: &str,
        value: &str,
    ) -> Result<Vec<bool>, Damaged> {
        let (Some(wanted), Some(raw)) = (code_of(rare, value), self.column(Column::Events)?) else {
            return Ok(vec![false; rows]);
        };
        let names_events = name == tags::EVENT && wanted > 0;
        let name = code_of(rare, name);
        let mut bytes = Reader::new(&raw);
        let row = |_| {
            let mut found = false;
            for _ in 0..bytes.size()? {
                bytes.signed()?;
                found |= bytes.code()? as usize == wanted && names_events;
                for _ in 0..bytes.size()? {
                    let (of, value) = (bytes.code()? as usize, bytes.code()? as usize);
                    found |= Some(of) == name && value == wanted;
                }
            }
            Ok::<_, Damaged>(found)
        };
        (0..rows).map(row).collect()
    }
}

/// Each text is in its dictionary once.
fn code_of(texts: &[String], wanted: &str) -> Option<usize> {
    texts.iter().position(|text| text == wanted)
}
