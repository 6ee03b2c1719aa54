//! Everything that a request can be answered with besides what it asked for, as
//! `application/problem+json` (RFC 9457).

use std::ops::RangeInclusive;

use access::body::BodyError;
use access::denied::Denied;
use access::permissions::Action;
use access::rates::Limited;
use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use eventlog::LogError;
use projections::db::QueryError;
use projections::vault::VaultError;
use promql::budget::NoMemory;
use schemas::ids::CommandId;
use schemas::outcome::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::limits;
use crate::parameters::quoted;

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("the e-mail address or the password is wrong")]
    BadCredentials,
    #[error("the session is over: {0}")]
    SessionOver(&'static str),
    #[error("this needs leave for `{}`", .0.name())]
    Forbidden(Action),
    #[error("this needs a person's session, not an API key")]
    PersonNeeded,
    #[error("the request comes from another site")]
    CrossSite,
    #[error("registration is closed on this installation")]
    RegistrationClosed,
    #[error("this e-mail address already has an account")]
    EmailTaken,
    #[error(
        "this password was set by somebody else: choose your own by POST /api/v1/auth/initial-password"
    )]
    PasswordChangeRequired,
    #[error(
        "this password was set by somebody else and not replaced in time: ask them for a new account or an invitation"
    )]
    InitialPasswordExpired,
    #[error("this account has a password of its own already: sign in with it")]
    PasswordIsOwn,
    #[error("too many wrong passwords or codes; wait {retry_after_s} s")]
    LockedOut { retry_after_s: i64 },
    #[error("this account has a second factor: send its code, or a recovery code, as `code`")]
    SecondFactorNeeded,
    #[error("this account has a second factor already: turn it off first")]
    SecondFactorEnabled,
    #[error("the code is wrong or was used before")]
    WrongCode,
    #[error("this needs a fresh proof of who you are: POST /api/v1/auth/prove")]
    ProofNeeded,
    #[error("members of this organisation sign in by its own provider")]
    SignOnNeeded,
    #[error("this session reaches one organisation, not the account: sign in with your password")]
    AccountNeeded,
    #[error("the invitation is for another e-mail address than yours")]
    InvitationForAnother,
    #[error("X-Project names another project than the credential")]
    ProjectMismatch,
    #[error("there is no such thing here")]
    NotFound,
    #[error("this path does not take this method")]
    MethodNotAllowed,
    #[error("{}: {}", .0.field, .0.message)]
    Malformed(FieldError),
    #[error("{}", told(.0))]
    Invalid(Vec<FieldError>),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("this is a WebSocket: the request must ask for an upgrade")]
    UpgradeNeeded,
    #[error("the body must be application/json")]
    NotJson,
    #[error(transparent)]
    Limited(#[from] Limited),
    /// An aggregate refused a command, and the audit knows of it.
    #[error("{}", .0.detail)]
    Refused(Refusal),
    /// The gateway refused it by a rule of its own, before there was a command.
    #[error("{}", .0.detail)]
    RefusedHere(Refusal),
    /// The command is in the log, its outcome or its effect not yet to be seen.
    #[error("the command is not settled yet")]
    NotYet(CommandId),
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Internal(String),
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Path of the field, for instance `scopes[0]`.
    pub field: String,
    pub message: String,
}

impl FieldError {
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }

    /// Says of what was sent that it `is_wrong`, with the beginning of it.
    pub fn quoting(field: impl Into<String>, sent: &str, is_wrong: &str) -> Self {
        Self::new(field, format!("`{}` {is_wrong}", quoted(sent)))
    }

    /// Says of an address that it `is_wrong`; one that may have a password or a key in it
    /// is not quoted.
    pub(crate) fn of_address(field: &str, sent: &str, is_wrong: &str) -> Self {
        match sent.contains(['@', '?']) {
            true => Self::new(field, is_wrong),
            false => Self::quoting(field, sent, is_wrong),
        }
    }

    /// `text` has too few or too many characters.
    pub(crate) fn of_length(
        field: impl Into<String>,
        text: &str,
        bounds: &RangeInclusive<usize>,
    ) -> Option<Self> {
        let length = text.chars().count();
        let (least, most) = (bounds.start(), bounds.end());
        let message = format!("has {length} characters, not {least} to {most}");
        (!bounds.contains(&length)).then(|| Self::new(field, message))
    }
}

/// The answer to a write whose outcome is not known yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pending {
    #[schema(value_type = uuid::Uuid)]
    pub command_id: CommandId,
    pub status_url: String,
}

/// A problem as RFC 9457 shows it. `request_id` and `instance` are filled in on the
/// way out, where the request is known.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// `urn:uuid:` and the request id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
    /// The rule that refused; stable, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Where the rule is about a transition: what would be allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_next: Option<Vec<String>>,
}

/// What the audit is still to be told of an answer: the rule that refused.
#[derive(Debug, Clone)]
pub(crate) struct Untold(pub(crate) String);

impl Error {
    /// A refusal by a rule of the gateway's own.
    pub(crate) fn refused_here(rule: &str, detail: impl Into<String>) -> Self {
        Self::RefusedHere(Refusal {
            rule: rule.to_owned(),
            detail: detail.into(),
            allowed_next: Vec::new(),
        })
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::Denied(_)
            | Self::BadCredentials
            | Self::SecondFactorNeeded
            | Self::WrongCode
            | Self::SessionOver(_) => StatusCode::UNAUTHORIZED,
            Self::LockedOut { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Forbidden(_)
            | Self::PersonNeeded
            | Self::CrossSite
            | Self::ProofNeeded
            | Self::SignOnNeeded
            | Self::AccountNeeded
            | Self::InvitationForAnother
            | Self::PasswordChangeRequired
            | Self::InitialPasswordExpired
            | Self::RegistrationClosed => StatusCode::FORBIDDEN,
            Self::EmailTaken
            | Self::ProjectMismatch
            | Self::PasswordIsOwn
            | Self::SecondFactorEnabled => StatusCode::CONFLICT,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::UpgradeNeeded => StatusCode::UPGRADE_REQUIRED,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Body(BodyError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::TooSlow(_)) => StatusCode::REQUEST_TIMEOUT,
            Self::NotJson | Self::Body(BodyError::UnsupportedEncoding(_)) => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::Limited(Limited::TooMany { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::Limited(Limited::Uncounted) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(refusal) | Self::RefusedHere(refusal) => refused(&refusal.rule),
            Self::NotYet(_) => StatusCode::ACCEPTED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The rule's stable name.
    pub(crate) fn rule(&self) -> Option<&str> {
        Some(match self {
            Self::Denied(denied) => denied.rule(),
            Self::BadCredentials => "bad_credentials",
            Self::SessionOver(_) => "session_over",
            Self::Forbidden(_) => "forbidden",
            Self::PersonNeeded => "person_needed",
            Self::CrossSite => "cross_site",
            Self::RegistrationClosed => "registration_closed",
            Self::EmailTaken => "email_taken",
            Self::ProjectMismatch => "project_mismatch",
            Self::Limited(limited) => limited.rule(),
            Self::LockedOut { .. } => "locked_out",
            Self::SecondFactorNeeded => "second_factor_needed",
            Self::SecondFactorEnabled => "second_factor_enabled",
            Self::WrongCode => "wrong_code",
            Self::ProofNeeded => "proof_needed",
            Self::SignOnNeeded => "sign_on_needed",
            Self::AccountNeeded => "account_needed",
            Self::InvitationForAnother => "invitation_for_another",
            Self::PasswordChangeRequired => "password_change_required",
            Self::InitialPasswordExpired => "initial_password_expired",
            Self::PasswordIsOwn => "password_is_own",
            Self::Refused(refusal) if refusal.rule == "not_found" => return None,
            Self::Refused(refusal) | Self::RefusedHere(refusal) => &refusal.rule,
            _ => return None,
        })
    }

    /// What the caller is told of it.
    pub(crate) fn told(&self) -> Option<String> {
        match self {
            // The refusal may name the aggregate; a foreign thing must look like none.
            Self::Refused(refusal) if refusal.rule == "not_found" => {
                Some(Self::NotFound.to_string())
            }
            // What went wrong inside is for the operator's log.
            Self::Internal(_) => None,
            other => Some(other.to_string()),
        }
    }

    fn problem(&self) -> Problem {
        let status = self.status();
        let (errors, allowed_next) = match self {
            Self::Malformed(field) => (vec![field.clone()], None),
            Self::Invalid(fields) => (fields.clone(), None),
            Self::Refused(refusal) if refusal.rule == "invalid" => {
                (field_of(&refusal.detail).into_iter().collect(), None)
            }
            Self::Refused(refusal) | Self::RefusedHere(refusal)
                if status == StatusCode::CONFLICT =>
            {
                (Vec::new(), Some(refusal.allowed_next.clone()))
            }
            _ => (Vec::new(), None),
        };
        Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: self.told(),
            instance: None,
            request_id: None,
            errors,
            rule: self.rule().map(str::to_owned),
            allowed_next,
        }
    }
}

/// Each field with what is wrong with it.
fn told(fields: &[FieldError]) -> String {
    let each = fields
        .iter()
        .map(|wrong| format!("{}: {}", wrong.field, wrong.message));
    each.collect::<Vec<_>>().join("; ")
}

/// The field that a refusal of what was typed begins with: "`name` is empty".
fn field_of(detail: &str) -> Option<FieldError> {
    let (field, message) = detail.strip_prefix('`')?.split_once("` ")?;
    Some(FieldError::new(field, message))
}

/// The status of a refusal by its rule: a rule about what was typed is 422, about a version
/// 412, about something that is not there 404, and all others are conflicts.
fn refused(rule: &str) -> StatusCode {
    match rule {
        "not_found" => StatusCode::NOT_FOUND,
        "stale_version" => StatusCode::PRECONDITION_FAILED,
        "idempotency_mismatch" | "invalid" | "other_name" => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::CONFLICT,
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Self::NotYet(command_id) = self {
            let status_url = format!("/api/v1/commands/{command_id}");
            let pending = Pending {
                command_id,
                status_url,
            };
            return (StatusCode::ACCEPTED, Json(pending)).into_response();
        }
        if let Self::Internal(why) = &self {
            tracing::error!(%why, "a request failed inside");
        }
        let problem = self.problem();
        let mut response = (self.status(), Json(&problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Self::Limited(limited) = &self {
            limits::refuse(limited, headers);
        }
        if let Self::LockedOut { retry_after_s } = &self {
            headers.insert(RETRY_AFTER, HeaderValue::from(*retry_after_s));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(problem);
        if let Self::RefusedHere(refusal) = self {
            response.extensions_mut().insert(Untold(refusal.rule));
        }
        response
    }
}

impl From<NoMemory> for Error {
    fn from(why: NoMemory) -> Self {
        match why {
            NoMemory::Alone(_) => Self::Invalid(vec![FieldError::new("query", why.to_string())]),
            NoMemory::WithOthers(_) => Self::Unavailable(why.to_string()),
        }
    }
}

impl From<QueryError> for Error {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Unavailable(_) => {
                tracing::warn!(%error, "a query has no answer");
                Self::Unavailable("the read models are not available".to_owned())
            }
            QueryError::Failed(_) => Self::Internal(error.to_string()),
            QueryError::NoMemory(why) => why.into(),
        }
    }
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Database(error) => error.into(),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        QueryError::from(error).into()
    }
}

impl From<LogError> for Error {
    fn from(error: LogError) -> Self {
        tracing::warn!(%error, "the log refused a command");
        match error {
            LogError::TooLarge { limit, .. } => Self::Body(BodyError::TooLarge { limit }),
            LogError::Full { .. } => Self::Unavailable(
                "the log has no room on its disk: nothing can be changed".to_owned(),
            ),
            _ => Self::Unavailable("the log is not available".to_owned()),
        }
    }
}

impl From<schemas::codec::CodecError> for Error {
    fn from(error: schemas::codec::CodecError) -> Self {
        Self::Internal(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(rule: &str) -> Error {
        Error::Refused(Refusal {
            rule: rule.to_owned(),
            detail: "incident 7 of tenant 8".to_owned(),
            allowed_next: vec!["resolve".to_owned()],
        })
    }

    #[test]
    fn each_refusal_has_its_status() {
        let expected = [
            ("illegal_transition", 409),
            ("last_owner", 409),
            ("stale_version", 412),
            ("idempotency_mismatch", 422),
            ("invalid", 422),
            ("other_name", 422),
            ("not_found", 404),
        ];
        for (rule, status) in expected {
            assert_eq!(refusal(rule).status().as_u16(), status, "{rule}");
        }
    }

    #[test]
    fn what_is_foreign_looks_like_what_is_not() {
        let foreign = serde_json::to_value(refusal("not_found").problem()).unwrap();
        let nothing = serde_json::to_value(Error::NotFound.problem()).unwrap();
        assert_eq!(foreign, nothing);
    }

    #[test]
    fn a_refusal_of_what_was_typed_is_of_its_field() {
        let refused = |rule: &str, detail: &str| {
            let refusal = Refusal {
                rule: rule.to_owned(),
                detail: detail.to_owned(),
                allowed_next: Vec::new(),
            };
            Error::Refused(refusal).problem().errors
        };
        let empty = FieldError::new("name", "is empty");
        assert_eq!(refused("invalid", "`name` is empty"), [empty]);
        assert_eq!(refused("invalid", "the group is empty"), []);
        assert_eq!(refused("last_owner", "`name` is empty"), []);
    }

    #[test]
    fn an_illegal_transition_lists_what_is_legal() {
        let problem = refusal("illegal_transition").problem();
        assert_eq!(problem.allowed_next, Some(vec!["resolve".to_owned()]));
    }
}
