//! Parameters as Jaeger's page sends them.

use std::collections::BTreeMap;

use projections::telemetry::spans::Times;
use projections::telemetry::spans::search::Filter;
use protocols::spans::SpanKind;
use serde_json::Value;

use super::Failure;
use crate::Gateway;
use crate::parameters::quoted;
use crate::routes::traces::trace_id;

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
        let error = match fields.get("otel.status_code").map(String::as_str) {
            Some("ERROR") => fields.remove("otel.status_code").map(|_| true),
            _ => error,
        };
        let kind = fields.remove("span.kind");
        let kind = kind.map(|name| span_kind(&name)).transpose()?;
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
                kind,
                as_of_ns: None,
            },
            limit: u32::try_from(limit).unwrap_or(MOST_TRACES).min(MOST_TRACES),
        })
    }
}

/// Of which service, and of which kind, operations are asked.
pub(super) fn operations(query: &str) -> Result<(String, Option<String>), Failure> {
    let asked = Parameters::of(query);
    let service = asked.text("service").map(str::to_owned);
    let service =
        service.ok_or_else(|| Failure::BadRequest("parameter 'service' is required".to_owned()))?;
    Ok((service, asked.text("spanKind").map(str::to_owned)))
}

pub(super) type TraceId = [u8; 16];

/// Traces that are asked for by `traceID`, which may come many times.
pub(super) fn trace_ids(query: &str) -> Result<Vec<TraceId>, Failure> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let named = pairs.filter(|(name, value)| name == "traceID" && !value.is_empty());
    let read = |(_, text): (_, std::borrow::Cow<'_, str>)| {
        trace_id(&text).ok_or_else(|| bad("traceID", &text, "is no id of a trace"))
    };
    let ids: Vec<_> = named.map(read).collect::<Result<_, _>>()?;
    match ids.len() <= MOST_TRACES as usize {
        true => Ok(ids),
        false => Err(Failure::BadRequest(format!(
            "parameter 'traceID' comes more than {MOST_TRACES} times"
        ))),
    }
}

fn span_kind(name: &str) -> Result<SpanKind, Failure> {
    let mut kinds = SpanKind::ALL.into_iter();
    let found = kinds.find(|kind| kind.name() == name);
    found.ok_or_else(|| bad("span.kind", name, "is no kind of span"))
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

    /// `tags={"a":"b"}`, `tags=a=b c="d e"` (logfmt, as people type it) and every `tag=a:b`.
    fn tags(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut tags = BTreeMap::new();
        for (name, value) in &self.0 {
            match name.as_str() {
                "tags" if value.is_empty() => {}
                "tags" if !value.trim_start().starts_with('{') => {
                    let wrong = || bad("tags", value, "is neither a JSON object nor `name=value`");
                    tags.extend(logfmt(value).ok_or_else(wrong)?);
                }
                "tags" => {
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

/// `a=b c="d e"`; a name alone is `true`, as in Jaeger's page.
fn logfmt(text: &str) -> Option<Vec<(String, String)>> {
    let (mut rest, mut pairs) = (text.trim(), Vec::new());
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace());
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        if name.is_empty() || name.contains('"') {
            return None;
        }
        let (value, after) = match after.strip_prefix('=') {
            None => ("true".to_owned(), after),
            Some(after) => logfmt_value(after)?,
        };
        pairs.push((name.to_owned(), value));
        rest = after.trim_start();
    }
    Some(pairs)
}

/// A value, quoted or not, and what is behind it.
fn logfmt_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, after) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
        return Some((value.to_owned(), after));
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, letter) in quoted.char_indices() {
        match letter {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return Some((value, &quoted[at + 1..])),
            letter => {
                value.push(letter);
                escaped = false;
            }
        }
    }
    None
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
        assert!(Parameters::of("tags=%7Bx").tags().is_err());
    }

    #[test]
    fn tags_may_be_typed_as_logfmt() {
        let read = |text: &str| {
            let tags = Parameters(vec![("tags".to_owned(), text.to_owned())]).tags();
            tags.ok().map(|tags| tags.into_iter().collect::<Vec<_>>())
        };
        let pairs = |pairs: &[(&str, &str)]| {
            let owned = pairs
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()));
            Some(owned.collect::<Vec<_>>())
        };
        assert_eq!(
            read(r#"error http.status_code=500  msg="a \"b\" c" "#),
            pairs(&[
                ("error", "true"),
                ("http.status_code", "500"),
                ("msg", "a \"b\" c")
            ])
        );
        assert_eq!(read("a= b=1"), pairs(&[("a", ""), ("b", "1")]));
        for wrong in ["=x", "a=\"b", "\"a\"=b"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_kind_is_a_tag_as_jaeger_has_it() {
        assert_eq!(span_kind("server").unwrap(), SpanKind::Server);
        assert!(span_kind("x").is_err());
    }

    #[test]
    fn ids_of_traces_come_many_times() {
        let one = trace_ids("traceID=a1&x=1&traceID=&traceID=A2").unwrap();
        assert_eq!(
            one.iter().map(|id| id[15]).collect::<Vec<_>>(),
            [0xa1, 0xa2]
        );
        assert!(trace_ids("traceID=xyz").is_err());
        assert!(trace_ids(&"traceID=a1&".repeat(201)).is_err());
    }
}
