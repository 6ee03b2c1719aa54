//! The values of one series. Most are decimal numbers of few digits: with the
//! smallest scale 10^k at which every value is an exact integer they become
//! integers, and those constants, differences or differences of differences,
//! whichever is shortest. What is not decimal stays raw bits. Exact to the bit,
//! NaN payloads and -0.0 included.

use crate::telemetry::bytes::{Damaged, Reader, put_signed, put_varint, zigzag};

const RAW: u8 = 15;
const MOST_DIGITS: usize = 12;
/// Integers up to here are exact as f64.
const EXACT: f64 = 9_007_199_254_740_992.0;

const POWERS: [f64; MOST_DIGITS + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
];

/// How integers are written; in the upper half of the first byte, the scale in the
/// lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Shape {
    Constant = 0,
    Plain = 1,
    Delta = 2,
    DeltaOfDelta = 3,
}

/// In the first byte: exceptions come before the integers.
const EXCEPTIONS: u8 = 0x80;

/// Buffers that are used again for the next series.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    integers: Vec<i64>,
    exceptions: Vec<(usize, u64)>,
}

/// Appends `values`, of which there is at least one.
pub(crate) fn encode(values: &[f64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let Some(scale) = scale_of(values, scratch) else {
        return encode_raw(values, out);
    };
    let shape = shape_of(&scratch.integers);
    let marked = if scratch.exceptions.is_empty() {
        0
    } else {
        EXCEPTIONS
    };
    out.push(marked | (shape as u8) << 4 | scale);
    if marked != 0 {
        put_varint(out, scratch.exceptions.len() as u64);
        for (at, bits) in &scratch.exceptions {
            put_varint(out, *at as u64);
            out.extend_from_slice(&bits.to_le_bytes());
        }
    }
    let (mut last, mut step) = (0_i64, 0_i64);
    for (n, integer) in scratch.integers.iter().enumerate() {
        let delta = integer.wrapping_sub(last);
        match shape {
            Shape::Constant if n > 0 => break,
            Shape::Constant | Shape::Plain => put_signed(out, *integer),
            Shape::DeltaOfDelta if n > 1 => put_signed(out, delta.wrapping_sub(step)),
            Shape::Delta | Shape::DeltaOfDelta => put_signed(out, delta),
        }
        (last, step) = (*integer, delta);
    }
}

/// Appends `count` values to `values`.
pub(crate) fn decode(
    reader: &mut Reader<'_>,
    count: usize,
    values: &mut Vec<f64>,
) -> Result<(), Damaged> {
    let head = reader.byte()?;
    if head & 0x0f == RAW {
        return decode_raw(reader, count, values);
    }
    let divisor = *POWERS
        .get(usize::from(head & 0x0f))
        .ok_or(Damaged("an unknown scale"))?;
    let exceptions = match head & EXCEPTIONS {
        0 => Vec::new(),
        _ => read_exceptions(reader)?,
    };
    let start = values.len();
    values.reserve(count);
    decode_integers(reader, (head >> 4) & 7, count, |integer| {
        values.push(integer as f64 / divisor);
    })?;
    for (at, bits) in exceptions {
        *values
            .get_mut(start + at)
            .ok_or(Damaged("an exception for no value"))? = f64::from_bits(bits);
    }
    Ok(())
}

fn decode_integers(
    reader: &mut Reader<'_>,
    shape: u8,
    count: usize,
    mut push: impl FnMut(i64),
) -> Result<(), Damaged> {
    match shape {
        0 => {
            let constant = reader.signed()?;
            (0..count).for_each(|_| push(constant));
        }
        1 => {
            for _ in 0..count {
                push(reader.signed()?);
            }
        }
        2 => {
            let mut last = 0_i64;
            for _ in 0..count {
                last = last.wrapping_add(reader.signed()?);
                push(last);
            }
        }
        3 => {
            let (mut last, mut step) = (0_i64, 0_i64);
            for n in 0..count {
                let written = reader.signed()?;
                step = if n > 1 {
                    step.wrapping_add(written)
                } else {
                    written
                };
                last = last.wrapping_add(step);
                push(last);
            }
        }
        _ => return Err(Damaged("an unknown shape of values")),
    }
    Ok(())
}

/// Fills the scratch with integers at the smallest scale that holds them all; None
/// where too many are not decimal.
fn scale_of(values: &[f64], scratch: &mut Scratch) -> Option<u8> {
    let most_exceptions = values.len() / 8;
    let mut scale = 0;
    'again: loop {
        scratch.integers.clear();
        scratch.exceptions.clear();
        let mut last = 0;
        for (at, value) in values.iter().enumerate() {
            match scaled(*value, scale) {
                Some(integer) => last = integer,
                None if !value.is_finite() || *value == 0.0 => {
                    scratch.exceptions.push((at, value.to_bits()));
                    // A single stale marker or NaN is worth its eight bytes.
                    if scratch.exceptions.len() > most_exceptions.max(1) {
                        return None;
                    }
                }
                None => {
                    scale = (scale + 1..=MOST_DIGITS).find(|k| scaled(*value, *k).is_some())?;
                    continue 'again;
                }
            }
            scratch.integers.push(last);
        }
        return u8::try_from(scale).ok();
    }
}

/// The integer m with m / 10^scale = value, if there is one. The division gives the
/// nearest double, as it will when decoded.
#[inline]
fn scaled(value: f64, scale: usize) -> Option<i64> {
    let integer = (value * POWERS[scale]).round_ties_even();
    let exact = integer.abs() <= EXACT
        && (integer / POWERS[scale]).to_bits() == value.to_bits()
        // -0.0 would come back as 0.0.
        && (integer != 0.0 || value.to_bits() == 0);
    exact.then_some(integer as i64)
}

/// The shape with the fewest bytes, roughly.
fn shape_of(integers: &[i64]) -> Shape {
    let (mut last, mut step) = (integers.first().copied().unwrap_or_default(), 0_i64);
    let (mut plain, mut deltas, mut seconds) = (0, 0, 0);
    // Differences of noise look shorter than the noise but hold more: they must be
    // shorter by a bit each.
    let margin = u32::try_from(integers.len()).unwrap_or(u32::MAX);
    for integer in integers {
        let delta = integer.wrapping_sub(last);
        plain += bits(*integer);
        deltas += bits(delta);
        seconds += bits(delta.wrapping_sub(step));
        (last, step) = (*integer, delta);
    }
    if deltas == 0 {
        return Shape::Constant;
    }
    match () {
        () if seconds + margin < deltas.min(plain) => Shape::DeltaOfDelta,
        () if deltas + margin < plain => Shape::Delta,
        () => Shape::Plain,
    }
}

fn bits(value: i64) -> u32 {
    64 - zigzag(value).leading_zeros()
}

fn read_exceptions(reader: &mut Reader<'_>) -> Result<Vec<(usize, u64)>, Damaged> {
    let count = reader.count(9)?;
    (0..count)
        .map(|_| {
            let at = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
            Ok((at, u64::from_le_bytes(reader.array()?)))
        })
        .collect()
}

/// Bits XOR those before, byte planes one after the other: neighbours share sign,
/// exponent and upper digits.
fn encode_raw(values: &[f64], out: &mut Vec<u8>) {
    out.push(RAW);
    let start = out.len();
    out.resize(start + values.len() * 8, 0);
    let planes = &mut out[start..];
    let mut last = 0;
    for (n, value) in values.iter().enumerate() {
        let bits = value.to_bits();
        for (plane, byte) in (bits ^ last).to_be_bytes().into_iter().enumerate() {
            planes[plane * values.len() + n] = byte;
        }
        last = bits;
    }
}

fn decode_raw(reader: &mut Reader<'_>, count: usize, values: &mut Vec<f64>) -> Result<(), Damaged> {
    let planes = reader.take(count.saturating_mul(8))?;
    let mut last = 0;
    for n in 0..count {
        let byte = |plane: usize| planes[plane * count + n];
        last ^= u64::from_be_bytes(std::array::from_fn(byte));
        values.push(f64::from_bits(last));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes_of(values: &[f64]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(values, &mut Scratch::default(), &mut out);
        out
    }

    fn back(bytes: &[u8], count: usize) -> Vec<f64> {
        let mut values = Vec::new();
        let mut reader = Reader::new(bytes);
        decode(&mut reader, count, &mut values).unwrap();
        assert!(reader.is_empty());
        values
    }

    fn same(values: &[f64]) -> bool {
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        bits(&back(&bytes_of(values), values.len())) == bits(values)
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => (-1_000_000_i64..1_000_000, 0..5).prop_map(|(m, k)| m as f64 / 10_f64.powi(k)),
            2 => any::<i64>().prop_map(|m| m as f64),
            1 => any::<u64>().prop_map(f64::from_bits),
            1 => Just(f64::from_bits(protocols::metrics::STALE)),
            1 => Just(-0.0),
        ]
    }

    proptest! {
        #[test]
        fn values_come_back_to_the_bit(values in prop::collection::vec(value(), 1..60)) {
            prop_assert!(same(&values));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, count in 0..100_usize) {
            let _either = decode(&mut Reader::new(&bytes), count, &mut Vec::new());
        }
    }

    #[test]
    fn each_kind_of_series_has_its_shape() {
        let shape = |values: &[f64]| (bytes_of(values)[0] >> 4) & 7;
        assert_eq!(shape(&[0.25; 40]), Shape::Constant as u8);
        let counter: Vec<f64> = (0..40).map(|n| 1_000_000.0 + f64::from(n) * 15.0).collect();
        assert_eq!(shape(&counter), Shape::DeltaOfDelta as u8);
        assert!(bytes_of(&counter).len() < 50);
        let noise: Vec<f64> = (0..40_u64)
            .map(|n| (xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()) % 1_000) as f64)
            .collect();
        assert_eq!(shape(&noise), Shape::Plain as u8);
    }

    #[test]
    fn a_stale_marker_at_the_end_keeps_the_rest_decimal() {
        let mut values = vec![0.1, 0.2, 0.30000000000000004, 1.5];
        assert!(same(&values));
        values = vec![12.5; 200];
        values.push(f64::from_bits(protocols::metrics::STALE));
        assert!(same(&values));
        assert!(bytes_of(&values).len() < 20);
    }
}
