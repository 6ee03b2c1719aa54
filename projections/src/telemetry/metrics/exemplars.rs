//! Exemplars of one flush: few, so whole and not in columns. Behind them, which were
//! late: the distance from the one before, and when it arrived; the first rows that were
//! written lack this.

use protocols::metrics::Exemplar;

use crate::telemetry::bytes::{Damaged, Reader, put_column, put_signed, put_varint};

/// An exemplar of the series with this ordinal of its day.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    pub(crate) ordinal: u32,
    pub(crate) time_ms: i64,
    pub(crate) value: f64,
    pub(crate) labels: Vec<(String, String)>,
    /// Only where it was late.
    pub(crate) arrival_ms: Option<i64>,
}

/// What was read, and whether it tells what was late.
#[derive(Debug, PartialEq)]
pub(crate) struct Decoded {
    pub(crate) all: Vec<Measured>,
    pub(crate) untold: bool,
}

impl Measured {
    pub(crate) fn of(ordinal: u32, exemplar: &Exemplar<'_>, arrival_ms: Option<i64>) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            ordinal,
            time_ms: exemplar.time_ms,
            value: exemplar.value,
            labels: exemplar.labels.iter().map(owned).collect(),
            arrival_ms,
        }
    }
}

pub(crate) fn encode(all: &[Measured]) -> Vec<u8> {
    let mut plain = Vec::new();
    for one in all {
        put_varint(&mut plain, one.ordinal.into());
        put_signed(&mut plain, one.time_ms);
        plain.extend_from_slice(&one.value.to_le_bytes());
        put_varint(&mut plain, one.labels.len() as u64);
        for text in one.labels.iter().flat_map(|(name, value)| [name, value]) {
            put_varint(&mut plain, text.len() as u64);
            plain.extend_from_slice(text.as_bytes());
        }
    }
    let mut out = Vec::new();
    put_column(&mut out, &plain);
    put_column(&mut out, &arrivals(all));
    out
}

fn arrivals(all: &[Measured]) -> Vec<u8> {
    let (mut out, mut last) = (Vec::new(), 0);
    for (at, one) in (0_u64..).zip(all) {
        if let Some(arrival_ms) = one.arrival_ms {
            put_varint(&mut out, at - last);
            put_signed(&mut out, arrival_ms);
            last = at;
        }
    }
    out
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded, Damaged> {
    let mut columns = Reader::new(bytes);
    let mut all = measured(&columns.column()?)?;
    let untold = columns.is_empty();
    if !untold {
        let column = columns.column()?;
        let (mut reader, mut at) = (Reader::new(&column), 0_usize);
        while !reader.is_empty() {
            at = at.saturating_add(reader.size()?);
            let late = all.get_mut(at).ok_or(Damaged("a late exemplar is none"))?;
            late.arrival_ms = Some(reader.signed()?);
        }
    }
    Ok(Decoded { all, untold })
}

fn measured(column: &[u8]) -> Result<Vec<Measured>, Damaged> {
    let mut reader = Reader::new(column);
    let mut all = Vec::new();
    while !reader.is_empty() {
        all.push(Measured {
            ordinal: u32::try_from(reader.varint()?)
                .map_err(|_| Damaged("an ordinal is too large"))?,
            time_ms: reader.signed()?,
            value: f64::from_le_bytes(reader.array()?),
            labels: (0..reader.count(2)?)
                .map(|_| Ok((text(&mut reader)?, text(&mut reader)?)))
                .collect::<Result<_, _>>()?,
            arrival_ms: None,
        });
    }
    Ok(all)
}

fn text(reader: &mut Reader<'_>) -> Result<String, Damaged> {
    let length = reader.count(1)?;
    String::from_utf8(reader.take(length)?.to_vec()).map_err(|_| Damaged("a label is not text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exemplars_come_back() {
        let one = Measured {
            ordinal: 300,
            time_ms: -5,
            value: 0.25,
            labels: vec![("trace_id".to_owned(), "abc".to_owned())],
            arrival_ms: None,
        };
        let all = vec![
            one.clone(),
            Measured {
                ordinal: 1,
                labels: vec![],
                arrival_ms: Some(1_793_500_000_000),
                ..one
            },
        ];
        let untold = false;
        assert_eq!(decode(&encode(&all)), Ok(Decoded { all, untold }));
    }

    /// As they were written before arrivals were kept.
    #[test]
    fn rows_that_do_not_tell_of_arrivals_are_read_as_ever() {
        let bytes = [
            50, 172, 2, 9, 0, 0, 0, 0, 0, 0, 208, 63, 1, 8, 116, 114, 97, 99, 101, 95, 105, 100, 3,
            97, 98, 99,
        ];
        let decoded = decode(&bytes).unwrap();
        assert!(decoded.untold);
        assert_eq!(decoded.all.len(), 1);
        assert_eq!((decoded.all[0].ordinal, decoded.all[0].time_ms), (300, -5));
        assert_eq!(decoded.all[0].arrival_ms, None);
        let told = decode(&encode(&decoded.all)).unwrap();
        assert_eq!((told.all, told.untold), (decoded.all, false));
    }
}
