//! Parameters and times as Loki reads them.

use access::body::{self, Limits};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use chrono::DateTime;

use super::logql;
use super::{Failure, NS};
use crate::Gateway;

const LIMITS: Limits = Limits {
    wire: 1024 * 1024,
    decoded: 4 * 1024 * 1024,
};
const FORM: &[u8] = b"application/x-www-form-urlencoded";
pub(super) const DEFAULT_RANGE_NS: i64 = 3_600 * NS;
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 5_000;
const MOST_STEPS: i64 = 11_000;

/// Parameters from the query and, where it is a form, from the body.
pub struct Asked {
    pairs: Vec<(String, String)>,
    pub(super) now_ns: i64,
}

impl FromRequest<Gateway> for Asked {
    type Rejection = Failure;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let mut asked = Self {
            pairs: Vec::new(),
            now_ns: gateway.clock.now().micros().saturating_mul(1_000),
        };
        asked.add(parts.uri.query().unwrap_or_default().as_bytes());
        let kind = parts.headers.get(CONTENT_TYPE);
        if kind.is_some_and(|kind| kind.as_bytes().starts_with(FORM)) {
            let form = body::decoded(&parts.headers, body, LIMITS).await;
            asked.add(&form.map_err(|error| Failure::Bad(error.to_string()))?);
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

    /// `start` and `end`, the last hour unless told.
    pub(super) fn range(&self) -> Result<(i64, i64), Failure> {
        let to_ns = self.time("end")?.unwrap_or(self.now_ns);
        let from_ns = self
            .time("start")?
            .unwrap_or(to_ns.saturating_sub(DEFAULT_RANGE_NS));
        match from_ns <= to_ns {
            true => Ok((from_ns, to_ns.saturating_add(1))),
            false => Err(Failure::Bad("end is before start".to_owned())),
        }
    }

    pub(super) fn limit(&self) -> Result<usize, Failure> {
        let Some(text) = self.text("limit") else {
            return Ok(DEFAULT_LIMIT);
        };
        let limit = text.parse::<usize>();
        let limit = limit.map_err(|_| Failure::Bad(format!("limit: `{text}` is not a number")))?;
        Ok(limit.clamp(1, MAX_LIMIT))
    }

    pub(super) fn step_ns(&self, range_ns: i64) -> Result<i64, Failure> {
        let step = match self.text("step") {
            None => (range_ns / 250).max(NS),
            Some(text) => logql::duration_ns(text)
                .ok_or_else(|| Failure::Bad(format!("step: `{text}` is not a duration")))?,
        };
        match step >= NS && range_ns / step <= MOST_STEPS {
            true => Ok(step / NS * NS),
            false => Err(Failure::Bad("step: too short for the range".to_owned())),
        }
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
    fn times_are_read_as_loki_reads_them() {
        assert_eq!(time("1700000000"), Some(1_700_000_000 * NS));
        assert_eq!(time("1700000000000000001"), Some(1_700_000_000_000_000_001));
        assert_eq!(time("1700000000.5"), Some(1_700_000_000_500_000_000));
        assert_eq!(time("1970-01-01T00:00:01Z"), Some(NS));
        assert_eq!(time("x"), None);
    }
}
