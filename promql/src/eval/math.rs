//! Functions of one sample: mathematics, dates, and what a histogram says of itself.

use super::Evaluator;
use crate::{
    QueryError,
    column::{Column, Grid, is_absent},
    histogram,
    parse::ast::Call,
    source::NativeHistogram,
};

pub(super) enum Math {
    Float(fn(f64) -> f64),
    /// With one value per step besides.
    Clamp {
        low: Vec<f64>,
        high: Vec<f64>,
    },
    Round(Vec<f64>),
    Histogram(fn(&NativeHistogram) -> f64),
    Time,
}

/// As Go: NaN wins.
pub(super) fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.min(b)
    }
}

pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

/// Year, month from one, day from one.
fn date(seconds: f64) -> (i64, i64, i64) {
    let days = (seconds as i64).div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(seconds: f64) -> f64 {
    let (year, month, _) = date(seconds);
    let days = match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    f64::from(days)
}

fn day_of_year(seconds: f64) -> f64 {
    let (year, month, day) = date(seconds);
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap = i64::from(month > 2 && is_leap(year));
    (before[(month - 1) as usize] + day + leap) as f64
}

fn part(seconds: f64, size: i64, of: i64) -> f64 {
    ((seconds as i64).rem_euclid(of) / size) as f64
}

/// A function of one float, by name.
pub(super) fn float(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "sqrt" => f64::sqrt,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "deg" => f64::to_degrees,
        "rad" => f64::to_radians,
        "sgn" => sign,
        "minute" => |t| part(t, 60, 3600),
        "hour" => |t| part(t, 3600, 86_400),
        "day_of_week" => |t| ((t as i64).div_euclid(86_400) + 4).rem_euclid(7) as f64,
        "day_of_month" => |t| date(t).2 as f64,
        "day_of_year" => day_of_year,
        "days_in_month" => days_in_month,
        "month" => |t| date(t).1 as f64,
        "year" => |t| date(t).0 as f64,
        _ => return None,
    })
}

impl Math {
    pub(super) fn of(
        evaluator: &Evaluator,
        call: &Call,
        grid: Grid,
    ) -> Result<Option<Self>, QueryError> {
        let scalar = |at: usize| evaluator.scalar(&call.arguments[at], grid);
        let constant = |value: f64| vec![value; grid.count];
        Ok(Some(match call.function.name {
            // Of the current time; there is no series to read.
            _ if call.arguments.is_empty() => return Ok(None),
            "clamp" => Self::Clamp {
                low: scalar(1)?,
                high: scalar(2)?,
            },
            "clamp_min" => Self::Clamp {
                low: scalar(1)?,
                high: constant(f64::INFINITY),
            },
            "clamp_max" => Self::Clamp {
                low: constant(f64::NEG_INFINITY),
                high: scalar(1)?,
            },
            "round" if call.arguments.len() > 1 => Self::Round(scalar(1)?),
            "round" => Self::Round(constant(1.0)),
            "histogram_count" => Self::Histogram(|h| h.count),
            "histogram_sum" => Self::Histogram(|h| h.sum),
            "histogram_avg" => Self::Histogram(|h| h.sum / h.count),
            "histogram_stdvar" => Self::Histogram(histogram::variance),
            "histogram_stddev" => Self::Histogram(|h| histogram::variance(h).sqrt()),
            "timestamp" => Self::Time,
            name => match float(name) {
                Some(float) => Self::Float(float),
                None => return Ok(None),
            },
        }))
    }

    pub(super) fn apply(&self, column: &mut Column, grid: Grid) {
        match self {
            Self::Histogram(of) => {
                for step in 0..grid.count {
                    column.values[step] = match column.histogram(step) {
                        Some(found) => of(found),
                        None => crate::column::ABSENT,
                    };
                }
            }
            Self::Time => {
                for step in 0..grid.count {
                    if column.has(step) {
                        column.values[step] = grid.time(step) as f64 / 1000.0;
                    }
                }
            }
            Self::Float(of) => present(column, |_, value| of(value)),
            Self::Clamp { low, high } => {
                for step in 0..grid.count {
                    if low[step] > high[step] {
                        column.values[step] = crate::column::ABSENT;
                    }
                }
                present(column, |step, value| {
                    larger(low[step], smaller(high[step], value))
                });
            }
            Self::Round(to) => present(column, |step, value| {
                let inverse = 1.0 / to[step];
                (value * inverse + 0.5).floor() / inverse
            }),
        }
        column.drop_histograms();
    }
}

fn present(column: &mut Column, of: impl Fn(usize, f64) -> f64) {
    for (step, value) in column.values.iter_mut().enumerate() {
        if !is_absent(*value) {
            *value = of(step, *value);
        }
    }
}
