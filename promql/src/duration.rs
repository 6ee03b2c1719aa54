//! Durations as Prometheus spells them: `1h30m`, `100ms`, `1y2w`.

const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// The longest duration and the latest time, so that sums of a few never overflow.
pub const MAX_MS: i64 = 9_000_000_000_000_000;

/// Milliseconds of a duration; None where it is not one. Units come from the largest
/// to the smallest, each at most once.
pub fn parse(text: &str) -> Option<i64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut from = 0;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = UNITS[from..]
            .iter()
            .position(|(unit, _)| *unit == &rest[..letters])?;
        total = total.checked_add(count.checked_mul(UNITS[from + unit].1)?)?;
        from += unit + 1;
        rest = &rest[letters..];
    }
    (!text.is_empty() && total <= MAX_MS).then_some(total)
}

/// The shortest spelling, years and weeks only where they fit exactly.
pub fn format(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::from(if ms < 0 { "-" } else { "" });
    let mut rest = ms.unsigned_abs();
    for (unit, size) in UNITS {
        let size = size.unsigned_abs();
        let exact = matches!(unit, "y" | "w");
        if rest >= size && (!exact || rest.is_multiple_of(size)) {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn durations_are_read_and_spelled() {
        for (text, ms) in [("1h30m", 5_400_000), ("100ms", 100), ("1w", 604_800_000)] {
            assert_eq!(super::parse(text), Some(ms));
            assert_eq!(super::format(ms), text);
        }
        for wrong in ["", "m", "1", "1m1h", "1x", "-1m", "1m1m"] {
            assert_eq!(super::parse(wrong), None, "{wrong}");
        }
    }
}
