//! One figure over several rounds, because machines are never quiet.

/// The middle and both ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    pub fn of(rounds: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = rounds.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        Self {
            median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            least: at(0),
            most: at(last),
        }
    }

    /// The quotients of paired rounds: what one round's conditions did to both
    /// sides falls out.
    pub fn of_ratios(pairs: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self::of(pairs.into_iter().map(|(ours, theirs)| ours / theirs))
    }

    /// The ends of the rounds around a figure of all of them together.
    pub fn around(whole: f64, rounds: Self) -> Self {
        Self {
            median: whole,
            ..rounds
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_both_ends() {
        let spread = Spread::of([5.0, 1.0, 3.0, 4.0]);
        assert_eq!((spread.least, spread.median, spread.most), (1.0, 3.5, 5.0));
        assert!(Spread::of([]).median.is_nan());
    }

    #[test]
    fn ratios_are_taken_within_a_pair() {
        let spread = Spread::of_ratios([(10.0, 5.0), (30.0, 10.0), (8.0, 8.0)]);
        assert_eq!((spread.least, spread.median, spread.most), (1.0, 2.0, 3.0));
    }
}
