//! Why a request was not taken, and how the agent is told (RFC 9457).

use std::time::Instant;

use access::answers;
use access::body::BodyError;
use access::denied::Denied;
use access::permissions::KeyScope;
use access::rates::Limited;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use eventlog::LogError;
use schemas::codec::CodecError;
use schemas::context::{Clock, Context};
use serde_json::json;
use uuid::Uuid;

use crate::seldom::Seldom;

/// An agent sends again after 503 and gives up after a 4xx.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("the API key has no scope `{}`", .0.name())]
    WrongScope(KeyScope),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("{field} {problem}")]
    Invalid { field: String, problem: String },
    #[error("this path does not take {0}")]
    WrongMethod(Method),
    /// The content type is none that the route reads.
    #[error("content type `{sent}` is not supported here; what is: {known}")]
    UnsupportedType { sent: String, known: String },
    /// No item of the body could be taken.
    #[error("none of {items} items was taken: {first}")]
    NothingTaken { items: u64, first: String },
    #[error("the tenant sends more than its {limit} bytes per second")]
    TooFast { limit: u64, retry_seconds: u16 },
    #[error(transparent)]
    TooOften(#[from] Limited),
    #[error("API keys cannot be checked at the moment")]
    KeyringBehind,
    #[error(transparent)]
    Log(LogError),
    /// What stands behind it is in our own log, under this id.
    #[error("the log cannot take this at the moment; send it again (request {0})")]
    LogAway(Uuid),
    #[error("the request took too long")]
    TooSlow,
    #[error("the record could not be written: {0}")]
    Codec(#[from] CodecError),
    #[error("the request could not be handled")]
    Panicked,
}

/// Agents that are refused come again, by the thousand.
static FULL: Seldom = Seldom::new();

impl From<LogError> for Refusal {
    /// An agent is told what it can do about; brokers and files are the operator's.
    fn from(error: LogError) -> Self {
        match error {
            LogError::TooLarge { .. } => return Self::Log(error),
            LogError::Full { .. } => {
                if let Some(more) = FULL.admit(Instant::now()) {
                    tracing::warn!(%error, more, "agents are refused");
                }
                return Self::Log(error);
            }
            _ => {}
        }
        let request_id = Context::ambient(&Clock::System).id();
        tracing::warn!(%error, %request_id, "the log did not take what an agent sent");
        Self::LogAway(request_id)
    }
}

const SOON_SECONDS: u16 = 2;
/// A full log is emptied by retention or by an operator, not within seconds.
const LATER_SECONDS: u16 = 30;

impl Refusal {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Denied(_) => StatusCode::UNAUTHORIZED,
            Self::WrongScope(_) => StatusCode::FORBIDDEN,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Body(BodyError::TooLarge { .. }) | Self::Log(LogError::TooLarge { .. }) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Body(BodyError::UnsupportedEncoding(_)) | Self::UnsupportedType { .. } => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::Body(BodyError::Undecodable { .. } | BodyError::Unreadable(_))
            | Self::Invalid { .. }
            | Self::NothingTaken { .. } => StatusCode::BAD_REQUEST,
            Self::TooFast { .. } | Self::TooOften(Limited::TooMany { .. }) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::KeyringBehind
            | Self::TooOften(Limited::Uncounted)
            | Self::Log(_)
            | Self::LogAway(_)
            | Self::TooSlow
            // Agents give up after a 408 too.
            | Self::Body(BodyError::TooSlow(_))
            | Self::Codec(_)
            | Self::Panicked => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The stable name of the reason; also the label that refusals are counted by.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.rule(),
            Self::WrongScope(_) => "scope_missing",
            Self::WrongMethod(_) => "method_not_allowed",
            Self::Body(BodyError::TooLarge { .. }) | Self::Log(LogError::TooLarge { .. }) => {
                "body_too_large"
            }
            Self::Body(BodyError::UnsupportedEncoding(_)) => "encoding_unsupported",
            Self::TooSlow | Self::Body(BodyError::TooSlow(_)) => "timeout",
            Self::Body(_) => "body_unreadable",
            Self::Invalid { .. } => "invalid",
            Self::UnsupportedType { .. } => "type_unsupported",
            Self::NothingTaken { .. } => "nothing_taken",
            Self::TooFast { .. } => "rate_limited",
            Self::TooOften(limited) => limited.rule(),
            Self::KeyringBehind => "keyring_behind",
            Self::Log(LogError::Full { heavy: true, .. }) => "log_full_heavy_tenant",
            Self::Log(LogError::Full { .. }) => "log_full",
            Self::Log(_) | Self::LogAway(_) => "log_unavailable",
            Self::Codec(_) | Self::Panicked => "internal",
        }
    }

    pub(crate) fn retry_after_seconds(&self) -> Option<u16> {
        match self {
            Self::Log(LogError::Full { .. }) => Some(LATER_SECONDS),
            Self::TooFast { retry_seconds, .. } => Some(*retry_seconds),
            Self::TooOften(Limited::TooMany { retry_after, .. }) => {
                let seconds = retry_after.as_secs_f64().ceil().max(1.0);
                Some(seconds as u16)
            }
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => Some(SOON_SECONDS),
            _ => None,
        }
    }

    /// When to come back, how to authenticate and what to ask the operator about, which all
    /// dialects say in headers.
    pub(crate) fn dress(&self, headers: &mut HeaderMap) {
        if let Self::LogAway(id) = self {
            answers::name(headers, *id);
        }
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            let ways = HeaderValue::from_static("Bearer realm=\"ingest\", Basic realm=\"ingest\"");
            headers.insert(WWW_AUTHENTICATE, ways);
        }
    }

    /// As problem details.
    pub(crate) fn problem(&self) -> Response {
        let status = self.status();
        let errors = match self {
            Self::Invalid { field, problem } => json!([{ "field": field, "message": problem }]),
            _ => json!([]),
        };
        let problem = json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.to_string(),
            "rule": self.rule(),
            "errors": errors,
        });
        let mut response = (status, problem.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        self.dress(headers);
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.problem()
    }
}
