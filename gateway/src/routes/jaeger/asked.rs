//! Parameters as Jaeger's page sends them.

use std::collections::BTreeMap;

use projections::telemetry::spans::Times;
use projections::telemetry::spans::search::Filter;
use serde_json::Value;

use super::Failure;
use crate::Gateway;
use crate::parameters::quoted;

const DEFAULT_LIMIT: u32 = 20;
const MOST_TRACES: u32 = 200;
const HOUR_US: i64 = 3_600_000_000;
/// Names are listed of so long.
const LATELY_US: i64 = 24 * HOUR_US;
/// Clocks differ.
const AHEAD_US: i64 = 600_000_000;

/// What to look for.
pub(super) struct Asked {
    pub(super) filter: Filter,
    pub(super) limit: u32,
}

impl Asked {
    pub(super) fn parse(gateway: &Gateway, query: &str) -> Result<Self, Failure> {
        let asked = Parameters::of(query);
        let now_us = gateway.clock.now().micros();
        let end = asked.number("end")?;
        let end_us = end.unwrap_or(now_us + AHEAD_US);
        let start_us = asked
            .number("start")?
            .unwrap_or(end.unwrap_or(now_us).saturating_sub(HOUR_US));
        let mut fields = asked.tags()?;
        // What Jaeger keeps as a tag is a status here.
        let error = fields.remove("error").map(|value| value == "true");
        let limit = asked.number("limit")?.unwrap_or(DEFAULT_LIMIT.into());
        if limit < 1 {
            return Err(bad(
                "limit",
                &limit.to_string(),
                "is not a number from 1 on",
            ));
        }
        if start_us > end_us {
            return Err(bad("start", &start_us.to_string(), "lies after 'end'"));
        }
        Ok(Self {
            filter: Filter {
                times: times(start_us, end_us),
                service: asked.text("service").map(str::to_owned),
                operation: asked.text("operation").map(str::to_owned),
                fields: fields.into_iter().collect(),
                min_duration_ns: asked.duration("minDuration")?,
                max_duration_ns: asked.duration("maxDuration")?,
                error,
                kind: None,
                as_of_ns: None,
            },
            limit: u32::try_from(limit).unwrap_or(MOST_TRACES).min(MOST_TRACES),
        })
    }
}

/// The times of which names are listed.
pub(super) fn lately(gateway: &Gateway) -> Times {
    let now_us = gateway.clock.now().micros();
    times(now_us - LATELY_US, now_us + AHEAD_US)
}

/// `endTs` and `lookback`, in milliseconds.
pub(super) fn lookback(gateway: &Gateway, query: &str) -> Result<Times, Failure> {
    let asked = Parameters::of(query);
    let us = |ms: i64| ms.saturating_mul(1_000);
    let now_us = gateway.clock.now().micros();
    let end_us = asked.number("endTs")?.map(us);
    let back_us = asked.number("lookback")?.map_or(LATELY_US, us);
    // Back from now: what clocks may be ahead is looked at besides.
    let from_us = end_us.unwrap_or(now_us).saturating_sub(back_us);
    Ok(times(from_us, end_us.unwrap_or(now_us + AHEAD_US)))
}

fn times(from_us: i64, to_us: i64) -> Times {
    Times {
        from_ns: from_us.saturating_mul(1_000),
        to_ns: to_us.saturating_mul(1_000).saturating_add(999),
    }
}

struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(query: &str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes());
        Self(
            pairs
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn number(&self, name: &str) -> Result<Option<i64>, Failure> {
        let read = |text: &str| {
            text.parse()
                .map_err(|_| bad(name, text, "is not a whole number"))
        };
        self.text(name).map(read).transpose()
    }

    fn duration(&self, name: &str) -> Result<Option<i64>, Failure> {
        let read = |text| {
            duration_ns(text).ok_or_else(|| bad(name, text, "is not a duration as 1.5s or 100ms"))
        };
        self.text(name).map(read).transpose()
    }

    /// `tags={"a":"b"}` and every `tag=a:b`.
    fn tags(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut tags = BTreeMap::new();
        for (name, value) in &self.0 {
            match name.as_str() {
                "tags" if !value.is_empty() => {
                    let object: BTreeMap<String, Value> = serde_json::from_str(value)
                        .map_err(|_| bad("tags", value, "is not a JSON object"))?;
                    tags.extend(object.into_iter().map(|(name, value)| (name, plain(value))));
                }
                "tag" => {
                    let pair = value.split_once(':');
                    let (name, value) =
                        pair.ok_or_else(|| bad("tag", value, "is not `name:value`"))?;
                    tags.insert(name.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        Ok(tags)
    }
}

fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Quotes what was sent, as far as it is short.
fn bad(name: &str, sent: &str, why: &str) -> Failure {
    let sent = quoted(sent);
    Failure::BadRequest(format!("parameter '{name}' {why}: `{sent}`"))
}

/// `1.5s`, `100ms`, `1m30s`: numbers with units, as Go writes them.
fn duration_ns(text: &str) -> Option<i64> {
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, after) = rest.split_at(end.unwrap_or(rest.len()));
        sum += number * unit_ns(unit)?;
        rest = after;
    }
    (!text.is_empty() && sum < i64::MAX as f64).then_some(sum.round() as i64)
}

fn unit_ns(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3_600e9,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_writes_them() {
        let read = [
            ("1.5s", Some(1_500_000_000)),
            ("100ms", Some(100_000_000)),
            ("1m30s", Some(90_000_000_000)),
            ("3µs", Some(3_000)),
            ("5", None),
            ("", None),
            ("s", None),
            ("1d", None),
        ];
        for (text, expected) in read {
            assert_eq!(duration_ns(text), expected, "{text}");
        }
    }

    #[test]
    fn tags_come_in_two_ways() {
        let asked = Parameters::of("tags=%7B%22a%22%3A%22b%22%2C%22n%22%3A5%7D&tag=c%3Ad%3Ae");
        let tags = asked.tags().unwrap();
        let tags: Vec<_> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(tags, [("a", "b"), ("c", "d:e"), ("n", "5")]);
        assert!(Parameters::of("tags=x").tags().is_err());
    }
}
