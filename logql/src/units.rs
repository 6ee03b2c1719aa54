//! Durations as Go spells them and sizes in bytes.

const NS: [(&str, f64); 10] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("\u{b5}s", 1e3),
    ("\u{3bc}s", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3_600e9),
    ("d", 86_400e9),
    ("w", 604_800e9),
];
const NS_A_YEAR: f64 = 31_536_000e9;

/// Each is known without its `b` too, as Kubernetes writes them: `512Mi`.
const BYTES: [(&str, f64); 13] = [
    ("", 1.0),
    ("k", 1e3),
    ("m", 1e6),
    ("g", 1e9),
    ("t", 1e12),
    ("p", 1e15),
    ("e", 1e18),
    ("ki", 1024.0),
    ("mi", 1_048_576.0),
    ("gi", 1_073_741_824.0),
    ("ti", 1_099_511_627_776.0),
    ("pi", 1_125_899_906_842_624.0),
    ("ei", 1_152_921_504_606_846_976.0),
];

/// Nanoseconds of `1h30m`, `1.5s`, `-250ms`, `5d`; None where it is no duration.
pub fn duration_ns(text: &str) -> Option<f64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    let mut total = 0.0;
    let mut any = false;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let count: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.');
        let unit = &rest[..letters.unwrap_or(rest.len())];
        let ns = match unit {
            "y" => NS_A_YEAR,
            unit => NS.iter().find(|(known, _)| *known == unit)?.1,
        };
        total += count * ns;
        rest = &rest[unit.len()..];
        any = true;
    }
    let signed = if negative { -total } else { total };
    any.then_some(signed)
}

/// Whole nanoseconds, where they can be counted.
pub fn whole_ns(text: &str) -> Option<i64> {
    let ns = duration_ns(text)?;
    (ns.abs() < 9e18).then_some(ns as i64)
}

/// Whole bytes of `5MB`, `1.5 KiB`, `512Mi`, `10b`, `42`; None where it is no size.
pub fn bytes(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ','));
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let number: f64 = number.replace(',', "").parse().ok()?;
    let unit = unit.trim().to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let size = BYTES.iter().find(|(known, _)| *known == unit)?.1;
    Some((number * size).trunc())
}

/// The shortest spelling of a duration: `1h30m`, `1.5s`.
pub fn spelled(ns: i64) -> String {
    match ns % 1_000_000 {
        0 => promql::duration::format(ns / 1_000_000),
        _ => format!("{ns}ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, ns) in [
            ("1h30m", 5_400e9),
            ("1.5s", 1.5e9),
            ("-250ms", -250e6),
            ("10\u{b5}s", 10e3),
            ("2d", 172_800e9),
            ("0", 0.0),
        ] {
            assert_eq!(duration_ns(text), Some(ns), "{text}");
        }
        for wrong in ["", "5", "s", "1x", "1m2", "."] {
            assert_eq!(duration_ns(wrong), None, "{wrong}");
        }
        assert_eq!(spelled(5_400_000_000_000), "1h30m");
        assert_eq!(spelled(5), "5ns");
    }

    #[test]
    fn sizes_are_read() {
        for (text, size) in [
            ("42", 42.0),
            ("5MB", 5e6),
            ("1.5 KiB", 1_536.0),
            ("10b", 10.0),
            ("512Mi", 536_870_912.0),
            ("2 ti", 2_199_023_255_552.0),
            ("1EB", 1e18),
            ("3p", 3e15),
            ("1.5", 1.0),
        ] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for wrong in ["", "MB", "5 xb", "-1B", "5bb", "5i"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
