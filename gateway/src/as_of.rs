//! `as_of`: what was known at a time. Items that had not arrived by then are left out;
//! of those that arrived within half a minute of their own time, that stands for their
//! arrival. Answers come from the items themselves: what was only counted does not know
//! when it arrived, and refuses the question.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::DateTime;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::{Error, FieldError};

pub(crate) const NAME: &str = "as_of";

/// For what can be asked so.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AsOf {
    /// Only what had arrived by then, as it was known at that time; a range without an
    /// end ends there.
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub as_of: Option<String>,
}

impl AsOf {
    /// In nanoseconds since 1970.
    pub fn ns(&self) -> Result<Option<i64>, Error> {
        let Some(text) = self.as_of.as_deref() else {
            return Ok(None);
        };
        let time = DateTime::parse_from_rfc3339(text).ok();
        let ns = time.and_then(|time| time.timestamp_nanos_opt());
        let wrong = || {
            let message = format!("`{text}` is no time such as 2026-11-01T02:41:00Z");
            Error::Malformed(FieldError::new(NAME, message))
        };
        ns.map(Some).ok_or_else(wrong)
    }
}

/// For what cannot.
#[derive(Debug, Clone, Copy)]
pub struct NoAsOf;

impl<S: Sync> FromRequestParts<S> for NoAsOf {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = parts.uri.query().unwrap_or_default();
        match form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == NAME) {
            false => Ok(Self),
            true => Err(not_here()),
        }
    }
}

/// Where the question has no answer.
pub(crate) fn not_here() -> Error {
    let message = "is not known here: this is counted, or followed, without regard to \
                   when items arrived";
    Error::Invalid(vec![FieldError::new(NAME, message)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(text: &str) -> Result<Option<i64>, Error> {
        let as_of = Some(text.to_owned());
        AsOf { as_of }.ns()
    }

    #[test]
    fn times_are_read_to_the_nanosecond_and_what_is_none_is_quoted() {
        assert!(matches!(AsOf::default().ns(), Ok(None)));
        let read = ns("1970-01-01T00:00:01.000000002+00:00");
        assert!(matches!(read, Ok(Some(1_000_000_002))));
        for wrong in ["", "yesterday", "9999-01-01T00:00:00Z", "2026-11-01"] {
            let refused = ns(wrong);
            assert!(
                matches!(&refused, Err(Error::Malformed(f)) if f.field == "as_of" && f.message.contains(&format!("`{wrong}`"))),
                "{refused:?}"
            );
        }
    }
}
