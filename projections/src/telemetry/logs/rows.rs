//! A set of a segment's rows.

/// A bit a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rows {
    bits: Vec<u64>,
    len: usize,
}

impl Rows {
    pub(super) fn none(len: usize) -> Self {
        Self {
            bits: vec![0; len.div_ceil(64)],
            len,
        }
    }

    pub(super) fn those(len: usize, mut wanted: impl FnMut(usize) -> bool) -> Self {
        let mut rows = Self::none(len);
        for row in 0..len {
            if wanted(row) {
                rows.insert(row);
            }
        }
        rows
    }

    pub(super) fn insert(&mut self, row: usize) {
        self.bits[row / 64] |= 1 << (row % 64);
    }

    pub(super) fn remove(&mut self, row: usize) {
        self.bits[row / 64] &= !(1 << (row % 64));
    }

    pub(super) fn keep(&mut self, others: &Self) {
        for (bits, other) in self.bits.iter_mut().zip(&others.bits) {
            *bits &= other;
        }
    }

    pub(super) fn add(&mut self, others: &Self) {
        for (bits, other) in self.bits.iter_mut().zip(&others.bits) {
            *bits |= other;
        }
    }

    pub(super) fn remove_all(&mut self, others: &Self) {
        for (bits, other) in self.bits.iter_mut().zip(&others.bits) {
            *bits &= !other;
        }
    }

    pub(super) fn is_within(&self, others: &Self) -> bool {
        self.bits.iter().zip(&others.bits).all(|(a, b)| a & !b == 0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bits.iter().all(|bits| *bits == 0)
    }

    pub(super) fn count(&self) -> usize {
        self.bits
            .iter()
            .map(|bits| bits.count_ones() as usize)
            .sum()
    }

    pub(super) fn contains(&self, row: usize) -> bool {
        row < self.len && self.bits[row / 64] & (1 << (row % 64)) != 0
    }

    /// In ascending order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = u32> {
        (0..self.len as u32).filter(|row| self.contains(*row as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_do_what_sets_do() {
        let all = Rows::those(130, |_| true);
        let even = Rows::those(130, |row| row % 2 == 0);
        assert_eq!((even.count(), all.count()), (65, 130));
        let mut odd = all.clone();
        odd.remove_all(&even);
        assert!(!odd.contains(128) && odd.contains(129) && !odd.contains(131));
        assert!(even.is_within(&all) && !all.is_within(&even));
        assert_eq!(odd.iter().next_back(), Some(129));
        odd.remove(129);
        odd.insert(128);
        odd.keep(&even);
        assert_eq!(odd.iter().collect::<Vec<_>>(), [128]);
        odd.remove_all(&even);
        assert!(odd.is_empty());
    }
}
