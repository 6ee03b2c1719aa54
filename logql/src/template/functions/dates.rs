//! Times in Go's layouts: the parts of Monday, 2 January 2006, 15:04:05 MST.

use chrono::{DateTime, NaiveDateTime};

use super::super::value::Value;

/// Parts of a layout, longest first, and how chrono names them.
const PARTS: [(&str, &str); 28] = [
    ("January", "%B"),
    ("Monday", "%A"),
    ("2006", "%Y"),
    ("Z07:00", "%:z"),
    ("-07:00", "%:z"),
    ("-0700", "%z"),
    (".000000000", "%.9f"),
    (".000000", "%.6f"),
    (".000", "%.3f"),
    (".999999999", "%.f"),
    (".999999", "%.f"),
    (".999", "%.f"),
    ("Jan", "%b"),
    ("Mon", "%a"),
    ("MST", "UTC"),
    ("06", "%y"),
    ("01", "%m"),
    ("02", "%d"),
    ("15", "%H"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("PM", "%p"),
    ("_2", "%e"),
    ("1", "%-m"),
    ("2", "%-d"),
    ("3", "%-I"),
    ("4", "%-M"),
];

fn layout(go: &str) -> String {
    let mut found = String::new();
    let mut rest = go;
    while let Some(c) = rest.chars().next() {
        match PARTS.iter().find(|(part, _)| rest.starts_with(part)) {
            Some((part, named)) => {
                found.push_str(named);
                rest = &rest[part.len()..];
            }
            None => {
                if c == '%' {
                    found.push('%');
                }
                found.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    found
}

pub(super) fn date(go: &str, time: &Value) -> Result<Value, String> {
    let time = DateTime::from_timestamp_nanos(time.int());
    Ok(Value::Text(time.format(&layout(go)).to_string()))
}

pub(super) fn to_date(go: &str, text: &str) -> Result<Value, String> {
    let layout = layout(go);
    let ns = match DateTime::parse_from_str(text, &layout) {
        Ok(time) => time.timestamp_nanos_opt(),
        Err(_) => {
            let time = NaiveDateTime::parse_from_str(text, &layout).or_else(|_| {
                NaiveDateTime::parse_from_str(&format!("{text} 00:00"), &format!("{layout} %H:%M"))
            });
            time.ok()
                .and_then(|time| time.and_utc().timestamp_nanos_opt())
        }
    };
    ns.map(Value::Time)
        .ok_or_else(|| format!("parsing time {text:?} as {go:?}: it is none"))
}

/// From days, seconds, milliseconds, microseconds or nanoseconds, by their digits.
pub(super) fn from_unix(text: &str) -> Result<Value, String> {
    let number: i64 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    let unit = match text.len() {
        5 => 86_400_000_000_000,
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return Err(format!("{text:?} has none of 5, 10, 13, 16 and 19 digits")),
    };
    let ns = number.checked_mul(unit);
    ns.map(Value::Time)
        .ok_or_else(|| format!("{text:?} is too far from now"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_of_go_are_read_both_ways() {
        let time = to_date("2006-01-02T15:04:05Z07:00", "2023-11-14T22:13:20+00:00").unwrap();
        assert_eq!(time, Value::Time(1_700_000_000_000_000_000));
        let shown = date("Mon, 2 Jan 2006 15:04:05.000 MST", &time).unwrap();
        assert_eq!(shown.to_string(), "Tue, 14 Nov 2023 22:13:20.000 UTC");
        assert_eq!(
            to_date("2006-01-02", "1970-01-02").unwrap(),
            Value::Time(86_400_000_000_000)
        );
        assert_eq!(from_unix("1700000000").unwrap(), time);
        assert!(to_date("2006", "x").is_err() && from_unix("12").is_err());
    }
}
