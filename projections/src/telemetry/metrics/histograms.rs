//! Native histograms of one series. They are rare and wide: each is written whole,
//! numbers as the shortest of integer and bits, and the column's compression finds
//! what repeats.

use protocols::metrics::{CounterReset, NativeHistogram, Span};

use crate::telemetry::bytes::{Damaged, Reader, put_signed, put_varint};

/// Appends one histogram.
pub(crate) fn encode(histogram: &NativeHistogram, out: &mut Vec<u8>) {
    put_signed(out, histogram.schema.into());
    out.push(reset_byte(histogram.reset));
    for number in [
        histogram.zero_threshold,
        histogram.zero_count,
        histogram.count,
        histogram.sum,
    ] {
        put_number(out, number);
    }
    for spans in [&histogram.positive_spans, &histogram.negative_spans] {
        put_varint(out, spans.len() as u64);
        for span in spans {
            put_signed(out, span.offset.into());
            put_varint(out, span.length.into());
        }
    }
    for numbers in [
        &histogram.positive,
        &histogram.negative,
        &histogram.custom_bounds,
    ] {
        put_varint(out, numbers.len() as u64);
        numbers.iter().for_each(|number| put_number(out, *number));
    }
}

/// Reads one histogram.
pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<NativeHistogram, Damaged> {
    Ok(NativeHistogram {
        schema: i32::try_from(reader.signed()?).map_err(|_| Damaged("an unknown schema"))?,
        reset: reset_of(reader.byte()?)?,
        zero_threshold: number(reader)?,
        zero_count: number(reader)?,
        count: number(reader)?,
        sum: number(reader)?,
        positive_spans: spans(reader)?,
        negative_spans: spans(reader)?,
        positive: numbers(reader)?,
        negative: numbers(reader)?,
        custom_bounds: numbers(reader)?,
    })
}

fn spans(reader: &mut Reader<'_>) -> Result<Vec<Span>, Damaged> {
    let narrow = |_| Damaged("a span is too wide");
    (0..reader.count(2)?)
        .map(|_| {
            Ok(Span {
                offset: reader.signed()?.try_into().map_err(narrow)?,
                length: reader.varint()?.try_into().map_err(narrow)?,
            })
        })
        .collect()
}

fn numbers(reader: &mut Reader<'_>) -> Result<Vec<f64>, Damaged> {
    (0..reader.count(1)?).map(|_| number(reader)).collect()
}

/// Integers from 0 as `n + 1`; anything else as 0 and its bits.
fn put_number(out: &mut Vec<u8>, number: f64) {
    let integer = number as u64;
    let exact = integer < 1 << 53 && (integer as f64).to_bits() == number.to_bits();
    if exact {
        return put_varint(out, integer + 1);
    }
    out.push(0);
    out.extend_from_slice(&number.to_le_bytes());
}

fn number(reader: &mut Reader<'_>) -> Result<f64, Damaged> {
    Ok(match reader.varint()? {
        0 => f64::from_le_bytes(reader.array()?),
        integer => (integer - 1) as f64,
    })
}

fn reset_byte(reset: CounterReset) -> u8 {
    match reset {
        CounterReset::Unknown => 0,
        CounterReset::Yes => 1,
        CounterReset::No => 2,
        CounterReset::Gauge => 3,
    }
}

fn reset_of(byte: u8) -> Result<CounterReset, Damaged> {
    Ok(match byte {
        0 => CounterReset::Unknown,
        1 => CounterReset::Yes,
        2 => CounterReset::No,
        3 => CounterReset::Gauge,
        _ => return Err(Damaged("an unknown counter reset")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_come_back() {
        let histogram = NativeHistogram {
            schema: -53,
            zero_threshold: 1e-128,
            zero_count: 2.0,
            count: 17.5,
            sum: f64::from_bits(protocols::metrics::STALE),
            positive_spans: vec![
                Span {
                    offset: -3,
                    length: 2,
                },
                Span {
                    offset: 4,
                    length: 1,
                },
            ],
            positive: vec![1.0, 0.0, -0.0],
            negative_spans: vec![],
            negative: vec![],
            custom_bounds: vec![0.25, 5.0],
            reset: CounterReset::Gauge,
        };
        let mut bytes = Vec::new();
        encode(&histogram, &mut bytes);
        let back = decode(&mut Reader::new(&bytes)).unwrap();
        assert_eq!(back.sum.to_bits(), histogram.sum.to_bits());
        assert_eq!(back.positive[2].to_bits(), (-0.0_f64).to_bits());
        let without_sum = |h: NativeHistogram| NativeHistogram { sum: 0.0, ..h };
        assert_eq!(without_sum(back), without_sum(histogram));
    }
}
