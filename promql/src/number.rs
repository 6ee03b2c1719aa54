//! Numbers as Go prints them, since clients compare text.

/// `strconv.FormatFloat(value, 'f', -1, 64)`.
pub fn plain(value: f64) -> String {
    special(value).unwrap_or_else(|| format!("{value}"))
}

/// `strconv.FormatFloat(value, 'g', -1, 64)`: an exponent for the very large or small.
pub fn shortest(value: f64) -> String {
    if let Some(text) = special(value) {
        return text;
    }
    let size = value.abs();
    if size == 0.0 || (1e-4..1e21).contains(&size) {
        return format!("{value}");
    }
    scientific(value)
}

/// As Prometheus writes samples: with an exponent below a millionth and from 1e21 on.
pub fn sample(value: f64) -> String {
    let size = value.abs();
    if value.is_finite() && size != 0.0 && !(1e-6..1e21).contains(&size) {
        return scientific(value);
    }
    plain(value)
}

/// `strconv.FormatFloat(value, 'e', -1, 64)`.
fn scientific(value: f64) -> String {
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

fn special(value: f64) -> Option<String> {
    let text = if value.is_nan() {
        "NaN"
    } else if value == f64::INFINITY {
        "+Inf"
    } else if value == f64::NEG_INFINITY {
        "-Inf"
    } else {
        return None;
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{plain, sample, shortest};

    #[test]
    fn numbers_are_spelled_as_go_does() {
        for (value, text) in [
            (0.1, "0.1"),
            (1e21, "1000000000000000000000"),
            (-0.0, "-0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(plain(value), text);
        }
        for (value, text) in [
            (1e-6, "0.000001"),
            (-2.5e-7, "-2.5e-07"),
            (1e-300, "1e-300"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (f64::MAX, "1.7976931348623157e+308"),
            (-0.0, "-0"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(sample(value), text);
        }
        for (value, text) in [(1e21, "1e+21"), (1.5e-7, "1.5e-07"), (123.0, "123")] {
            assert_eq!(shortest(value), text);
        }
    }
}
