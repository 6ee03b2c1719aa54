//! Parameters from the query and, where it is a form, from the body; times, durations
//! and selectors as Prometheus reads them.

use std::time::Duration;

use access::body::{self, Limits};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use chrono::DateTime;
use promql::duration::{self, MAX_MS};
use promql::source::Which;

use super::reply::Failure;

const LIMITS: Limits = Limits {
    wire: 1024 * 1024,
    decoded: 4 * 1024 * 1024,
};

/// The time as of which a query is asked.
pub(super) const AS_OF: &str = "as_of";

/// More than this is never listed at once.
const MOST: usize = 1_000_000;

/// Names and values in the order they came; a name may come often.
pub struct Parameters(Vec<(String, String)>);

impl<S: Sync> FromRequest<S> for Parameters {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let mut pairs = Vec::new();
        let kind = parts.headers.get(CONTENT_TYPE);
        let is_form = kind.is_some_and(|kind| {
            kind.as_bytes()
                .starts_with(b"application/x-www-form-urlencoded")
        });
        if is_form {
            let form = body::decoded(&parts.headers, body, LIMITS).await?;
            pairs.extend(self::pairs(&form));
        }
        // After the form, which counts first, as Go reads them.
        let query = parts.uri.query().unwrap_or_default();
        pairs.extend(self::pairs(query.as_bytes()));
        Ok(Self(pairs))
    }
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

fn invalid(name: &str, why: impl std::fmt::Display) -> Failure {
    Failure::BadData(format!("invalid parameter {name:?}: {why}"))
}

/// Seconds with decimals, or RFC 3339.
fn time(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = (seconds * 1000.0).round();
        return (ms.abs() <= MAX_MS as f64).then_some(ms as i64);
    }
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.timestamp_millis())
}

/// Seconds with decimals, or a duration such as `5m`.
fn span(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = (seconds * 1000.0).round();
        return (ms.abs() <= MAX_MS as f64).then_some(ms as i64);
    }
    duration::parse(text)
}

impl Parameters {
    /// Of a name that came twice the first counts; empty is absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(super) fn query(&self) -> &str {
        self.text("query").unwrap_or_default()
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, Failure> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let wrong = || invalid(name, format!("cannot parse {text:?} to a valid timestamp"));
        time(text).map(Some).ok_or_else(wrong)
    }

    pub(super) fn needed_time(&self, name: &str) -> Result<i64, Failure> {
        let time = self.time(name)?;
        time.ok_or_else(|| invalid(name, "cannot parse \"\" to a valid timestamp"))
    }

    fn span(&self, name: &str) -> Result<Option<i64>, Failure> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let wrong = || invalid(name, format!("cannot parse {text:?} to a valid duration"));
        span(text).map(Some).ok_or_else(wrong)
    }

    pub(super) fn step(&self) -> Result<i64, Failure> {
        let step = self.span("step")?;
        step.ok_or_else(|| invalid("step", "cannot parse \"\" to a valid duration"))
    }

    pub(super) fn options(&self) -> Result<promql::Options, Failure> {
        let mut options = promql::Options::default();
        if let Some(ms) = self.span("timeout")? {
            options.timeout = Some(Duration::from_millis(ms.max(0).unsigned_abs()));
        }
        // As in Prometheus, one that is not positive asks for the usual one.
        if let Some(ms) = self.span("lookback_delta")?.filter(|ms| *ms > 0) {
            options.lookback_ms = ms;
        }
        Ok(options)
    }

    /// How many at most; zero or nothing means all that may be listed.
    pub(super) fn limit(&self) -> Result<usize, Failure> {
        let Some(text) = self.text("limit") else {
            return Ok(MOST);
        };
        match text.parse::<i64>() {
            Ok(0) => Ok(MOST),
            Ok(limit) if limit > 0 => Ok(usize::try_from(limit).unwrap_or(MOST).min(MOST)),
            Ok(_) => Err(invalid("limit", "limit must be non-negative")),
            Err(_) => Err(invalid("limit", format!("{text:?} is not a number"))),
        }
    }

    /// Which series and families there are does not tell when they arrived.
    pub(super) fn no_as_of(&self) -> Result<(), Failure> {
        match self.text(AS_OF) {
            None => Ok(()),
            Some(_) => {
                let why = "only samples and exemplars can be asked for by it";
                Err(Failure::Execution(format!(
                    "invalid parameter {AS_OF:?}: {why}"
                )))
            }
        }
    }

    /// Of what has no memory of arrivals.
    pub(super) fn which(&self) -> Result<Which, Failure> {
        self.no_as_of()?;
        self.which_as_of()
    }

    /// `match[]`, `start` and `end`, and one more than `limit`.
    pub(super) fn which_as_of(&self) -> Result<Which, Failure> {
        let selectors = self.0.iter().filter(|(name, _)| name == "match[]");
        let selectors = selectors
            .map(|(_, text)| {
                promql::series_selector(text).map_err(|error| invalid("match[]", error))
            })
            .collect::<Result<_, _>>()?;
        let from_ms = self.time("start")?.unwrap_or(-MAX_MS);
        let to_ms = self.time("end")?.unwrap_or(MAX_MS);
        if to_ms < from_ms {
            return Err(invalid(
                "end",
                "end timestamp must not be before start time",
            ));
        }
        Ok(Which {
            selectors,
            from_ms,
            to_ms,
            limit: self.limit()? + 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lookback_that_is_not_positive_is_the_usual_one() {
        let lookback = |text: &str| {
            let given = Parameters(vec![("lookback_delta".to_owned(), text.to_owned())]);
            given.options().map(|options| options.lookback_ms)
        };
        let usual = promql::Options::default().lookback_ms;
        for text in ["", "0", "0s", "-5"] {
            assert_eq!(lookback(text).unwrap(), usual, "{text}");
        }
        assert_eq!(lookback("7s").unwrap(), 7000);
        assert!(lookback("soon").is_err());
    }

    #[test]
    fn times_and_durations_are_read() {
        assert_eq!(time("1.5"), Some(1500));
        assert_eq!(time("1970-01-01T00:00:01.25Z"), Some(1250));
        assert_eq!(span("1m30s"), Some(90_000));
        assert_eq!(span("0.5"), Some(500));
        for wrong in ["", "x", "NaN", "1e300", "-Inf"] {
            assert_eq!((time(wrong), span(wrong)), (None, None), "{wrong}");
        }
    }
}
