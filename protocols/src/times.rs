//! Times as senders of JSON and text write them, as nanoseconds since 1970.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use crate::refused::Refused;

/// RFC 3339, the same without a zone (UTC), or a number since 1970 whose size tells
/// its unit: seconds, with fractions or not, milliseconds, microseconds, nanoseconds.
/// Also ISO 8601 as Java's appenders write it and Elasticsearch reads it: a zone without a
/// colon, a comma before the fraction, a day without a time.
pub(crate) fn parse(text: &str, field: &str) -> Result<i64, Refused> {
    let text = text.trim();
    let time = of_number(text).or_else(|| of_rfc3339(text));
    time.or_else(|| of_iso8601(text)).ok_or_else(|| {
        let start: String = text.chars().take(64).collect();
        let detail = format!("{start:?} is neither an RFC 3339 time nor one since 1970");
        Refused::new(field, detail)
    })
}

pub(crate) fn of_rfc3339(text: &str) -> Option<i64> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc));
    zoned
        .or_else(|_| {
            let local = text.parse::<NaiveDateTime>();
            local.map(|time| time.and_utc())
        })
        .ok()?
        .timestamp_nanos_opt()
}

fn of_iso8601(text: &str) -> Option<i64> {
    let text = text.replacen(',', ".", 1);
    if let Ok(zoned) = DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return zoned.timestamp_nanos_opt();
    }
    let midnight = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN));
    of_rfc3339(&text).or_else(|| midnight()?.and_utc().timestamp_nanos_opt())
}

/// Seconds reach 1e11 in the year 5138, milliseconds 1e14, microseconds 1e17.
fn of_number(text: &str) -> Option<i64> {
    if let Ok(whole) = text.parse::<i64>() {
        let unit = match whole.unsigned_abs() {
            0..100_000_000_000 => 1_000_000_000,
            100_000_000_000..100_000_000_000_000 => 1_000_000,
            100_000_000_000_000..100_000_000_000_000_000 => 1_000,
            _ => 1,
        };
        return whole.checked_mul(unit);
    }
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite())?;
    let seconds = match number.abs() {
        size if size < 1e11 => number,
        size if size < 1e14 => number / 1e3,
        size if size < 1e17 => number / 1e6,
        _ => number / 1e9,
    };
    // Two parts, as a double has no room for nanoseconds since 1970.
    let whole = seconds.trunc() as i64;
    let nanos = ((seconds - seconds.trunc()) * 1e9).round() as i64;
    whole.checked_mul(1_000_000_000)?.checked_add(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_number_tells_its_unit() {
        let expected = Ok(1_790_000_000_000_000_000);
        for text in [
            "1790000000",
            "1790000000000",
            "1790000000000000",
            "1790000000000000000",
            "1790000000.0",
            "2026-09-21T14:13:20Z",
            "2026-09-21T16:13:20.000+02:00",
            "2026-09-21T14:13:20",
            "2026-09-21T16:13:20.000+0200",
            "2026-09-21T14:13:20+0000",
            "2026-09-21T14:13:20,000Z",
            "2026-09-21T14:13:20,000",
        ] {
            assert_eq!(parse(text, "timestamp"), expected, "{text}");
        }
        assert_eq!(parse("1970-01-02", "t"), Ok(86_400_000_000_000));
        assert_eq!(parse("1970-01-01T00:00:01,5Z", "t"), Ok(1_500_000_000));
        assert_eq!(parse("1790000000.25", "t"), Ok(1_790_000_000_250_000_000));
    }

    #[test]
    fn other_text_is_quoted() {
        let refused = parse("yesterday", "timestamp").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "timestamp: \"yesterday\" is neither an RFC 3339 time nor one since 1970"
        );
        for text in ["1e300", "NaN", "2026-13-01", "2026-09-21T14:13:20,1,2", ""] {
            assert!(parse(text, "t").is_err(), "{text}");
        }
    }
}
