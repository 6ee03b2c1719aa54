//! What a request says in its address: path and query, typed. What cannot be read is
//! a problem like any other, where axum would answer with bare text.

use axum::extract::{self, FromRequestParts};
use axum::http::request::Parts;
use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde::de::DeserializeOwned;

use crate::error::{Error, FieldError};

/// The variable parts of the path.
#[derive(Debug, Clone)]
pub struct Path<T>(pub T);

/// What stands behind the `?`.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match extract::Path::from_request_parts(parts, state).await {
            Ok(extract::Path(value)) => Ok(Self(value)),
            Err(refused) => Err(unreadable_path(&refused.body_text())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match extract::Query::from_request_parts(parts, state).await {
            Ok(extract::Query(value)) => Ok(Self(value)),
            Err(refused) => {
                let sent = parts.uri.query().unwrap_or_default();
                Err(unreadable_query(sent, &refused.body_text()))
            }
        }
    }
}

/// Of what was sent, so much is quoted.
const QUOTED: usize = 80;
/// What a time that cannot be read is called by its parser.
const NO_TIME: [&str; 4] = [
    "input contains invalid characters",
    "premature end of input",
    "input is out of range",
    "trailing input",
];

/// Names the parameter and quotes what was sent, as far as `why` tells which it is
/// (`…: NAME: reason`, or with a name in backticks).
fn unreadable_query(sent: &str, why: &str) -> Error {
    let why = why
        .strip_prefix("Failed to deserialize query string: ")
        .unwrap_or(why);
    let values = form_urlencoded::parse(sent.as_bytes());
    if let Some((name, reason)) = why.split_once(": ")
        && let Some((_, value)) = values.into_iter().find(|(known, _)| known == name)
    {
        return refused(name, &value, reason);
    }
    match why
        .split_once('`')
        .and_then(|(_, rest)| rest.split_once('`'))
    {
        Some((name, _)) => Error::Malformed(FieldError::new(name, why)),
        None => Error::Malformed(FieldError::new("query", why)),
    }
}

/// The same of a part of the path.
fn unreadable_path(why: &str) -> Error {
    let told = why.strip_prefix("Invalid URL: Cannot parse `");
    let told = told.and_then(|rest| rest.split_once("` with value `"));
    match told.and_then(|(name, rest)| Some((name, rest.rsplit_once("`: ")?))) {
        Some((name, (value, reason))) => refused(name, value, reason),
        None => Error::Malformed(FieldError::new("path", why)),
    }
}

/// Refuses a range whose end comes before its beginning: it would be empty, and nobody
/// asks for that.
pub(crate) fn in_order(
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> Result<(), Error> {
    named_in_order(("from", from), ("to", to))
}

/// The same of a range whose ends have names of their own.
pub(crate) fn named_in_order(
    (beginning, from): (&str, Option<DateTime<Utc>>),
    (end, to): (&str, Option<DateTime<Utc>>),
) -> Result<(), Error> {
    of_our_era(beginning, from)?;
    of_our_era(end, to)?;
    match from.zip(to) {
        Some((from, to)) if from > to => {
            let is_wrong = format!("lies after `{end}`, `{}`", written(to));
            Err(Error::Malformed(FieldError::quoting(
                beginning,
                &written(from),
                &is_wrong,
            )))
        }
        _ => Ok(()),
    }
}

/// RFC 3339 has years of four digits. What reads times takes more, with which neither
/// Postgres nor we can reckon.
fn of_our_era(name: &str, time: Option<DateTime<Utc>>) -> Result<(), Error> {
    match time {
        Some(time) if !(0..=9_999).contains(&time.year()) => {
            Err(refused(name, &written(time), "input is out of range"))
        }
        _ => Ok(()),
    }
}

fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// What is quoted of something that was sent.
pub(crate) fn quoted(sent: &str) -> String {
    sent.chars().take(QUOTED).collect()
}

fn refused(name: &str, value: &str, reason: &str) -> Error {
    Error::Malformed(unreadable(name, value, reason))
}

/// What its parser says of a value that it could not read.
pub(crate) fn unreadable(name: impl Into<String>, value: &str, reason: &str) -> FieldError {
    let is_wrong = match NO_TIME.contains(&reason) {
        true => format!("is not a time as 2026-11-23T02:41:00Z: {reason}"),
        false => format!("cannot be read: {reason}"),
    };
    FieldError::quoting(name, value, &is_wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paging::Paging;
    use axum::Router;
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::get;
    use tower::ServiceExt;
    use uuid::Uuid;

    #[derive(serde::Deserialize)]
    struct When {
        _from: Option<chrono::DateTime<chrono::Utc>>,
    }

    fn told(error: Error) -> (String, String) {
        match error {
            Error::Malformed(field) => (field.field, field.message),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_parameter_is_named_and_its_value_quoted() {
        let query = |text: &str| Request::get(format!("/x?{text}")).body(()).unwrap();
        let (mut parts, ()) = query("a=b&limit=x%20y").into_parts();
        let refused = Query::<Paging>::from_request_parts(&mut parts, &()).await;
        let (field, message) = told(refused.unwrap_err());
        assert_eq!(field, "limit");
        assert!(message.starts_with("`x y` cannot be read: "), "{message}");

        let (mut parts, ()) = query("_from=yesterday").into_parts();
        let refused = Query::<When>::from_request_parts(&mut parts, &()).await;
        let (field, message) = told(refused.err().unwrap());
        assert_eq!(field, "_from");
        assert!(message.contains("`yesterday` is not a time"), "{message}");

        let long = format!("limit={}", "9".repeat(9_000));
        let (mut parts, ()) = query(&long).into_parts();
        let refused = Query::<Paging>::from_request_parts(&mut parts, &()).await;
        assert!(told(refused.unwrap_err()).1.len() < 300);
    }

    #[test]
    fn a_part_of_the_path_is_named_and_quoted() {
        let why = "Invalid URL: Cannot parse `id` with value `x`: UUID parsing failed: too short";
        let expected = ("id", "`x` cannot be read: UUID parsing failed: too short");
        let (field, message) = told(unreadable_path(why));
        assert_eq!((field.as_str(), message.as_str()), expected);
        assert_eq!(told(unreadable_path("odd")), ("path".into(), "odd".into()));
    }

    #[test]
    fn times_that_nobody_can_reckon_with_are_refused_by_name() {
        for year in ["-9999", "+10000", "-262143"] {
            let time: DateTime<Utc> = format!("{year}-01-02T00:00:00Z").parse().unwrap();
            let refused = [in_order(Some(time), None), in_order(None, Some(time))];
            for (refused, name) in refused.into_iter().zip(["from", "to"]) {
                let (field, message) = told(refused.unwrap_err());
                assert_eq!(field, name);
                assert!(message.contains(year), "{message}");
                assert!(message.contains("is not a time"), "{message}");
            }
        }
        for year in ["0000", "9999"] {
            let time: DateTime<Utc> = format!("{year}-12-31T23:59:59Z").parse().unwrap();
            assert!(in_order(Some(time), Some(time)).is_ok(), "{year}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let why = "Failed to deserialize query string: missing field `name`";
        assert_eq!(told(unreadable_query("", why)).0, "name");
    }

    async fn answer(path: &str) -> (u16, String, String) {
        let router: Router = Router::new().route(
            "/things/{id}",
            get(|Path(_): Path<Uuid>, Query(_): Query<Paging>| async {}),
        );
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let kind = answer.headers().get("content-type");
        let kind = kind.map(|kind| kind.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 4_096)
            .await
            .unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let field = problem["errors"][0]["field"].as_str().unwrap_or_default();
        (status, kind.unwrap_or_default(), field.to_owned())
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_a_problem() {
        let id = Uuid::from_u128(7);
        assert_eq!(answer(&format!("/things/{id}?limit=7")).await.0, 200);
        for (wrong, named) in [
            (format!("/things/{id}?limit=x"), "limit"),
            ("/things/x".to_owned(), "id"),
        ] {
            let (status, kind, field) = answer(&wrong).await;
            assert_eq!((status, kind.as_str()), (400, "application/problem+json"));
            assert_eq!(field, named);
        }
    }
}
