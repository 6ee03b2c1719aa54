//! Exemplars of one flush: few, so whole and not in columns.

use protocols::metrics::Exemplar;

use crate::telemetry::bytes::{Damaged, Reader, put_column, put_signed, put_varint};

/// An exemplar of the series with this ordinal of its day.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    pub(crate) ordinal: u32,
    pub(crate) time_ms: i64,
    pub(crate) value: f64,
    pub(crate) labels: Vec<(String, String)>,
}

impl Measured {
    pub(crate) fn of(ordinal: u32, exemplar: &Exemplar<'_>) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            ordinal,
            time_ms: exemplar.time_ms,
            value: exemplar.value,
            labels: exemplar.labels.iter().map(owned).collect(),
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
    out
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Measured>, Damaged> {
    let column = Reader::new(bytes).column()?;
    let mut reader = Reader::new(&column);
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
        };
        let all = vec![
            one.clone(),
            Measured {
                ordinal: 1,
                labels: vec![],
                ..one
            },
        ];
        assert_eq!(decode(&encode(&all)), Ok(all));
    }
}
