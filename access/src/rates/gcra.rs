//! The algorithm: one instant a subject, at which everything that came would have come
//! evenly. Instants in microseconds.

use std::time::Duration;

use super::Quota;

/// A rounding error of a microsecond must not cost a request.
const ROUNDING: f64 = 1.0;

/// What becomes of one that comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Passes { remaining: u32, reset: Duration },
    Waits(Duration),
}

/// The theoretical arrival time after `wanted` at `now`, and how many of them pass. It is
/// never further ahead than a whole burst brings it, so that a clock that is set back, by
/// however much, costs one burst.
pub(super) fn take(arrival: f64, now: f64, quota: Quota, wanted: u32) -> (f64, u32) {
    let interval = interval(quota);
    let full = now + f64::from(quota.burst) * interval;
    let from = arrival.max(now).min(full + ROUNDING);
    let room = full - from;
    let fit = ((room + ROUNDING) / interval).floor().max(0.0);
    let passed = fit.min(f64::from(wanted));
    (from + passed * interval, passed as u32)
}

/// What to tell after one passed.
pub(super) fn passed(arrival: f64, now: f64, quota: Quota) -> Cell {
    let interval = interval(quota);
    let room = now + f64::from(quota.burst) * interval - arrival;
    Cell::Passes {
        remaining: ((room + ROUNDING) / interval).floor().max(0.0) as u32,
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
    use proptest::prelude::*;

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
    fn a_clock_that_goes_back_lets_nobody_pass_twice_and_costs_one_burst() {
        let (arrival, _) = take(0.0, 1e15, QUOTA, 3);
        let back = 1e15 - 3.6e9;
        let (arrival, passed) = take(arrival, back, QUOTA, 1);
        assert_eq!(passed, 0);
        let Cell::Waits(wait) = waits(arrival, back, QUOTA) else {
            panic!("it waits");
        };
        assert!(wait <= Duration::from_micros(100_001), "{wait:?}");
        assert_eq!(take(arrival, back + 300_001.0, QUOTA, 3).1, 3);
    }

    proptest! {
        /// Wherever the clock was before: who waits for an interval passes, who waits for a
        /// burst has all of it, and no clock lets more than a burst pass at one instant.
        #[test]
        fn no_jump_of_the_clock_costs_more_than_a_burst(
            per_second in 1_u32..10_000,
            burst in 1_u32..1_000,
            steps in prop::collection::vec((-4_000_000_000_i64..4_000_000_000, 1_u32..5), 1..40),
        ) {
            let quota = Quota { per_second, burst };
            let mut arrival = 0.0;
            let mut now = 1.79e15;
            for (jump, wanted) in steps {
                now += jump as f64;
                let (next, passed) = take(arrival, now, quota, wanted);
                prop_assert!(passed <= wanted.min(burst));
                arrival = next;
                let interval = interval(quota);
                if let Cell::Waits(wait) = waits(arrival, now, quota) {
                    prop_assert!(wait.as_micros() as f64 <= interval + 2.0, "{wait:?}");
                    let later = now + wait.as_micros() as f64;
                    prop_assert_eq!(take(arrival, later, quota, 1).1, 1);
                }
                let rested = now + f64::from(burst) * interval + 1.0;
                prop_assert_eq!(take(arrival, rested, quota, burst).1, burst);
            }
        }
    }
}
