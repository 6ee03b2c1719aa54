//! Why a credential was not accepted. All of these are 401.

/// The reason is told to the caller: each names a condition that its owner can
/// mend, and none tells whether some other credential exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("no credential was presented")]
    Missing,
    #[error("the credential is malformed")]
    Malformed,
    #[error("the API key is not known")]
    UnknownKey,
    #[error("the API key has expired")]
    KeyExpired,
    #[error("the API key was revoked")]
    KeyRevoked,
    #[error("what the API key may do has changed meanwhile: send the request again")]
    KeyChanged,
    #[error("the access token is not valid")]
    InvalidToken,
    #[error("the access token has expired")]
    TokenExpired,
    #[error("the session was ended, or what it may do has changed: refresh it")]
    SessionEnded,
}

impl Denied {
    /// The rule's stable name.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Missing => "credential_missing",
            Self::Malformed => "credential_malformed",
            Self::UnknownKey => "key_unknown",
            Self::KeyExpired => "key_expired",
            Self::KeyRevoked => "key_revoked",
            Self::KeyChanged => "key_changed",
            Self::InvalidToken => "token_invalid",
            Self::TokenExpired => "token_expired",
            Self::SessionEnded => "session_ended",
        }
    }
}
