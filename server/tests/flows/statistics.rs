//! What a test prints of the times it saw. Reported, never asserted.

use std::time::Duration;

/// Median and 99th percentile.
pub(crate) fn median_and_p99(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    (at(0.5), at(0.99))
}

/// The line that `make prove` collects.
pub(crate) fn proof(name: &str, figures: &str) {
    println!("PROOF {name}: {figures}");
}

/// A count that `make prove` raises, and that its own variable overrules.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by make how much to prove"
)]
pub(crate) fn count(variable: &str, short: usize, proving: usize) -> usize {
    let given = std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok());
    let proves = std::env::var("SRE_COPILOT_PROVE").is_ok_and(|text| !text.is_empty());
    given.unwrap_or(if proves { proving } else { short })
}
