//! The times of one series, in milliseconds: differences of differences, which are
//! 0 where samples come at a steady pace.

use crate::telemetry::bytes::{Damaged, Reader, put_signed};

/// Appends `times`.
pub(crate) fn encode(times: &[i64], out: &mut Vec<u8>) {
    let (mut last, mut step) = (0_i64, 0_i64);
    for (n, time) in times.iter().enumerate() {
        let delta = time.wrapping_sub(last);
        put_signed(
            out,
            if n > 1 {
                delta.wrapping_sub(step)
            } else {
                delta
            },
        );
        (last, step) = (*time, delta);
    }
}

/// Appends `count` times to `times`.
pub(crate) fn decode(
    reader: &mut Reader<'_>,
    count: usize,
    times: &mut Vec<i64>,
) -> Result<(), Damaged> {
    let (mut last, mut step) = (0_i64, 0_i64);
    for n in 0..count {
        let written = reader.signed()?;
        step = if n > 1 {
            step.wrapping_add(written)
        } else {
            written
        };
        last = last.wrapping_add(step);
        times.push(last);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn times_come_back(times: Vec<i64>) {
            let mut bytes = Vec::new();
            encode(&times, &mut bytes);
            let mut back = Vec::new();
            decode(&mut Reader::new(&bytes), times.len(), &mut back).unwrap();
            prop_assert_eq!(back, times);
        }
    }
}
