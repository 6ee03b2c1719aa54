//! Names of OpenTelemetry as Prometheus spells them (`UnderscoreEscapingWithSuffixes`).

use super::points::Kind;

/// A metric's name with the suffixes of its unit and kind.
pub(super) fn metric(name: &str, unit: &str, kind: Kind) -> String {
    let mut tokens: Vec<&str> = name
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == ':'))
        .filter(|token| !token.is_empty())
        .collect();
    let (main, per) = units(unit);
    let (main, per) = (cleaned(&main), cleaned(&per));
    if !main.is_empty() && !tokens.contains(&main.as_str()) {
        tokens.push(&main);
    }
    if !per.is_empty() && !tokens.contains(&per.as_str()) {
        tokens.extend(["per", &per]);
    }
    let last = match kind {
        Kind::Sum { monotonic: true } => Some("total"),
        Kind::Gauge if unit == "1" => Some("ratio"),
        _ => None,
    };
    if let Some(last) = last {
        tokens.retain(|token| *token != last);
        tokens.push(last);
    }
    let joined = tokens.join("_");
    match joined.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{joined}"),
        false => joined,
    }
}

/// A label's name: what is not a letter, digit or underscore becomes an underscore.
pub(super) fn label(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let plain: String = name.chars().map(letter).collect();
    if plain.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("key_{plain}");
    }
    match plain.starts_with('_') && !plain.starts_with("__") {
        true => format!("key{plain}"),
        false => plain,
    }
}

/// `By/s` is `bytes` and `second`; what is in braces says nothing.
fn units(unit: &str) -> (String, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let known = |unit: &str, words: &[(&str, &str)]| {
        let unit = unit.trim();
        if unit.contains(['{', '}']) {
            return String::new();
        }
        let word = words.iter().find(|(short, _)| *short == unit);
        word.map_or(unit, |(_, word)| word).to_owned()
    };
    (known(main, &UNITS), known(per, &PER_UNITS))
}

fn cleaned(unit: &str) -> String {
    let parts = unit
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == ':'))
        .filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("_")
}

const UNITS: [(&str, &str); 27] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
    ("", ""),
];

const PER_UNITS: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_spelled_as_prometheus_spells_them() {
        let counter = Kind::Sum { monotonic: true };
        let cases = [
            (
                "http.server.request.duration",
                "s",
                Kind::Histogram,
                "http_server_request_duration_seconds",
            ),
            (
                "system.io",
                "By/s",
                Kind::Gauge,
                "system_io_bytes_per_second",
            ),
            ("requests", "{request}", counter, "requests_total"),
            ("requests.total.seen", "1", counter, "requests_seen_total"),
            ("cpu.utilization", "1", Kind::Gauge, "cpu_utilization_ratio"),
            ("memory_bytes", "By", Kind::Gauge, "memory_bytes"),
            ("2xx..count", "", Kind::Gauge, "_2xx_count"),
            ("a:b", "foo bar", Kind::Gauge, "a:b_foo_bar"),
            ("", "", Kind::Gauge, ""),
        ];
        for (name, unit, kind, expected) in cases {
            assert_eq!(metric(name, unit, kind), expected);
        }
    }

    #[test]
    fn labels_are_spelled_as_prometheus_spells_them() {
        for (name, expected) in [
            ("http.method", "http_method"),
            ("2xx", "key_2xx"),
            ("_private", "key_private"),
            ("__meta", "__meta"),
            ("größe", "gr__e"),
        ] {
            assert_eq!(label(name), expected);
        }
    }
}
