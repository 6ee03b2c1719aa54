//! Parameters and times as Loki reads them.

use access::body::{self, Limits};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use chrono::DateTime;
use logql::ast::LogExpr;
use logql::metric::Grid;
use logql::units;
use utoipa::IntoParams;

use super::answer::CATEGORIZED;
use super::{Failure, NS};
use crate::Gateway;

const LIMITS: Limits = Limits {
    wire: 1024 * 1024,
    decoded: 4 * 1024 * 1024,
};
const FORM: &[u8] = b"application/x-www-form-urlencoded";
pub(super) const DEFAULT_RANGE_NS: i64 = 3_600 * NS;
const DEFAULT_LIMIT: usize = 100;
pub(super) const MAX_LIMIT: usize = 5_000;
const MOST_STEPS: i64 = 11_000;
const MS: i64 = 1_000_000;
const FLAGS: &str = "x-loki-response-encoding-flags";

/// Which streams, and when, for the API's document: [`Asked`] is what reads them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its names and types are asked for")]
pub(super) struct Streams {
    /// A stream selector
    query: Option<String>,
    start: Option<String>,
    end: Option<String>,
}

/// The same of a sample of lines.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its names and types are asked for")]
pub(super) struct Sample {
    /// Log lines, in LogQL
    query: Option<String>,
    start: Option<String>,
    end: Option<String>,
    /// How many lines are looked at; 100 unless told, at most 5000
    line_limit: Option<u32>,
}

/// Parameters from the query and, where it is a form, from the body.
pub struct Asked {
    pairs: Vec<(String, String)>,
    pub(super) now_ns: i64,
    /// Whether the client wants to know where labels are from.
    pub(super) categorized: bool,
}

impl FromRequest<Gateway> for Asked {
    type Rejection = Failure;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let mut asked = Self {
            pairs: Vec::new(),
            now_ns: gateway.clock.now().micros().saturating_mul(1_000),
            categorized: is_categorized(&parts.headers),
        };
        asked.add(parts.uri.query().unwrap_or_default().as_bytes());
        let kind = parts.headers.get(CONTENT_TYPE);
        if kind.is_some_and(|kind| kind.as_bytes().starts_with(FORM)) {
            let form = body::decoded(&parts.headers, body, LIMITS).await?;
            asked.add(&form);
        }
        Ok(asked)
    }
}

impl Asked {
    fn add(&mut self, text: &[u8]) {
        self.pairs.extend(form_urlencoded::parse(text).into_owned());
    }

    /// All values of a name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let pairs = self.pairs.iter().filter(move |(known, _)| known == name);
        pairs.map(|(_, value)| value.as_str())
    }

    /// Of a name that came twice the first counts; empty is absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        let found = pairs.find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, Failure> {
        let wrong = |text: &str| Failure::Bad(format!("{name}: `{text}` is not a time"));
        let text = self.text(name);
        text.map(|text| time(text).ok_or_else(|| wrong(text)))
            .transpose()
    }

    /// `start` and `end`, or `since` before the end: the last hour unless told.
    pub(super) fn range(&self) -> Result<(i64, i64), Failure> {
        let to_ns = self.time("end")?.unwrap_or(self.now_ns);
        let since_ns = self.duration("since")?.unwrap_or(DEFAULT_RANGE_NS);
        let from_ns = self
            .time("start")?
            .unwrap_or(to_ns.saturating_sub(since_ns));
        match from_ns <= to_ns {
            true => Ok((from_ns, to_ns.saturating_add(1))),
            false => Err(Failure::Bad("end is before start".to_owned())),
        }
    }

    /// Of lines.
    pub(super) fn limit(&self) -> Result<usize, Failure> {
        let limit = self.count("limit")?.unwrap_or(DEFAULT_LIMIT);
        match limit {
            0 => Err(Failure::Bad("limit must be a positive value".to_owned())),
            1..=MAX_LIMIT => Ok(limit),
            _ => Err(super::too_much(format!(
                "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {MAX_LIMIT})"
            ))),
        }
    }

    pub(super) fn count(&self, name: &str) -> Result<Option<usize>, Failure> {
        let wrong = |text: &str| Failure::Bad(format!("{name}: `{text}` is not a number"));
        let text = self.text(name);
        text.map(|text| text.parse().map_err(|_| wrong(text)))
            .transpose()
    }

    /// How far apart lines are at least; 0 unless told.
    pub(super) fn interval_ns(&self) -> Result<u64, Failure> {
        let Some(text) = self.text("interval") else {
            return Ok(0);
        };
        let wrong = || Failure::Bad(format!("interval: `{text}` is not a duration"));
        let ns = spelled_ns(text).ok_or_else(wrong)?;
        u64::try_from(ns).map_err(|_| Failure::Bad("interval must be >= 0".to_owned()))
    }

    /// `30s`, or a number of seconds.
    fn duration(&self, name: &str) -> Result<Option<i64>, Failure> {
        let wrong = |text: &str| Failure::Bad(format!("{name}: `{text}` is not a duration"));
        let text = self.text(name);
        text.map(|text| duration_ns(text).ok_or_else(|| wrong(text)))
            .transpose()
    }

    pub(super) fn forward(&self) -> Result<bool, Failure> {
        let direction = self.text("direction").map(str::to_ascii_lowercase);
        match direction.as_deref() {
            None | Some("backward") => Ok(false),
            Some("forward") => Ok(true),
            Some(other) => Err(Failure::Bad(format!("invalid direction '{other}'"))),
        }
    }

    /// Steps of whole milliseconds, about 250 unless told.
    pub(super) fn step_ns(&self, range_ns: i64) -> Result<i64, Failure> {
        let step = self.duration("step")?;
        let step = step.unwrap_or((range_ns / 250 / NS * NS).max(NS)) / MS * MS;
        if step < MS {
            let why = "zero or negative query resolution step widths are not accepted. Try a positive integer";
            return Err(Failure::Bad(why.to_owned()));
        }
        match range_ns / step <= MOST_STEPS {
            true => Ok(step),
            false => Err(super::too_much("exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter".to_owned())),
        }
    }

    /// From the start on, step by step, to the end at most.
    pub(super) fn grid(&self, from_ns: i64, end_ns: i64) -> Result<Grid, Failure> {
        let range_ns = end_ns.saturating_sub(from_ns);
        let step_ns = self.step_ns(range_ns)?;
        Ok(Grid {
            start_ns: from_ns,
            step_ns,
            count: usize::try_from(range_ns / step_ns).unwrap_or(0) + 1,
        })
    }

    /// What `query` selects; everything where there is none.
    pub(super) fn log(&self, query: Option<&str>) -> Result<LogExpr, Failure> {
        let text = query.filter(|text| !text.trim().is_empty());
        Ok(text.map(logql::parse_log).transpose()?.unwrap_or_default())
    }
}

fn is_categorized(headers: &HeaderMap) -> bool {
    let flags = headers
        .get_all(FLAGS)
        .iter()
        .filter_map(|flags| flags.to_str().ok());
    let mut flags = flags.flat_map(|flags| flags.split(','));
    flags.any(|flag| flag.trim() == CATEGORIZED)
}

/// `30s`, or a number of seconds; positive.
fn duration_ns(text: &str) -> Option<i64> {
    spelled_ns(text).filter(|ns| *ns > 0)
}

fn spelled_ns(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.abs() < 1e9 => Some((seconds * 1e3).round() as i64 * MS),
        Ok(_) => None,
        Err(_) => units::whole_ns(text),
    }
}

/// Nanoseconds since 1970, seconds with decimals, or RFC 3339.
fn time(text: &str) -> Option<i64> {
    if let Ok(whole) = text.parse::<i64>() {
        // Loki reads ten digits or fewer as seconds.
        return match text.trim_start_matches('-').len() <= 10 {
            true => whole.checked_mul(NS),
            false => Some(whole),
        };
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds.abs() < 9e9).then_some((seconds * 1e9) as i64);
    }
    DateTime::parse_from_rfc3339(text)
        .ok()?
        .timestamp_nanos_opt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_loki_reads_them() {
        for (text, ns) in [
            ("30s", 30 * NS),
            ("0", 0),
            ("1.5", 3 * NS / 2),
            ("-5", -5 * NS),
        ] {
            assert_eq!(spelled_ns(text), Some(ns), "{text}");
            assert_eq!(duration_ns(text), Some(ns).filter(|ns| *ns > 0), "{text}");
        }
        assert_eq!((spelled_ns("x"), spelled_ns("1e12")), (None, None));
    }

    #[test]
    fn times_are_read_as_loki_reads_them() {
        assert_eq!(time("1700000000"), Some(1_700_000_000 * NS));
        assert_eq!(time("1700000000000000001"), Some(1_700_000_000_000_000_001));
        assert_eq!(time("1700000000.5"), Some(1_700_000_000_500_000_000));
        assert_eq!(time("1970-01-01T00:00:01Z"), Some(NS));
        assert_eq!(time("x"), None);
    }
}
