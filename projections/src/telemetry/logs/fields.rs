//! Which fields records have, and the values of one of them, as the newest records
//! of a query show.

use std::collections::{BTreeMap, HashMap};

use schemas::scope::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::filter::Filter;
use super::matching::matching;
use super::record::{StreamView, hex};
use super::scan::{LogsError, Order, Piece, Query, Scan, Wanted, blocking};
use super::segment::Column;
use crate::db::Db;
use crate::telemetry::bytes::Damaged;

/// Records that a sample has, about.
const SAMPLE: u64 = 200_000;
/// Distinct values that are counted, and their bytes.
const MOST_VALUES: usize = 100_000;
const MOST_BYTES: usize = 32 << 20;
/// Fields of the record itself, which no segment lists.
const BUILT_IN: [&str; 4] = ["service", "level", "trace_id", "span_id"];

/// A field that records have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogField)]
pub struct FieldName {
    pub name: String,
    /// Records of the sample that have it.
    pub count: u64,
}

/// The fields of a sample of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogFields)]
pub struct Fields {
    /// Those that most records have first.
    pub items: Vec<FieldName>,
    /// Records that were looked at, the newest first.
    pub sampled: u64,
    /// Whether these were all.
    pub complete: bool,
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogFieldValue)]
pub struct FieldValue {
    pub value: String,
    pub count: u64,
}

/// The values of one field in a sample of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogFieldValues)]
pub struct FieldValues {
    pub name: String,
    /// Most frequent first.
    pub items: Vec<FieldValue>,
    pub distinct: u64,
    /// Records of the sample that have the field.
    pub records: u64,
    pub sampled: u64,
    pub complete: bool,
}

#[derive(Default)]
struct Sample {
    counts: HashMap<String, u64>,
    /// Of the keys.
    bytes: usize,
    sampled: u64,
    records: u64,
}

impl Sample {
    fn add(&mut self, key: &str, count: u64) {
        if let Some(known) = self.counts.get_mut(key) {
            *known += count;
        } else if self.counts.len() < MOST_VALUES && self.bytes + key.len() <= MOST_BYTES {
            self.bytes += key.len();
            self.counts.insert(key.to_owned(), count);
        }
    }

    fn absorb(&mut self, other: Self) {
        self.sampled += other.sampled;
        self.records += other.records;
        for (key, count) in other.counts {
            self.add(&key, count);
        }
    }

    /// Most frequent first.
    fn ranked(self) -> Vec<(String, u64)> {
        let mut ranked: Vec<_> = self.counts.into_iter().collect();
        ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        ranked
    }
}

/// Names of fields; those of resources too.
pub async fn names(db: &Db, scope: &Scope, query: &Query) -> Result<Fields, LogsError> {
    let mut scan = Scan::begin(db, scope, query, Order::NewestFirst).await?;
    let mut sample = Sample::default();
    let (from_ns, to_ns) = (query.from_ns, query.to_ns);
    while scan.next_time().is_some() && sample.sampled < SAMPLE {
        let pieces = scan.next(&Wanted::Everything).await?;
        let filter = scan.filter();
        sample.absorb(blocking(move || names_of(pieces, &filter, from_ns, to_ns)).await?);
    }
    let sampled = sample.sampled;
    let named = sample.ranked().into_iter();
    Ok(Fields {
        items: named
            .map(|(name, count)| FieldName { name, count })
            .collect(),
        sampled,
        complete: scan.next_time().is_none(),
    })
}

fn names_of(
    pieces: Vec<Piece>,
    filter: &Filter,
    from_ns: i64,
    to_ns: i64,
) -> Result<Sample, Damaged> {
    let mut sample = Sample::default();
    // One after the other: what was unpacked of one is gone before the next.
    for Piece { segment, .. } in pieces {
        let rows = matching(&segment, filter, from_ns, to_ns)?;
        sample.sampled += rows.count() as u64;
        if rows.is_empty() {
            continue;
        }
        for (name, column) in segment.fields()? {
            let mut count = 0;
            column.each_code(|row, _| count += u64::from(rows.contains(row as usize)));
            if count > 0 {
                sample.add(&name, count);
            }
        }
        let (streams, codes) = segment.streams()?;
        let mut by_stream = vec![0u64; streams.len()];
        rows.iter()
            .for_each(|row| by_stream[codes[row as usize] as usize] += 1);
        for (stream, count) in streams
            .iter()
            .zip(by_stream)
            .filter(|(_, count)| *count > 0)
        {
            for (name, _) in StreamView::read(stream)?.fields {
                sample.add(&format!("resource.{name}"), count);
            }
        }
    }
    Ok(sample)
}

/// The most frequent values of a field; `service`, `level`, `trace_id`, `span_id` and
/// `resource.name` are fields too.
pub async fn values(
    db: &Db,
    scope: &Scope,
    query: &Query,
    name: &str,
    limit: usize,
) -> Result<FieldValues, LogsError> {
    let mut scan = Scan::begin(db, scope, query, Order::NewestFirst).await?;
    let mut sample = Sample::default();
    let (from_ns, to_ns) = (query.from_ns, query.to_ns);
    let wanted = wanted(name);
    while scan.next_time().is_some() && sample.sampled < SAMPLE {
        let pieces = scan.next(&wanted).await?;
        let (filter, name) = (scan.filter(), name.to_owned());
        let more = blocking(move || values_of(pieces, &filter, from_ns, to_ns, &name));
        sample.absorb(more.await?);
    }
    let (sampled, records) = (sample.sampled, sample.records);
    let ranked = sample.ranked();
    let distinct = ranked.len() as u64;
    let ranked = ranked.into_iter().take(limit);
    Ok(FieldValues {
        name: name.to_owned(),
        items: ranked
            .map(|(value, count)| FieldValue { value, count })
            .collect(),
        distinct,
        records,
        sampled,
        complete: scan.next_time().is_none(),
    })
}

fn wanted(name: &str) -> Wanted {
    let columns = match name {
        "level" => vec![Column::Level],
        "trace_id" => vec![Column::TraceId],
        "span_id" => vec![Column::SpanId],
        _ => vec![Column::Streams, Column::Stream],
    };
    let own = !BUILT_IN.contains(&name) && !name.starts_with("resource.");
    Wanted::Columns(columns, own.then(|| name.to_owned()).into_iter().collect())
}

fn values_of(
    pieces: Vec<Piece>,
    filter: &Filter,
    from_ns: i64,
    to_ns: i64,
    name: &str,
) -> Result<Sample, Damaged> {
    let mut sample = Sample::default();
    for Piece { segment, .. } in pieces {
        let rows = matching(&segment, filter, from_ns, to_ns)?;
        sample.sampled += rows.count() as u64;
        let rows: Vec<usize> = rows.iter().map(|row| row as usize).collect();
        if rows.is_empty() {
            continue;
        }
        let mut found = BTreeMap::<String, u64>::new();
        let mut see = |value: Option<String>| {
            if let Some(value) = value {
                *found.entry(value).or_default() += 1;
            }
        };
        match name {
            "level" => {
                let levels = segment.levels()?;
                rows.iter()
                    .for_each(|row| see(Some(levels[*row].name().to_owned())));
            }
            "trace_id" => {
                let ids = segment.trace_ids()?;
                rows.iter()
                    .for_each(|row| see(ids[*row].map(|id| hex(&id))));
            }
            "span_id" => {
                let ids = segment.span_ids()?;
                rows.iter()
                    .for_each(|row| see(ids[*row].map(|id| hex(&id))));
            }
            _ => of_field(&segment, &rows, name, see)?,
        }
        for (value, count) in found {
            sample.records += count;
            sample.add(&value, count);
        }
    }
    Ok(sample)
}

/// The record's own field where it has one, else its resource's.
fn of_field(
    segment: &super::segment::Segment<'_>,
    rows: &[usize],
    name: &str,
    mut see: impl FnMut(Option<String>),
) -> Result<(), Damaged> {
    let (streams, codes) = segment.streams()?;
    let resource = name.strip_prefix("resource.");
    let mut of_stream = Vec::with_capacity(streams.len());
    for stream in streams.iter() {
        let stream = StreamView::read(stream)?;
        of_stream.push(match name {
            "service" => Some(stream.service.to_owned()),
            _ => stream.get(resource.unwrap_or(name)).map(str::to_owned),
        });
    }
    let own = match name == "service" || resource.is_some() {
        true => None,
        false => segment.field(name)?,
    };
    let mut of_row = vec![None; segment.len()];
    if let Some(column) = &own {
        column.each_code(|row, code| of_row[row as usize] = Some(code));
    }
    for row in rows {
        let own = of_row[*row].zip(own.as_ref());
        see(match own {
            Some((code, column)) => Some(column.values.texts.str(code).to_owned()),
            None => of_stream[codes[*row] as usize].clone(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_as_far_as_there_is_room() {
        let mut sample = Sample::default();
        let long = "x".repeat(MOST_BYTES - 4);
        for value in ["few", long.as_str(), "too many", "y", "few"] {
            sample.add(value, 1);
        }
        let ranked = sample.ranked();
        assert_eq!(ranked.len(), 3);
        assert_eq!(ranked[0], ("few".to_owned(), 2));
        assert!(
            ranked[1..]
                .iter()
                .all(|(value, count)| *count == 1 && value != "too many")
        );
    }
}
