//! What a question about traces may say.

use chrono::{DateTime, Utc};
use projections::telemetry::spans::Times;
use projections::telemetry::spans::overview::By;
use projections::telemetry::spans::search::Filter;
use projections::telemetry::spans::span::SpanKind;
use schemas::telemetry::MAX_AHEAD_MS;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Gateway;
use crate::error::{Error, FieldError};
use crate::parameters::in_order;

const HOUR_MS: i64 = 3_600_000;
const MOST_FIELDS: usize = 16;
/// No span takes longer than this, in milliseconds.
const MOST_MS: f64 = 1e12;

/// When the spans began.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Range {
    /// An hour before the end unless told.
    pub from: Option<DateTime<Utc>>,
    /// Now, or `as_of`, unless told.
    pub to: Option<DateTime<Utc>>,
}

impl Range {
    pub(super) fn times(self, gateway: &Gateway, as_of_ns: Option<i64>) -> Result<Times, Error> {
        // Clocks differ: what is ahead of ours belongs to now.
        self.between(gateway, as_of_ns, MAX_AHEAD_MS)
    }

    /// For rates: minutes that have not come yet are not divided by.
    pub(super) fn until_now(self, gateway: &Gateway) -> Result<Times, Error> {
        self.between(gateway, None, 0)
    }

    fn between(
        self,
        gateway: &Gateway,
        as_of_ns: Option<i64>,
        ahead_ms: i64,
    ) -> Result<Times, Error> {
        in_order(self.from, self.to)?;
        let now_ms = gateway.clock.now().datetime().timestamp_millis();
        let as_of_ms = as_of_ns.map(|ns| ns.div_euclid(1_000_000));
        let end_ms = self.to.map(|to| to.timestamp_millis()).or(as_of_ms);
        let to_ms = end_ms.unwrap_or(now_ms + ahead_ms);
        let end_ms = end_ms.unwrap_or(now_ms);
        let from_ms = self
            .from
            .map_or(end_ms - HOUR_MS, |from| from.timestamp_millis());
        if from_ms > to_ms {
            return Err(malformed("from", "is after `to`"));
        }
        Ok(Times {
            from_ns: from_ms.saturating_mul(1_000_000),
            to_ns: to_ms.saturating_mul(1_000_000).saturating_add(999_999),
        })
    }
}

/// One span must be all of this.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    pub service: Option<String>,
    pub operation: Option<String>,
    pub min_duration_ms: Option<f64>,
    pub max_duration_ms: Option<f64>,
    /// Whether its status is error.
    pub error: Option<bool>,
    /// internal, server, client, producer, consumer
    pub kind: Option<String>,
}

impl Which {
    pub(super) fn filter(
        self,
        times: Times,
        as_of_ns: Option<i64>,
        query: Option<&str>,
    ) -> Result<Filter, Error> {
        let named = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Filter {
            times,
            service: named(self.service),
            operation: named(self.operation),
            fields: fields(query.unwrap_or_default())?,
            tags: Vec::new(),
            min_duration_ns: duration("min_duration_ms", self.min_duration_ms)?,
            max_duration_ns: duration("max_duration_ms", self.max_duration_ms)?,
            error: self.error,
            status: None,
            kind: named(self.kind).map(|word| kind(&word)).transpose()?,
            as_of_ns,
        })
    }
}

fn malformed(field: &str, message: impl Into<String>) -> Error {
    Error::Malformed(FieldError::new(field, message))
}

fn duration(field: &str, ms: Option<f64>) -> Result<Option<i64>, Error> {
    match ms {
        Some(ms) if !(0.0..=MOST_MS).contains(&ms) => Err(malformed(
            field,
            format!("`{ms}` is no duration in milliseconds"),
        )),
        ms => Ok(ms.map(|ms| (ms * 1e6).round() as i64)),
    }
}

fn kind(word: &str) -> Result<SpanKind, Error> {
    let known = SpanKind::ALL.into_iter().find(|kind| kind.name() == word);
    known.ok_or_else(|| malformed("kind", format!("`{word}` is no kind of a span")))
}

/// Every `attr=name=value` of the query.
fn fields(query: &str) -> Result<Vec<(String, String)>, Error> {
    let asked = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "attr");
    let pairs = asked.filter(|(_, sent)| !sent.is_empty()).map(|(_, sent)| {
        let pair = sent.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) = pair.ok_or_else(|| {
            Error::Malformed(FieldError::quoting("attr", &sent, "is not `name=value`"))
        })?;
        Ok((name.to_owned(), value.to_owned()))
    });
    let pairs = pairs.collect::<Result<Vec<_>, Error>>()?;
    match pairs.len() > MOST_FIELDS {
        true => Err(malformed(
            "attr",
            format!("comes more than {MOST_FIELDS} times"),
        )),
        false => Ok(pairs),
    }
}

pub(super) fn by(word: Option<&str>) -> Result<By, Error> {
    match word.unwrap_or_default() {
        "" | "operation" => Ok(By::Operation),
        "service" => Ok(By::Service),
        other => Err(malformed(
            "by",
            format!("`{other}` is neither operation nor service"),
        )),
    }
}

/// From 32 hex digits, or fewer of an old 64-bit id; None where it is no id.
pub(crate) fn trace_id(text: &str) -> Option<[u8; 16]> {
    let digits = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let id = u128::from_str_radix(text, 16).ok().filter(|_| digits)?;
    Some(id.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_at_the_first_sign() {
        let found = fields("attr=http.url%3Da%3Db&service=x&attr=k%3D&attr=").unwrap();
        let expected = [("http.url", "a=b"), ("k", "")];
        assert_eq!(found, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
        for wrong in ["attr=x", "attr=%3Dy"] {
            assert!(matches!(fields(wrong), Err(Error::Malformed(f)) if f.field == "attr"));
        }
    }

    #[test]
    fn what_is_no_id_is_none() {
        assert_eq!(
            trace_id("0000000000000000000000000000000a"),
            Some(10_u128.to_be_bytes())
        );
        assert_eq!(trace_id("A"), Some(10_u128.to_be_bytes()));
        for wrong in ["", "+a", "g", "0192f0c1-2b3c-7d4e-8f50-123456789abc"] {
            assert_eq!(trace_id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_no_span_can_be_is_refused_by_field() {
        let filter = |which: Which| {
            let times = Times {
                from_ns: 0,
                to_ns: 1,
            };
            which.filter(times, None, None).unwrap_err()
        };
        let kind = Which {
            kind: Some("x".to_owned()),
            ..Which::default()
        };
        assert!(matches!(filter(kind), Error::Malformed(f) if f.field == "kind"));
        let negative = Which {
            min_duration_ms: Some(-1.0),
            ..Which::default()
        };
        assert!(matches!(filter(negative), Error::Malformed(f) if f.field == "min_duration_ms"));
    }
}
