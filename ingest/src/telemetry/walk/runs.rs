//! Which series of a body are refused, for the projection to leave out the same.

/// So many taken, so many refused, in turn; refusals come in long runs.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct Runs {
    runs: Vec<i64>,
    /// Taken since the last refusal.
    taken: i64,
}

impl Runs {
    pub(super) fn push(&mut self, taken: bool) {
        match (taken, self.taken, self.runs.last_mut()) {
            (true, ..) => self.taken += 1,
            (false, 0, Some(refused)) => *refused += 1,
            (false, ..) => {
                self.runs.extend([self.taken, 1]);
                self.taken = 0;
            }
        }
    }

    /// Empty where nothing was refused.
    pub(in crate::telemetry) fn into_vec(self) -> Vec<i64> {
        self.runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(taken: &[bool]) -> Vec<i64> {
        let mut runs = Runs::default();
        taken.iter().for_each(|taken| runs.push(*taken));
        runs.into_vec()
    }

    #[test]
    fn alternate_beginning_with_what_is_taken() {
        assert!(of(&[true, true]).is_empty());
        assert_eq!(of(&[false, false, true]), [0, 2]);
        assert_eq!(of(&[true, false, true, true, false, false]), [1, 1, 2, 2]);
    }
}
