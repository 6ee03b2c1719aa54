//! Which rows have a value, where not all of them do.

use crate::telemetry::bytes::{Damaged, Reader};

/// Which of so many rows are present.
pub(super) struct Present<'a> {
    /// None where all are.
    bits: Option<&'a [u8]>,
    rows: usize,
}

impl<'a> Present<'a> {
    pub(super) fn read(bytes: &mut Reader<'a>, rows: usize) -> Result<Self, Damaged> {
        let bits = match bytes.byte()? {
            1 => None,
            _ => Some(bytes.take(rows.div_ceil(8))?),
        };
        Ok(Self { bits, rows })
    }

    pub(super) fn rows(&self) -> Option<Vec<u32>> {
        let bits = self.bits?;
        let mut rows = Vec::with_capacity(self.count());
        for (at, byte) in (0..).step_by(8).zip(bits) {
            let mut left = *byte;
            while left != 0 {
                rows.push(at + left.trailing_zeros());
                left &= left - 1;
            }
        }
        // What lies behind the last row is nothing.
        rows.truncate(rows.partition_point(|row| (*row as usize) < self.rows));
        Some(rows)
    }

    pub(super) fn count(&self) -> usize {
        self.bits.map_or(self.rows, |_| self.before(self.rows))
    }

    /// How many are present before a row.
    fn before(&self, row: usize) -> usize {
        let Some(bits) = self.bits else { return row };
        let (whole, rest) = (row / 8, row % 8);
        let ones = |byte: &u8| byte.count_ones() as usize;
        let last = bits.get(whole).map_or(0, |byte| byte & ((1 << rest) - 1));
        bits[..whole].iter().map(ones).sum::<usize>() + ones(&last)
    }

    /// The number of a row among those that are present.
    pub(super) fn number(&self, row: usize) -> Option<usize> {
        let present = match self.bits {
            None => row < self.rows,
            Some(bits) => row < self.rows && bits[row / 8] & (1 << (row % 8)) != 0,
        };
        present.then(|| self.before(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_and_their_numbers_are_those_of_the_bits(
            mut bytes in proptest::collection::vec(0u8..=255, 1..40),
            all in any::<bool>(),
            rows in 0usize..320,
        ) {
            bytes[0] = u8::from(all);
            let read = Present::read(&mut Reader::new(&bytes), rows);
            let enough = all || bytes.len() > rows.div_ceil(8);
            prop_assert_eq!(read.is_ok(), enough);
            let Ok(present) = read else { return Ok(()) };
            let is = |row: &usize| all || bytes[1 + row / 8] & (1 << (row % 8)) != 0;
            let expected: Vec<usize> = (0..rows).filter(is).collect();
            prop_assert_eq!(present.count(), expected.len());
            let found = present.rows().map(|rows| rows.into_iter().map(|row| row as usize));
            prop_assert_eq!(found.is_none(), all);
            if let Some(found) = found {
                prop_assert_eq!(found.collect::<Vec<_>>(), expected.clone());
            }
            for row in 0..rows + 9 {
                prop_assert_eq!(present.number(row), expected.binary_search(&row).ok());
            }
        }
    }
}
