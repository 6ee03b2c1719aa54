//! Samples of a window of time folded into one number, step by step.

use crate::ast::RangeOp;
use crate::error::EvalError;
use crate::metric::Grid;

/// Samples that all windows of one query may look at, one counted as often as it is seen.
const MOST_WORK: usize = 400_000_000;

/// Values of the steps that have one. Samples are in the order of time and moved by the
/// offset already.
pub(crate) fn at_steps(
    (op, parameter): (RangeOp, f64),
    range_ns: i64,
    samples: &[(i64, f64)],
    grid: Grid,
    work: &mut usize,
) -> Result<Vec<(usize, f64)>, EvalError> {
    let mut found = Vec::new();
    let (mut first, mut end) = (0, 0);
    for step in 0..grid.count {
        let at = grid.time_ns(step);
        let after = at.saturating_sub(range_ns);
        while end < samples.len() && samples[end].0 <= at {
            end += 1;
        }
        while first < end && samples[first].0 <= after {
            first += 1;
        }
        if first == end {
            continue;
        }
        *work += end - first;
        if *work > MOST_WORK {
            let why = format!(
                "the windows of the query look at more than {MOST_WORK} samples; ask for fewer steps or a shorter range"
            );
            return Err(EvalError::TooMuch(why));
        }
        if let Some(value) = fold(op, parameter, range_ns, &samples[first..end]) {
            found.push((step, value));
        }
    }
    Ok(found)
}

fn fold(op: RangeOp, parameter: f64, range_ns: i64, window: &[(i64, f64)]) -> Option<f64> {
    let seconds = range_ns as f64 / 1e9;
    let values = || window.iter().map(|(_, value)| *value);
    Some(match op {
        RangeOp::SumOverTime | RangeOp::CountOverTime | RangeOp::BytesOverTime => values().sum(),
        RangeOp::Rate | RangeOp::BytesRate => values().sum::<f64>() / seconds,
        RangeOp::RateCounter => return counter_rate(window, seconds),
        RangeOp::AvgOverTime => values().sum::<f64>() / window.len() as f64,
        RangeOp::MinOverTime => values().reduce(least)?,
        RangeOp::MaxOverTime => values().reduce(greatest)?,
        RangeOp::StdvarOverTime => variance(window),
        RangeOp::StddevOverTime => variance(window).sqrt(),
        RangeOp::QuantileOverTime => quantile(parameter, values().collect()),
        RangeOp::FirstOverTime => values().next()?,
        RangeOp::LastOverTime => values().next_back()?,
        RangeOp::AbsentOverTime => 1.0,
    })
}

/// NaN only where there is nothing else.
fn least(a: f64, b: f64) -> f64 {
    if b < a || a.is_nan() { b } else { a }
}

fn greatest(a: f64, b: f64) -> f64 {
    if b > a || a.is_nan() { b } else { a }
}

/// Welford's, of the whole population.
fn variance(window: &[(i64, f64)]) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for (_, value) in window {
        count += 1.0;
        let from_mean = value - mean;
        mean += from_mean / count;
        squares += from_mean * (value - mean);
    }
    squares / count
}

/// Linear between the two nearest ranks, as Prometheus has it.
fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(f64::total_cmp);
    let rank = q * (values.len() as f64 - 1.0);
    let (lower, upper) = (rank.floor() as usize, rank.ceil() as usize);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper.min(values.len() - 1)] * weight
}

/// What a counter grew, its resets seen, by second of the range.
fn counter_rate(window: &[(i64, f64)], seconds: f64) -> Option<f64> {
    let [(_, first), .., (_, last)] = window else {
        return None;
    };
    let resets = window.windows(2).filter(|two| two[1].1 < two[0].1);
    let lost: f64 = resets.map(|two| two[0].1).sum();
    Some((last - first + lost) / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NS: i64 = 1_000_000_000;

    #[test]
    fn windows_are_folded() {
        let samples: Vec<(i64, f64)> = [(1, 2.0), (2, 4.0), (3, 1.0), (4, 5.0), (9, 7.0)]
            .map(|(at, value)| (at * NS, value))
            .to_vec();
        let grid = Grid {
            start_ns: 4 * NS,
            step_ns: 4 * NS,
            count: 4,
        };
        // A window has its end, and not its beginning: that of 4 s has 2, 3 and 4, those of
        // 8, 12 and 16 s nothing.
        let table = [
            (RangeOp::SumOverTime, 10.0),
            (RangeOp::Rate, 10.0 / 3.0),
            (RangeOp::AvgOverTime, 10.0 / 3.0),
            (RangeOp::MinOverTime, 1.0),
            (RangeOp::MaxOverTime, 5.0),
            (RangeOp::FirstOverTime, 4.0),
            (RangeOp::LastOverTime, 5.0),
            (RangeOp::QuantileOverTime, 4.0),
            (RangeOp::RateCounter, 5.0 / 3.0),
        ];
        for (op, expected) in table {
            let found = at_steps((op, 0.5), 3 * NS, &samples, grid, &mut 0).unwrap();
            assert_eq!(found, [(0, expected)], "{op:?}");
        }
        let at_once = Grid {
            start_ns: 9 * NS,
            step_ns: 0,
            count: 1,
        };
        let found = at_steps(
            (RangeOp::StddevOverTime, 0.0),
            6 * NS,
            &samples,
            at_once,
            &mut 0,
        );
        assert_eq!(found.unwrap(), [(0, 1.0)], "of 5 and 7");
    }
}
