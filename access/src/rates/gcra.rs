//! The algorithm: one instant a subject, at which everything that came would have come
//! evenly. Instants in microseconds.

use std::time::Duration;

use super::Quota;

/// What becomes of one that comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Passes { remaining: u32, reset: Duration },
    Waits(Duration),
}

/// The theoretical arrival time after `wanted` at `now`, and how many of them pass.
pub(super) fn take(arrival: f64, now: f64, quota: Quota, wanted: u32) -> (f64, u32) {
    let interval = interval(quota);
    let from = arrival.max(now);
    let room = now + f64::from(quota.burst) * interval - from;
    // A rounding error of a microsecond must not cost a request.
    let fit = ((room + 1.0) / interval).floor().max(0.0);
    let passed = fit.min(f64::from(wanted));
    (from + passed * interval, passed as u32)
}

/// What to tell after one passed.
pub(super) fn passed(arrival: f64, now: f64, quota: Quota) -> Cell {
    let interval = interval(quota);
    let room = now + f64::from(quota.burst) * interval - arrival;
    Cell::Passes {
        remaining: ((room + 1.0) / interval).floor().max(0.0) as u32,
        reset: micros(arrival - now),
    }
}

/// What to tell one that has to wait.
pub(super) fn waits(arrival: f64, now: f64, quota: Quota) -> Cell {
    let interval = interval(quota);
    Cell::Waits(micros(
        arrival + interval - f64::from(quota.burst) * interval - now,
    ))
}

fn interval(quota: Quota) -> f64 {
    1_000_000.0 / f64::from(quota.per_second.max(1))
}

fn micros(micros: f64) -> Duration {
    Duration::from_micros(micros.max(0.0).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota {
        per_second: 10,
        burst: 3,
    };

    #[test]
    fn after_a_pause_as_many_pass_as_the_burst_and_then_one_an_interval() {
        let now = 1e15;
        let (arrival, passed) = take(0.0, now, QUOTA, 5);
        assert_eq!(passed, 3);
        assert_eq!(take(arrival, now, QUOTA, 1).1, 0);
        assert_eq!(
            waits(arrival, now, QUOTA),
            Cell::Waits(Duration::from_millis(100))
        );
        assert_eq!(take(arrival, now + 99_000.0, QUOTA, 1).1, 0);
        assert_eq!(take(arrival, now + 100_000.0, QUOTA, 2).1, 1);
    }

    #[test]
    fn a_clock_that_goes_back_lets_nobody_pass_twice() {
        let (arrival, _) = take(0.0, 1e15, QUOTA, 3);
        assert_eq!(take(arrival, 1e15 - 5e6, QUOTA, 1), (arrival, 0));
    }
}
