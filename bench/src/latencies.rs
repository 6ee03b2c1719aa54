//! Latencies of one run. Compiled into the postgres-es peer too.

use std::time::Duration;

/// Sorted samples.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        Self(samples)
    }

    /// Those of several runs as if they were one.
    pub fn of_all<'a>(runs: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::of(runs.into_iter().flat_map(|run| run.0.clone()).collect())
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Milliseconds that `percent` of the samples do not exceed.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let at = self.0.get(last * percent / 100);
        at.map_or(f64::NAN, |sample| sample.as_secs_f64() * 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_sample() {
        let samples = (1..=100).rev().map(Duration::from_millis).collect();
        let latencies = Latencies::of(samples);
        assert_eq!(latencies.percentile_ms(50), 50.0);
        assert_eq!(latencies.percentile_ms(99), 99.0);
        assert_eq!(latencies.percentile_ms(100), 100.0);
    }
}
