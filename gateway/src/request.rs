//! What every request carries besides its question: an id, a trace, and for writes
//! the body with its idempotency key and expected version.

use std::convert::Infallible;

use access::answers;
use access::body::{self, Limits};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName};
use axum::http::request::Parts;
use axum::response::Response;
use schemas::context::{Clock, Context};
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::{Error, FieldError, Problem};
use crate::etag;
use crate::parameters::unreadable;
use crate::readmission::Readmission;

/// The largest body of the API, in bytes, as sent and as decompressed.
const LIMITS: Limits = Limits {
    wire: 256 * 1024,
    decoded: 1024 * 1024,
};
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Characters at most.
pub(crate) const MAX_IDEMPOTENCY_KEY: usize = 200;

/// Names one request in answers, logs and as correlation of what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId {
    pub id: Uuid,
    /// W3C Trace Context, as sent.
    pub traceparent: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().cloned();
        Ok(known.unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

impl RequestId {
    /// The caller's id if it sent a UUID, else a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let sent = answers::sent_id(headers);
        let traceparent = text(headers, &TRACEPARENT)
            .filter(|value| is_traceparent(value))
            .map(str::to_owned);
        Self {
            id: sent.unwrap_or_else(|| Context::ambient(&Clock::System).id()),
            traceparent,
        }
    }
}

/// Gives the request its id.
pub(crate) fn identify(request: &mut Request) -> RequestId {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    id
}

/// Gives the answer the same, in a header and, where it is a problem, in the body.
pub(crate) fn name(id: &RequestId, answer: &mut Response) {
    if let Some(mut problem) = answer.extensions_mut().remove::<Problem>() {
        problem.instance = Some(format!("urn:uuid:{}", id.id));
        problem.request_id = Some(id.id.to_string());
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        answer.headers_mut().remove(CONTENT_LENGTH);
        *answer.body_mut() = body.into();
    }
    answers::name(answer.headers_mut(), id.id);
}

/// Fields of a body that hold secrets.
const SECRETS: [&str; 6] = [
    "password",
    "new_password",
    "code",
    "refresh_token",
    "client_secret",
    "credential",
];

/// The question of a write: its decoded body and how to tell it from others.
#[derive(Debug, Clone)]
pub struct Asked<T> {
    pub body: T,
    pub question: Question,
}

/// The body of what is asked without one: `{}`, where there is any.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

/// A write, as the command that follows from it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Method and concrete path.
    pub route: String,
    pub request: RequestId,
    pub idempotency_key: Option<String>,
    pub expected_version: Option<i64>,
    /// Hash of method, path and body, in hex; secrets are not part of it, because the
    /// log keeps one that is made of it, under a key.
    pub hash: String,
}

impl Question {
    /// Of what follows from a request that was no write itself.
    pub(crate) fn without_body(route: &str, request: &RequestId) -> Self {
        Self {
            route: route.to_owned(),
            request: request.clone(),
            idempotency_key: None,
            expected_version: None,
            hash: hash(route, &serde_json::Value::Null),
        }
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Asked<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let (mut parts, body) = request.into_parts();
        let Ok(id) = RequestId::from_request_parts(&mut parts, state).await;
        let bytes = body::decoded(&parts.headers, body, LIMITS).await?;
        if let Some(readmission) = parts.extensions.get::<Readmission>() {
            readmission.ask()?;
        }
        if !bytes.is_empty() && !is_json(&parts.headers) {
            return Err(Error::NotJson);
        }
        let route = format!("{} {}", parts.method, parts.uri.path());
        let value = parse_value(&bytes)?;
        let question = Question {
            idempotency_key: idempotency_key(&parts.headers)?,
            expected_version: etag::if_match(&parts.headers)?,
            hash: hash(&route, &value),
            request: id,
            route,
        };
        let body = decode(value)?;
        Ok(Self { body, question })
    }
}

/// An absent body is `null`, which reads as no value where the body is optional.
fn parse_value(bytes: &[u8]) -> Result<serde_json::Value, Error> {
    if bytes.is_empty() {
        return Ok(serde_json::Value::Null);
    }
    let refused = |why: String| Error::Malformed(FieldError::new("body", why));
    match serde_json::from_slice(bytes) {
        // serde takes the values of a list for fields in their order: without names nobody
        // knows which of them are secrets.
        Ok(serde_json::Value::Array(_)) => {
            Err(refused("must be a JSON object, not a list".to_owned()))
        }
        read => read.map_err(|e| refused(e.to_string())),
    }
}

fn decode<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(&value).map_err(|e| {
        let sent = text_at(&value, e.path());
        let path = e.path().to_string();
        let message = e.into_inner().to_string();
        let field = match path.as_str() {
            "." => named_field(&message).unwrap_or("body").to_owned(),
            _ => path,
        };
        let outermost = field.split(['.', '[']).next().unwrap_or_default();
        // What stands under a misspelt name may be the secret that was meant.
        let is_known = !message.starts_with("unknown field `");
        let may_be_told = is_known && !SECRETS.contains(&outermost);
        let sent = sent.filter(|sent| may_be_told && !message.contains(sent));
        Error::Malformed(match sent {
            Some(sent) => unreadable(field, sent, &message),
            None => FieldError::new(field, message),
        })
    })
}

/// The text that was sent at `path`; serde quotes what is of another kind itself.
fn text_at<'a>(value: &'a serde_json::Value, path: &Path) -> Option<&'a str> {
    let mut at = value;
    for step in path {
        at = match step {
            Segment::Seq { index } => at.get(index)?,
            Segment::Map { key } => at.get(key)?,
            Segment::Enum { .. } | Segment::Unknown => return None,
        };
    }
    at.as_str()
}

/// serde names a missing and an unknown field in its message only.
fn named_field(message: &str) -> Option<&str> {
    let (kind, rest) = message.split_once(" field `")?;
    ["missing", "unknown"]
        .contains(&kind)
        .then(|| rest.split('`').next())?
}

fn hash(route: &str, body: &serde_json::Value) -> String {
    let mut body = body.clone();
    if let Some(object) = body.as_object_mut() {
        SECRETS.iter().for_each(|name| drop(object.remove(*name)));
    }
    let digest = Sha256::digest(format!("{route}\n{body}"));
    hex::encode(&digest[..16])
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= MAX_IDEMPOTENCY_KEY => Ok(Some(key.to_owned())),
        _ => Err(Error::Malformed(FieldError::new(
            "Idempotency-Key",
            format!("must be 1 to {MAX_IDEMPOTENCY_KEY} visible ASCII characters"),
        ))),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let essence = kind.and_then(|v| v.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// `00-<32 hex>-<16 hex>-<2 hex>` (W3C Trace Context level 1).
fn is_traceparent(value: &str) -> bool {
    let lengths: Vec<_> = value.split('-').map(str::len).collect();
    let hex = value.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    lengths == [2, 32, 16, 2] && hex
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[derive(Debug, serde::Deserialize)]
    struct Named {
        #[allow(dead_code)]
        name: String,
    }

    async fn asked<T: DeserializeOwned>(body: &str) -> Result<Asked<T>, Error> {
        let request = Request::post("/api/v1/things")
            .header("content-type", "application/json; charset=utf-8")
            .header("if-match", "\"3\"")
            .body(Body::from(body.to_owned()))
            .unwrap();
        Asked::from_request(request, &()).await
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        #[allow(dead_code)]
        name: String,
    }

    fn field(error: Error) -> String {
        match error {
            Error::Malformed(field) => field.field,
            other => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn names_the_field_that_is_wrong() {
        assert_eq!(field(asked::<Named>("{}").await.unwrap_err()), "name");
        assert_eq!(
            field(asked::<Named>("{\"name\": 7}").await.unwrap_err()),
            "name"
        );
        assert_eq!(field(asked::<Named>("").await.unwrap_err()), "body");
        assert_eq!(field(asked::<Named>("{").await.unwrap_err()), "body");
        let list = asked::<Named>("[\"a\"]").await.unwrap_err().to_string();
        assert_eq!(list, "body: must be a JSON object, not a list");
        let more = "{\"name\": \"a\", \"expires\": 7}";
        assert_eq!(field(asked::<Strict>(more).await.unwrap_err()), "expires");
    }

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Typed {
        id: Option<Uuid>,
        members: Option<Vec<Uuid>>,
        at: Option<chrono::DateTime<chrono::Utc>>,
        client_secret: Option<Uuid>,
    }

    #[tokio::test]
    async fn quotes_what_was_sent_and_no_secret() {
        let cases = [
            ("{\"id\": \"INC-7\"}", "id: `INC-7` cannot be read"),
            (
                "{\"members\": [\"Ada\"]}",
                "members[0]: `Ada` cannot be read",
            ),
            ("{\"at\": \"noon\"}", "at: `noon` is not a time as"),
            ("{\"id\": 7}", "id: invalid type: integer `7`"),
        ];
        for (body, told) in cases {
            let refused = asked::<Typed>(body).await.unwrap_err().to_string();
            assert!(refused.starts_with(told), "{body}: {refused}");
        }
        let secret = "{\"client_secret\": \"hunter2\"}";
        let refused = asked::<Typed>(secret).await.unwrap_err().to_string();
        assert!(!refused.contains("hunter2"), "{refused}");
        assert!(refused.starts_with("client_secret: "), "{refused}");
        let misspelt = "{\"name\": \"a\", \"pasword\": \"hunter2\"}";
        let refused = asked::<Strict>(misspelt).await.unwrap_err().to_string();
        assert_eq!(refused, "pasword: unknown field `pasword`, expected `name`");
    }

    #[tokio::test]
    async fn an_optional_body_may_be_absent() {
        let asked = asked::<Option<Named>>("").await.unwrap();
        assert!(asked.body.is_none());
        assert_eq!(asked.question.expected_version, Some(3));
        assert_eq!(asked.question.route, "POST /api/v1/things");
    }

    #[tokio::test]
    async fn the_hash_ignores_spelling_and_passwords_only() {
        async fn hash(body: &str) -> String {
            asked::<serde_json::Value>(body)
                .await
                .unwrap()
                .question
                .hash
        }
        let first = hash("{\"a\": 1, \"password\": \"x\"}").await;
        let credential = "{\"a\": 1, \"credential\": {\"token\": \"x\"}}";
        assert_eq!(first, hash(credential).await);
        assert_eq!(first, hash("{\"password\":\"y\",\"a\":1}").await);
        assert_eq!(first, hash("{\"new_password\":\"y\",\"a\":1}").await);
        assert_ne!(first, hash("{\"a\": 2}").await);
    }

    #[tokio::test]
    async fn another_content_type_is_refused() {
        let request = Request::post("/x").body(Body::from("{}")).unwrap();
        let refused = Asked::<serde_json::Value>::from_request(request, &()).await;
        assert!(matches!(refused, Err(Error::NotJson)));
    }

    #[test]
    fn reads_trace_context() {
        let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_traceparent(sent) && !is_traceparent("00-xyz") && !is_traceparent(""));
    }
}
