//! A log record as the API shows it, and its name.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::segment::push_hex;
use super::table::{Row, Table};
use crate::telemetry::bytes::{Damaged, Reader};

/// Where a record stands in the order of all records of a project: by time, then
/// by its position in the log. It never changes, so pages neither repeat nor miss
/// what was there when the first of them was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    pub time_ns: i64,
    pub partition: i32,
    pub offset: i64,
    /// Item of the body that is the log's record.
    pub index: u32,
}

/// 44 digits: the record's id in the API.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, partition) = (self.time_ns.cast_unsigned(), self.partition.cast_unsigned());
        let (offset, index) = (self.offset.cast_unsigned(), self.index);
        write!(f, "{time:016x}{partition:04x}{offset:016x}{index:08x}")
    }
}

/// The text is not an id of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the id of a log record")]
pub struct NotAnId;

impl FromStr for Place {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        if text.len() != 44 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAnId);
        }
        let part = |from: usize, to: usize| u64::from_str_radix(&text[from..to], 16);
        let read = || -> Result<Self, std::num::ParseIntError> {
            Ok(Self {
                time_ns: part(0, 16)?.cast_signed(),
                partition: part(16, 20)? as i32,
                offset: part(20, 36)?.cast_signed(),
                index: part(36, 44)? as u32,
            })
        };
        read().map_err(|_| NotAnId)
    }
}

/// One log record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogRecord)]
pub struct Record {
    pub id: String,
    pub time: DateTime<Utc>,
    /// Only where it arrived more than half a minute after its own time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub received_at: Option<DateTime<Utc>>,
    /// unknown, trace, debug, info, warn, error, fatal
    pub level: String,
    /// The sender's own word.
    pub level_text: String,
    pub service: String,
    pub body: String,
    /// 32 hexadecimal digits.
    pub trace_id: Option<String>,
    /// 16 hexadecimal digits.
    pub span_id: Option<String>,
    pub fields: BTreeMap<String, String>,
    /// What its resource or stream says.
    pub resource: BTreeMap<String, String>,
}

impl Record {
    /// In memory, about.
    pub fn bytes(&self) -> usize {
        // A text on the heap, and its place in a map.
        const PAIR: usize = 2 * (size_of::<String>() + 16);
        let texts = [
            &self.id,
            &self.level,
            &self.level_text,
            &self.service,
            &self.body,
        ];
        let texts = texts.map(String::len).iter().sum::<usize>();
        let pairs = self.fields.iter().chain(&self.resource);
        let pairs = pairs.map(|(name, value)| name.len() + value.len() + PAIR);
        size_of::<Self>() + texts + pairs.sum::<usize>()
    }
}

/// A stream as segments keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StreamView<'a> {
    pub(super) service: &'a str,
    pub(super) fields: Vec<(&'a str, &'a str)>,
}

impl<'a> StreamView<'a> {
    pub(super) fn read(encoded: &'a [u8]) -> Result<Self, Damaged> {
        let mut bytes = Reader::new(encoded);
        let service = bytes.text()?;
        let mut fields = Vec::new();
        for _ in 0..bytes.size()? {
            fields.push((bytes.text()?, bytes.text()?));
        }
        Ok(Self { service, fields })
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.fields.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| *value)
    }
}

impl Table {
    pub(super) fn place(&self, partition: i32, row: usize) -> Place {
        let Row {
            time_ns,
            offset,
            index,
            ..
        } = self.rows[row];
        Place {
            time_ns,
            partition,
            offset,
            index,
        }
    }

    /// The record of a row.
    pub(super) fn record(&self, partition: i32, row: usize) -> Result<Record, Damaged> {
        let it = &self.rows[row];
        let stream = StreamView::read(self.streams.texts.get(it.stream as usize))?;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let received_ns = it.time_ns.saturating_add(it.late_ns);
        Ok(Record {
            id: self.place(partition, row).to_string(),
            time: DateTime::from_timestamp_nanos(it.time_ns),
            received_at: (it.late_ns != 0).then(|| DateTime::from_timestamp_nanos(received_ns)),
            level: it.level.name().to_owned(),
            level_text: self
                .level_texts
                .texts
                .str(it.level_text as usize)
                .to_owned(),
            service: stream.service.to_owned(),
            body: self.bodies.str(row).to_owned(),
            trace_id: it.trace_id.map(|id| hex(&id)),
            span_id: it.span_id.map(|id| hex(&id)),
            fields: self.fields_of(row),
            resource: stream.fields.iter().map(owned).collect(),
        })
    }

    fn fields_of(&self, row: usize) -> BTreeMap<String, String> {
        let values = self.fields.iter();
        let found = values.filter_map(|(name, values)| Some((name, values.get(row)?)));
        found
            .map(|(name, value)| (name.to_string(), value.to_owned()))
            .collect()
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(bytes.len() * 2);
    push_hex(bytes, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_place() {
        let place = Place {
            time_ns: -5,
            partition: 12,
            offset: 77,
            index: 3,
        };
        assert_eq!(place.to_string().parse(), Ok(place));
        assert_eq!("x".parse::<Place>(), Err(NotAnId));
        assert_eq!("é".repeat(22).parse::<Place>(), Err(NotAnId));
    }
}
