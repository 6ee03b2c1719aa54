//! Parameters as Jaeger's page sends them.

use std::collections::BTreeMap;

use projections::telemetry::spans::Times;
use projections::telemetry::spans::search::{self, Filter, Found, MOST_SPANS};
use schemas::scope::Scope;

use super::Failure;
use super::tags::{self, Tags};
use crate::Gateway;
use crate::parameters::quoted;
use crate::routes::traces::trace_id;

/// As Jaeger's page has it.
const DEFAULT_LIMIT: i64 = 100;
/// As many as Grafana and Jaeger's page ask for at most.
const MOST_TRACES: u32 = 1_500;
/// Each is looked for on its own.
const MOST_IDS: usize = 200;
const HOUR_US: i64 = 3_600_000_000;
/// Names are listed of so long.
const LATELY_US: i64 = 24 * HOUR_US;
/// Clocks differ.
const AHEAD_US: i64 = 600_000_000;

/// What to look for.
pub(super) struct Asked {
    filter: Filter,
    limit: Limit,
}

/// How many traces are asked for; not all may be answered at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit(i64);

impl Limit {
    pub(super) fn of(asked: &Parameters, name: &str) -> Result<Self, Failure> {
        match asked.number(name)?.unwrap_or(DEFAULT_LIMIT) {
            limit if limit < 1 => Err(bad(name, &limit.to_string(), "is not a number from 1 on")),
            limit => Ok(Self(limit)),
        }
    }

    fn most(self) -> u32 {
        u32::try_from(self.0).map_or(MOST_TRACES, |limit| limit.min(MOST_TRACES))
    }
}

impl Asked {
    pub(super) fn parse(gateway: &Gateway, query: &str) -> Result<Self, Failure> {
        let asked = Parameters::of(query);
        let start_ns = asked.number("start")?.map(|us| us.saturating_mul(1_000));
        let end_ns = asked.number("end")?;
        let end_ns = end_ns.map(|us| us.saturating_mul(1_000).saturating_add(999));
        let times = range(gateway, start_ns, end_ns);
        if times.from_ns > times.to_ns {
            let sent = asked.text("start").unwrap_or_default();
            return Err(bad("start", sent, "lies after 'end'"));
        }
        let tags = Tags::of(asked.tags()?)?;
        Ok(Self {
            filter: Filter {
                service: asked.text("service").map(str::to_owned),
                operation: asked.text("operation").map(str::to_owned),
                min_duration_ns: asked.duration("minDuration")?,
                max_duration_ns: asked.duration("maxDuration")?,
                ..with_tags(times, tags)
            },
            limit: Limit::of(&asked, "limit")?,
        })
    }

    pub(super) fn new(filter: Filter, limit: Limit) -> Self {
        Self { filter, limit }
    }

    pub(super) async fn find(&self, gateway: &Gateway, scope: &Scope) -> Result<Found, Failure> {
        let most = self.limit.most();
        Ok(search::traces(&gateway.db, scope, &self.filter, most).await?)
    }

    /// What is said where fewer traces are answered than were asked for and found.
    pub(super) fn left_out(&self, found: &Found) -> Option<String> {
        let shown = found.traces.len();
        if found.left_out > 0 {
            return Some(format!(
                "only the newest {shown} traces are shown, {} more were found: an answer ends \
                 with the trace that reaches {MOST_SPANS} spans",
                found.left_out
            ));
        }
        let Limit(asked) = self.limit;
        (found.more && asked > i64::from(MOST_TRACES)).then(|| {
            format!(
                "only the newest {shown} traces are shown, and there are more: {asked} were asked \
                 for, an answer has at most {MOST_TRACES}"
            )
        })
    }
}

/// Spans of these times with these tags.
pub(super) fn with_tags(times: Times, tags: Tags) -> Filter {
    Filter {
        times,
        service: None,
        operation: None,
        fields: Vec::new(),
        tags: tags.others,
        min_duration_ns: None,
        max_duration_ns: None,
        error: tags.error,
        status: tags.status,
        kind: tags.kind,
        as_of_ns: None,
    }
}

/// An hour back from the end, and to what clocks may be ahead, unless told.
pub(super) fn range(gateway: &Gateway, start_ns: Option<i64>, end_ns: Option<i64>) -> Times {
    let now_ns = gateway.clock.now().micros().saturating_mul(1_000);
    let back_ns = end_ns.unwrap_or(now_ns).saturating_sub(HOUR_US * 1_000);
    Times {
        from_ns: start_ns.unwrap_or(back_ns),
        to_ns: end_ns.unwrap_or_else(|| now_ns.saturating_add(AHEAD_US * 1_000)),
    }
}

/// Of which service, and of which kind, operations are asked; the kind has these names.
pub(super) fn operations(
    query: &str,
    kind: &[&'static str],
) -> Result<(String, Option<String>), Failure> {
    let asked = Parameters::of(query);
    let service = asked.text("service").map(str::to_owned);
    let service =
        service.ok_or_else(|| Failure::BadRequest("parameter 'service' is required".to_owned()))?;
    Ok((service, asked.text(asked.sent(kind)).map(str::to_owned)))
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
    match ids.len() <= MOST_IDS {
        true => Ok(ids),
        false => Err(Failure::BadRequest(format!(
            "parameter 'traceID' comes more than {MOST_IDS} times"
        ))),
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

pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(query: &str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes());
        Self(
            pairs
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Under which of its names a parameter was sent; the first one where it was not.
    pub(super) fn sent(&self, names: &[&'static str]) -> &'static str {
        let sent = names.iter().find(|name| self.text(name).is_some());
        sent.or(names.first()).copied().unwrap_or_default()
    }

    fn number(&self, name: &str) -> Result<Option<i64>, Failure> {
        let read = |text: &str| {
            text.parse()
                .map_err(|_| bad(name, text, "is not a whole number"))
        };
        self.text(name).map(read).transpose()
    }

    pub(super) fn duration(&self, name: &str) -> Result<Option<i64>, Failure> {
        let read = |text| {
            duration_ns(text).ok_or_else(|| bad(name, text, "is not a duration as 1.5s or 100ms"))
        };
        self.text(name).map(read).transpose()
    }

    /// `tags={"a":"b"}`, `tags=a=b c="d e"` (logfmt, as people type it) and every `tag=a:b`.
    fn tags(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut all = BTreeMap::new();
        for (name, value) in &self.0 {
            match name.as_str() {
                "tags" if value.is_empty() => {}
                "tags" if !value.trim_start().starts_with('{') => {
                    let wrong = || bad("tags", value, "is neither a JSON object nor `name=value`");
                    all.extend(tags::logfmt(value).ok_or_else(wrong)?);
                }
                "tags" => all.extend(tags::json("tags", value)?),
                "tag" => {
                    let pair = value.split_once(':');
                    let (name, value) =
                        pair.ok_or_else(|| bad("tag", value, "is not `name:value`"))?;
                    all.insert(name.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        Ok(all)
    }
}

/// Quotes what was sent, as far as it is short.
pub(super) fn bad(name: &str, sent: &str, why: &str) -> Failure {
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

    /// What the caller is told.
    fn refused<T>(asked: Result<T, Failure>) -> String {
        match asked {
            Err(Failure::BadRequest(why)) => why,
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("it was taken"),
        }
    }

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
        let why = refused(Parameters::of("tags=%7Bx").tags());
        assert!(why.contains("'tags'") && why.contains("`{x`"), "{why}");
    }

    #[test]
    fn ids_of_traces_come_many_times() {
        let one = trace_ids("traceID=a1&x=1&traceID=&traceID=A2").unwrap();
        assert_eq!(
            one.iter().map(|id| id[15]).collect::<Vec<_>>(),
            [0xa1, 0xa2]
        );
        let why = refused(trace_ids("traceID=a1&traceID=xyz"));
        assert!(why.contains("'traceID'") && why.contains("`xyz`"), "{why}");
        assert_eq!(trace_ids(&"traceID=a1&".repeat(200)).unwrap().len(), 200);
        let why = refused(trace_ids(&"traceID=a1&".repeat(201)));
        assert!(why.contains("'traceID'") && why.contains("200"), "{why}");
    }

    #[test]
    fn what_is_cut_is_told() {
        let asked = |limit: &str| {
            let times = Times {
                from_ns: 0,
                to_ns: 1,
            };
            let limit = Limit::of(&Parameters::of(limit), "limit").unwrap();
            Asked::new(with_tags(times, Tags::default()), limit)
        };
        let found = |more: bool, left_out: usize| {
            let mut found = Found::default();
            (found.more, found.left_out) = (more, left_out);
            found
        };
        assert_eq!(asked("").limit.most(), 100);
        assert_eq!(asked("limit=1500").limit.most(), 1_500);
        assert_eq!(asked("limit=9999999999").limit.most(), 1_500);
        // Whoever asks for so many knows that there may be more.
        assert_eq!(asked("limit=1500").left_out(&found(true, 0)), None);
        assert_eq!(asked("limit=1501").left_out(&found(false, 0)), None);
        let told = asked("limit=1501").left_out(&found(true, 0)).unwrap();
        assert!(told.contains("1501 were asked for"), "{told}");
        let told = asked("limit=5").left_out(&found(false, 3)).unwrap();
        assert!(told.contains("3 more were found"), "{told}");
        let why = refused(Limit::of(&Parameters::of("limit=0"), "limit"));
        assert!(why.contains("'limit'") && why.contains("`0`"), "{why}");
    }
}
